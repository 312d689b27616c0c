import type { ExchangeAnswer, UpstreamAnswer } from '../../ports.ts';
import { withoutHidden } from '../relay/hide-tools.ts';
import { nodeResponseOf } from '../relay/node-response.ts';
import { listPage, observeAnswer } from '../relay/observe-answer.ts';
import { relay } from '../relay/relay.ts';
import { tap } from '../relay/tap.ts';
import type { MessageEdit } from '../relay/tap-events.ts';
import { bindOpened } from './bind-opened.ts';
import type { Forward } from './forward.ts';
import { OLDEST, type PostedRequest } from './posted.ts';

/** Hands the server's answer to the agent: at once where nothing is to be waited for, as for a plain call. */
export function answerAgent(
  posted: PostedRequest,
  answered: ExchangeAnswer,
  { opens, lists }: Pick<Forward, 'lists' | 'opens'>,
): Response | Promise<Response> {
  if (answered.kind !== 'answer') return toAgent(posted, answered);
  const observed = observedBy(posted, answered);
  const edit = editFor(posted, lists);
  return opens || edit !== null ? afterBinding(posted, observed, opens, edit) : toAgent(posted, observed, true);
}

/** `whole`: nothing was changed, so that it may be written to its socket in one piece. */
function toAgent(posted: PostedRequest, answered: ExchangeAnswer, whole = false): Response {
  const { server, read, outgoing, passage } = posted;
  const node = whole ? nodeResponseOf(outgoing, passage.sent) : null;
  return relay(answered, server.name, read.kind === 'message' ? read.idText : null, node);
}

async function afterBinding(
  posted: PostedRequest,
  answered: UpstreamAnswer,
  opens: boolean,
  edit: MessageEdit | null,
): Promise<Response> {
  // Before the answer leaves: with it the agent could already come back, perhaps to another replica.
  const refused = opens ? await bindOpened(posted, answered) : null;
  return refused ?? toAgent(posted, edit === null ? answered : await tap(answered, edit));
}

/** The answer to `tools/list` is observed as the server gave it. */
function observedBy({ server, read }: PostedRequest, answered: UpstreamAnswer): UpstreamAnswer {
  const { listed } = server;
  if (listed === undefined || read.kind !== 'message' || read.method !== 'tools/list') return answered;
  return observeAnswer(answered, (message) => {
    const page = listPage(read.message, message);
    if (page !== null) listed(page);
  });
}

/** What is to be changed in the answer: hidden tools are cut out, the gateway's own offers are added. */
function editFor({ passage, server, read, headers, claim }: PostedRequest, lists: boolean): MessageEdit | null {
  const hide = lists && server.hides ? (text: string) => withoutHidden(text, server.hidden) : null;
  const version = claim ?? headers['mcp-protocol-version'] ?? OLDEST;
  const method = read.kind === 'message' ? read.method : null;
  const add = method === null ? null : (passage.calls.advertise?.(server.name, method, version) ?? null);
  if (hide === null || add === null) return hide ?? add;
  return (text) => {
    const cut = hide(text);
    return add(cut ?? text) ?? cut;
  };
}

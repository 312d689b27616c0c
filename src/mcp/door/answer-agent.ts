import { member } from '../../domain/json/json.ts';
import type { ExchangeAnswer, UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { requestKind } from '../protocol/request-kind.ts';
import { hidingEdit } from '../relay/hide-tools.ts';
import { nodeResponseOf } from '../relay/node-response.ts';
import { listPage, observeAnswer } from '../relay/observe-answer.ts';
import { relay } from '../relay/relay.ts';
import { tap } from '../relay/tap.ts';
import type { MessageEdit } from '../relay/tap-events.ts';
import { watchAnswer } from '../relay/watch-answer.ts';
import { bindOpened } from './bind-opened.ts';
import type { Forward } from './forward.ts';
import { DEFAULT_REVISION, type PostedRequest } from './posted.ts';

/** Returns the server's answer to the agent, at once where nothing has to be bound or edited, as for a plain call. */
export function answerAgent(
  posted: PostedRequest,
  answered: ExchangeAnswer,
  forward: Pick<Forward, 'mayList' | 'mayOpenSession'>,
): Response | Promise<Response> {
  if (answered.kind !== 'answer') return toAgent(posted, answered);
  const watched = watchedBy(posted, answered);
  return watched instanceof Promise
    ? watched.then((answer) => editedForAgent(posted, answer, forward))
    : editedForAgent(posted, watched, forward);
}

/** Looked at for what the server asks, where that may concern a gated call. */
function watchedBy(posted: PostedRequest, answered: UpstreamAnswer): UpstreamAnswer | Promise<UpstreamAnswer> {
  const { context, read, claimedRevision } = posted;
  if (claimedRevision === null && !isStream(answered)) return answered;
  const { principal, server, session, headers } = posted;
  const request =
    claimedRevision !== null && read.kind === 'message' && read.method !== null
      ? requestKind(read.method, member(read.message, 'params'))
      : null;
  const watch = context.calls.watchAnswer?.(
    {
      principal,
      server: server.name,
      session: session?.digest ?? null,
      sessionId: session === null ? null : (headers['mcp-session-id'] ?? null),
      requestHeaders: headers,
      configured: server.headers,
      upstream: server.upstream,
    },
    request,
  );
  return watch ? watchAnswer(answered, watch) : answered;
}

function editedForAgent(
  posted: PostedRequest,
  answered: UpstreamAnswer,
  { mayOpenSession, mayList }: Pick<Forward, 'mayList' | 'mayOpenSession'>,
): Response | Promise<Response> {
  const observed = observedBy(posted, answered);
  const edit = editFor(posted, mayList);
  return mayOpenSession || edit !== null
    ? afterBinding(posted, observed, mayOpenSession, edit, mayList && posted.server.isDenied !== undefined)
    : toAgent(posted, observed, true);
}

/** `unchanged`: the answer was not edited, so it may be written to its socket in one piece. */
function toAgent(posted: PostedRequest, answered: ExchangeAnswer, unchanged = false): Response {
  const { server, read, outgoing, context } = posted;
  const node = unchanged ? nodeResponseOf(outgoing, context.alreadySent) : null;
  return relay(answered, server.name, read.kind === 'message' ? read.idText : null, node);
}

async function afterBinding(
  posted: PostedRequest,
  answered: UpstreamAnswer,
  mayOpenSession: boolean,
  edit: MessageEdit | null,
  mustRead: boolean,
): Promise<Response> {
  // Bound before the answer leaves: with it, the agent may come back at once, perhaps to another replica.
  const refused = mayOpenSession ? await bindOpened(posted, answered) : null;
  if (refused !== null || edit === null) return refused ?? toAgent(posted, answered);
  return toAgent(posted, await tap(answered, edit, mustRead));
}

/** The answer to `tools/list` is observed as the server sent it, hidden tools included. */
function observedBy({ server, read }: PostedRequest, answered: UpstreamAnswer): UpstreamAnswer {
  const { onToolList } = server;
  if (onToolList === undefined || read.kind !== 'message' || read.method !== 'tools/list') return answered;
  return observeAnswer(answered, (message) => {
    const page = listPage(read.message, message);
    if (page !== null) onToolList(page);
  });
}

function isStream({ headers }: UpstreamAnswer): boolean {
  return (headerOf(headers, 'content-type') ?? '').toLowerCase().startsWith('text/event-stream');
}

/** How the answer is edited: hidden tools are cut out, and what the gateway offers is added. Null: not at all. */
function editFor(
  { context, server, read, headers, claimedRevision }: PostedRequest,
  mayList: boolean,
): MessageEdit | null {
  const { isHidden, isDenied } = server;
  const hide = mayList && server.inspectsLists ? hidingEdit(isHidden, isDenied) : null;
  const version = claimedRevision ?? headers['mcp-protocol-version'] ?? DEFAULT_REVISION;
  const method = read.kind === 'message' ? read.method : null;
  const add = method === null ? null : (context.calls.advertise?.(server.name, method, version) ?? null);
  if (hide === null || add === null) return hide ?? add;
  return {
    text(text) {
      const cut = hide.text(text);
      return add.text(cut ?? text) ?? cut;
    },
    entry(list, text, entry) {
      const hidden = hide.entry?.(list, text, entry);
      return hidden === null ? null : add.entry?.(list, text, entry);
    },
  };
}

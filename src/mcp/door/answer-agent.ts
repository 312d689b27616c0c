import { member } from '../../domain/json/json.ts';
import type { ExchangeAnswer, UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { requestKind } from '../protocol/request-kind.ts';
import { resultText, type ToolResult } from '../protocol/tool-results.ts';
import { hidingEdit } from '../relay/hide-tools.ts';
import { nodeResponseOf } from '../relay/node-response.ts';
import { listPage, observeAnswer } from '../relay/observe-answer.ts';
import { discardAnswer, lostWords, relay, unreadableWords } from '../relay/relay.ts';
import { tap } from '../relay/tap.ts';
import type { MessageEdit } from '../relay/tap-events.ts';
import { ToldEnd } from '../relay/told-end.ts';
import { type AnswerWatch, watchAnswer } from '../relay/watch-answer.ts';
import { readableAnswer, type UnreadableAnswer } from '../upstream/readable.ts';
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
  const watch = watchFor(posted, answered);
  if (watch === null) return editedForAgent(posted, answered, forward);
  const readable = readableAnswer(answered);
  if (readable.kind === 'unreadable') {
    discardAnswer(answered);
    return toAgent(posted, readable);
  }
  const watched = watchAnswer(readable, watch);
  return watched instanceof Promise
    ? watched.then((answer) => editedForAgent(posted, answer, forward))
    : editedForAgent(posted, watched, forward);
}

/** What looks for what the server asks, where that may concern a gated call. */
function watchFor(posted: PostedRequest, answered: UpstreamAnswer): AnswerWatch | null {
  const { context, read, claimedRevision } = posted;
  if (claimedRevision === null && !isEventStream(answered.headers)) return null;
  const { principal, server, session, headers } = posted;
  const request =
    claimedRevision !== null && read.kind === 'message' && read.method !== null
      ? requestKind(read.method, member(read.message, 'params'))
      : null;
  const listener = {
    principal,
    server: server.name,
    session: session?.digest ?? null,
    sessionId: session === null ? null : (headers['mcp-session-id'] ?? null),
    requestHeaders: headers,
    configured: server.headers,
    upstream: server.upstream,
  };
  return context.calls.watchAnswer?.(listener, request) ?? null;
}

function editedForAgent(
  posted: PostedRequest,
  answered: UpstreamAnswer,
  { mayOpenSession, mayList }: Pick<Forward, 'mayList' | 'mayOpenSession'>,
): Response | Promise<Response> {
  const { edit, hides } = editFor(posted, mayList);
  const opens = mayOpenSession || handsOutSession(posted, answered);
  return opens || edit !== null
    ? afterBinding(posted, answered, { opens, counted: mayOpenSession, edit, hides })
    : toAgent(posted, observedBy(posted, answered), true);
}

/** `unchanged`: the answer was not edited, so it may be written to its socket in one piece. */
function toAgent(posted: PostedRequest, answered: ExchangeAnswer | UnreadableAnswer, unchanged = false): Response {
  const { server, read, outgoing, context } = posted;
  const node = nodeResponseOf(outgoing, context.alreadySent);
  const idText = read.kind === 'message' ? read.idText : null;
  const isStream = answered.kind === 'answer' && answered.body instanceof ReadableStream;
  const events = isStream ? { told: toldEndOf(posted), beats: context.beats } : null;
  const method = read.kind === 'message' ? read.method : null;
  return relay(answered, server.name, idText, {
    whole: unchanged ? node : null,
    stream: node,
    ...(events && { events }),
    method,
  });
}

/** A stream that answers a request ends with a message to the agent, however it ends. Null: it answers none. */
function toldEndOf({ server, read, claimedRevision }: PostedRequest): ToldEnd | null {
  if (read.kind !== 'message' || read.idText === null || read.method === null || UNENDING.has(read.method)) return null;
  const { idText, method } = read;
  const lastMessage = (why: string): string => {
    const words = lostWords(server.name, why, method);
    if (method !== 'tools/call') return errorText(idText, words);
    const result: ToolResult = { isError: true, content: [{ type: 'text', text: words }] };
    return `{"jsonrpc":"2.0","id":${idText},"result":${resultText(result, claimedRevision !== null)}}`;
  };
  return new ToldEnd({ idText, lastMessage });
}

/** What subscribes has no response that could be missed. */
const UNENDING: ReadonlySet<string> = new Set(['subscriptions/listen']);

function errorText(idText: string, words: string): string {
  return `{"jsonrpc":"2.0","id":${idText},"error":{"code":502,"message":${JSON.stringify(words)}}}`;
}

interface Editing {
  readonly opens: boolean;
  /** The opening was counted before the request was sent. */
  readonly counted: boolean;
  readonly edit: MessageEdit | null;
  readonly hides: boolean;
}

async function afterBinding(
  posted: PostedRequest,
  answered: UpstreamAnswer,
  { opens, counted, edit, hides }: Editing,
): Promise<Response> {
  // Bound before the answer leaves: with it, the agent may come back at once, perhaps to another replica.
  const bound = opens ? await bindOpened(posted, answered, counted) : answered;
  if (bound instanceof Response) return bound;
  if (edit === null) return toAgent(posted, observedBy(posted, bound));
  const readable = readableAnswer(bound);
  const observed = readable.kind === 'unreadable' ? bound : observedBy(posted, readable);
  const { read, server } = posted;
  const instead = (words: string): string | null =>
    read.kind !== 'message' || read.idText === null ? null : errorText(read.idText, words);
  const words = unreadableWords({ kind: 'unreadable', why: 'has an event that is not JSON' }, server.name);
  return toAgent(posted, await tap(observed, edit, hides ? { instead: instead(words) } : null));
}

/** The answer to `tools/list` is observed as the server sent it, hidden tools included. */
function observedBy({ server, read }: PostedRequest, answered: UpstreamAnswer): UpstreamAnswer {
  const { onToolList } = server;
  if (onToolList === undefined || read.kind !== 'message' || read.method !== 'tools/list') return answered;
  const readable = readableAnswer(answered);
  // Nothing of it has to be read, so it passes as it came.
  if (readable.kind === 'unreadable') return answered;
  return observeAnswer(readable, (message) => {
    const page = listPage(read.message, message);
    if (page !== null) onToolList(page);
  });
}

/** Whether a later answer than that to `initialize` hands out a session (revisions up to 2025-11-25). */
function handsOutSession({ claimedRevision, headers }: PostedRequest, answered: UpstreamAnswer): boolean {
  if (claimedRevision !== null || answered.status >= 300) return false;
  const id = headerOf(answered.headers, 'mcp-session-id');
  return id !== null && id !== headers['mcp-session-id'];
}

/**
 * How the answer is edited: hidden tools are cut out, and what the gateway offers is added. Null: not at all. `hides`:
 * something may have to be cut out.
 */
function editFor(
  { context, server, read, headers, claimedRevision }: PostedRequest,
  mayList: boolean,
): { readonly edit: MessageEdit | null; readonly hides: boolean } {
  const { isHidden, isDenied } = server;
  const cursor = read.kind === 'message' ? member(member(read.message, 'params'), 'cursor') : undefined;
  const continues = cursor !== undefined && cursor !== null;
  const hide = mayList && server.inspectsLists ? hidingEdit(isHidden, isDenied, continues) : null;
  const version = claimedRevision ?? headers['mcp-protocol-version'] ?? DEFAULT_REVISION;
  const method = read.kind === 'message' ? read.method : null;
  const add = method === null ? null : (context.calls.advertise?.(server.name, method, version) ?? null);
  const hides = hide !== null;
  if (hide === null || add === null) return { edit: hide ?? add, hides };
  const edit: MessageEdit = {
    text(text) {
      const cut = hide.text(text);
      return add.text(cut ?? text) ?? cut;
    },
    entry(list, text, entry) {
      const hidden = hide.entry?.(list, text, entry);
      return hidden === null ? null : add.entry?.(list, text, entry);
    },
  };
  return { edit, hides };
}

import type { ExchangeAnswer, UpstreamAnswer } from '../../ports.ts';
import { headerOf, headersForAgent } from '../protocol/header-policy.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { rpcError } from '../protocol/response.ts';
import type { UnreadableAnswer } from '../upstream/readable.ts';
import { type NodeResponse, writeWhole } from './node-response.ts';
import { type PassedEvents, passedEvents, writePassedEvents } from './pass-events.ts';

/** Where and how an answer is passed on. */
export interface RelayTo {
  /** Where a complete answer is written at once; null: it is returned. */
  readonly whole?: NodeResponse | null;
  /** Where a stream of events is written; null: it is returned. */
  readonly stream?: NodeResponse | null;
  /** Absent: an event stream passes as it comes. */
  readonly events?: PassedEvents;
  /** The method that is answered; absent or null: none, or several. */
  readonly method?: string | null;
}

/** Statuses without a body (Fetch standard, null body status). */
const BODILESS = new Set([204, 205, 304]);

/**
 * An upstream's answer as the agent gets it, with status, bytes and streams unchanged. Redirects are not forwarded, nor
 * are 401 and 403, which concern the gateway's credential and not the agent's: all three become 502, as does an
 * upstream that does not answer, or that answers what has to be read and cannot be. `idText`: the answered request's id,
 * as JSON text; null where there is none.
 */
export function relay(
  answer: ExchangeAnswer | UnreadableAnswer,
  server: string,
  idText: string | null,
  { whole = null, stream = null, events, method = null }: RelayTo = {},
): Response {
  const fail = (message: string): Response => rpcError(502, 502, message, idText ?? 'null');
  switch (answer.kind) {
    case 'answer':
      break;
    case 'not_sent':
      return fail(
        `${server} cannot be reached (${answer.why}); nothing was sent to it. It is safe to try again later.`,
      );
    case 'lost':
      return fail(lostWords(server, answer.why, method));
    case 'unreadable':
      return fail(unreadableWords(answer, server));
    default:
      return answer satisfies never;
  }
  const { status } = answer;
  if (status === 401 || status === 403) {
    discardAnswer(answer);
    return fail(`${server} refused the gateway's own credential (${status}). Its operator has to look at it.`);
  }
  if (status < 200 || (status >= 300 && status < 400) || status > 599) {
    discardAnswer(answer);
    return fail(`${server} answered ${status}, which is not passed on. Its operator has to correct its address.`);
  }
  const body = BODILESS.has(status) ? null : answer.body;
  const headers = headersForAgent(answer.headers);
  if (whole !== null && body instanceof Uint8Array) return writeWhole(whole, status, headers, body);
  if (events !== undefined && body instanceof ReadableStream && hasEvents(answer)) {
    if (stream !== null) return writePassedEvents(stream, { status, headers }, body, events);
    return new Response(passedEvents(body, events), { status, headers });
  }
  return new Response(body as BodyInit | null, { status, headers });
}

/** Whether the answer is a stream of events into which something can be written: nobody can write into packed bytes. */
export function hasEvents({ status, headers }: Pick<UpstreamAnswer, 'headers' | 'status'>): boolean {
  return status < 300 && isEventStream(headers) && isUnpacked(headers);
}

function isUnpacked(headers: UpstreamAnswer['headers']): boolean {
  const coding = headerOf(headers, 'content-encoding');
  return coding === null || /^\s*(?:identity)?\s*$/i.test(coding);
}

/** Methods that change nothing at a server, whether it has run them or not. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['initialize', 'server/discover', 'ping', 'logging/setLevel', 'completion/complete'],
  ...['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list', 'tasks/list'],
]);

/** What an agent is told about an answer that did not come, or not to its end. `method`: null, it is not known. */
export function lostWords(server: string, why: string, method: string | null): string {
  if (method === 'initialize')
    return `${server} ended the connection before it had begun a session (${why}). Nothing was called, so it is safe to try again; if it stays so, its operator has to look at it.`;
  const broke = `The connection to ${server} broke before its answer was complete (${why}).`;
  return method !== null && HARMLESS.has(method)
    ? `${broke} ${method} changes nothing, so it is safe to try again.`
    : `${broke} What was sent may have taken effect: check before you repeat it.`;
}

/** What an agent is told about an answer that the gateway has to look through and cannot read. */
export function unreadableWords({ why }: UnreadableAnswer, server: string): string {
  return (
    `${server} answered, but its answer ${why}. The gateway has to look through it, so nothing of it is passed on. ` +
    'Its operator has to have it, and any proxy before it, answer in JSON or events, in UTF-8, packed in no other way ' +
    'than gzip, deflate, br or zstd.'
  );
}

/** Cancels the stream of an answer that is not forwarded. */
export function discardAnswer(answer: ExchangeAnswer): void {
  if (answer.kind === 'answer' && answer.body instanceof ReadableStream) answer.body.cancel().catch(() => {});
}

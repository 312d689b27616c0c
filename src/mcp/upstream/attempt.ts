import type { Outcome } from '../../domain/approval/dispatch.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { messageEvent } from '../sse/write.ts';
import { notRunBy } from './not-run.ts';
import { CANCELLED, endingIn, type OutgoingRequest, type SendResult } from './outgoing.ts';
import { readStream } from './read-stream.ts';
import { readWhole } from './read-whole.ts';
import { readableAnswer } from './readable.ts';
import { responseIn } from './response.ts';

/** How one attempt ended, with what its HTTP answer said; `status`: null, there was none. */
export interface Attempt extends SendResult {
  readonly status: number | null;
  /** The session that the answer hands out; null: none. */
  readonly session: string | null;
}

const UTF8 = new TextDecoder();

/** Sends a request once and reads its answer. What becomes of it in which case: see `sendOnce`. */
export async function attempt(request: OutgoingRequest): Promise<Attempt> {
  const { upstream, headers, bytes, grant, signal } = request;
  // What follows the response is read to its end: a legacy server may take a closed connection for a cancellation.
  const onLeave = signal === undefined ? ({ whenAbandoned: 'drain' } as const) : { signal };
  const carries = request.carriesRequests === true ? { carriesRequests: true } : {};
  const answer = await upstream.exchange({ method: 'POST', headers, body: bytes, grant, ...carries, ...onLeave });
  if (answer.kind !== 'answer') return { ...endingIn(unanswered(answer, signal)), status: null, session: null };
  const { status } = answer;
  const session = headerOf(answer.headers, 'mcp-session-id');
  const notRun = notRunBy(answer, upstream.notRun, headers['mcp-session-id'] !== undefined);
  if (notRun !== null) {
    if (answer.body instanceof ReadableStream) answer.body.cancel().catch(() => {});
    const { why, sessionLost } = notRun;
    return { ...endingIn({ kind: 'not_sent', why }), status, session, ...(sessionLost && { sessionLost }) };
  }
  return { ...(await readAnswer(request, answer)), status, session };
}

function unanswered({ kind, why }: { kind: 'not_sent' | 'lost'; why: string }, signal?: AbortSignal): Outcome {
  if (kind === 'not_sent') return { kind: 'not_sent', why };
  return signal?.aborted ? CANCELLED : { kind: 'unknown', why: `its answer was lost (${why})` };
}

async function readAnswer(request: OutgoingRequest, answer: UpstreamAnswer): Promise<SendResult> {
  if (answer.status >= 500 || answer.status < 200) {
    return endingIn({ kind: 'unknown', why: `the server answered ${answer.status}` });
  }
  if (answer.status < 300 && isEventStream(answer.headers)) return readStream(request, answer);
  return endingIn(await readSingleResponse(request, answer));
}

async function readSingleResponse(request: OutgoingRequest, answer: UpstreamAnswer): Promise<Outcome> {
  const readable = readableAnswer(answer);
  // A refusal is one, whether it can be read or not.
  if (readable.kind === 'unreadable') {
    const isRefusal = answer.status >= 300;
    return isRefusal
      ? refusalResponse(request.idText, answer.status)
      : { kind: 'unknown', why: `its answer ${readable.why}` };
  }
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(readable.body, request.signal);
  } catch (error) {
    if (request.signal?.aborted) return CANCELLED;
    const why = error instanceof Error ? error.message : 'unknown';
    return { kind: 'unknown', why: `its answer broke off (${why})` };
  }
  const { outcome, others } = await responseIn(bytes, request.idText);
  for (const message of others) await request.onEvent(new TextEncoder().encode(messageEvent(UTF8.decode(message))));
  if (outcome !== null) return outcome;
  if (answer.status < 300) return { kind: 'unknown', why: 'the server answered without a response' };
  return refusalResponse(request.idText, answer.status);
}

/** A JSON-RPC error response for an HTTP refusal that contains none. */
function refusalResponse(idText: string, status: number): Outcome {
  const error = { code: status, message: `The server refused the call with HTTP ${status}.` };
  const text = `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`;
  return { kind: 'returned', response: new TextEncoder().encode(text), failed: true };
}

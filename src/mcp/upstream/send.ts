import type { Outcome } from '../../domain/approval/dispatch.ts';
import type { ExchangeAnswer } from '../../ports.ts';
import { type Attempt, attempt } from './attempt.ts';
import { provenInNewSession } from './dead-session.ts';
import { notRunBy } from './not-run.ts';
import { endingIn, type OutgoingRequest, type SendResult } from './outgoing.ts';

/**
 * Sends a request, such as an approved call, once and waits for its response without a time limit. Nothing that may have
 * been run is ever sent again: a stream that ends early is resumed by GET (2025-11-25, Resumability and Redelivery),
 * which does not repeat the call.
 *
 * | what came | session | era | what is known | outcome |
 * |---|---|---|---|---|
 * | nothing: refused, DNS or TLS failure before any write, no child | any | both | nothing ran | not sent |
 * | nothing: a reset, a time-out | any | both | nothing | unknown |
 * | a refusal of the gateway's own in place of a child (stdio) | any | legacy | nothing ran | not sent |
 * | 2xx with the response | any | both | it ran | returned |
 * | 2xx without it, a stream that ends without it | any | both | nothing | unknown |
 * | 401 | any | both | nothing ran: the credential is checked before | not sent |
 * | a status of the server's `not_run` | any | both | nothing ran, says its operator | not sent |
 * | 404 | named | legacy | nothing ran, unless a `ping` in the session is answered | not sent, or returned, failed |
 * | 400 | named | legacy | nothing ran, if the session is proven dead | not sent, or returned, failed |
 * | 400, 404 | none | both | the server refused, perhaps after it ran | returned, failed |
 * | 403, 429, another 4xx, 3xx | any | both | the server or a proxy refused, perhaps after it ran | returned, failed |
 * | 5xx, 1xx | any | both | nothing | unknown |
 *
 * A session is proven dead when the server refuses a `ping` in it as well, opens a new one, and answers a `ping` there.
 * Not sent: the pass is given back, and so is what the call took from limits.
 */
export async function sendOnce(request: OutgoingRequest): Promise<SendResult> {
  const { sent } = await settled(request, async () => null);
  return sent;
}

/**
 * The same; where the session is proven dead, the request is sent in a new one, once, which is ended afterwards. The new
 * session offers the server no capabilities of a client's, so it asks nothing in it.
 */
export async function sendInAnySession(request: OutgoingRequest): Promise<SendResult> {
  const { sent, anew } = await settled(request, (headers) => attempt({ ...request, headers }));
  if (anew === null) return sent;
  if (anew.sessionLost)
    return { ...endingIn({ kind: 'not_sent', why: 'the server forgets its sessions' }), sessionLost: true };
  return { ...anew, outcome: noted(anew.outcome) };
}

/** Whether the answer to a request that the agent made itself proves that nothing ran, as by the table above. */
export async function provesNothingRan(
  request: Pick<OutgoingRequest, 'grant' | 'headers' | 'upstream'>,
  answer: ExchangeAnswer,
): Promise<boolean> {
  if (answer.kind !== 'answer') return answer.kind === 'not_sent';
  const inSession = request.headers['mcp-session-id'] !== undefined;
  const notRun = notRunBy(answer, request.upstream.notRun, inSession);
  if (!isDoubtful(request, answer)) return notRun !== null;
  const found = await provenInNewSession(request, async () => null);
  return found.proven || (notRun !== null && !found.alive);
}

/** The attempt, and what `then` made of a new session where the old one is proven dead; null: it made nothing. */
async function settled<T>(
  request: OutgoingRequest,
  then: (headers: Record<string, string>) => Promise<T>,
): Promise<{ readonly sent: SendResult; readonly anew: T | null }> {
  const sent = await attempt(request);
  if (request.signal?.aborted || !isDoubtful(request, sent)) return { sent, anew: null };
  const found = await provenInNewSession(request, then);
  if (found.proven) {
    const why = 'the server no longer knows the session; start a new one';
    return { sent: { ...endingIn({ kind: 'not_sent', why }), sessionLost: true }, anew: found.result };
  }
  if (!found.alive || sent.outcome.kind === 'returned') return { sent, anew: null };
  return { sent: endingIn(refusedIn(request.idText)), anew: null };
}

/** Whether the server may have refused the session rather than the call. */
function isDoubtful(
  { upstream, headers }: Pick<OutgoingRequest, 'headers' | 'upstream'>,
  { status }: Pick<Attempt, 'status'>,
): boolean {
  if (upstream.kind !== 'http' || headers['mcp-session-id'] === undefined) return false;
  return status === 404 || (status === 400 && upstream.notRun?.has(400) !== true);
}

/** The session lives, so the 404 was about the call. */
function refusedIn(idText: string): Outcome {
  const error = { code: 404, message: 'The server refused the call with HTTP 404.' };
  const text = `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`;
  return { kind: 'returned', response: new TextEncoder().encode(text), failed: true };
}

function noted(outcome: Outcome): Outcome {
  const note = 'sent in a new session, because the server no longer knew the one it was asked in';
  return outcome.kind === 'returned' ? { ...outcome, note } : outcome;
}

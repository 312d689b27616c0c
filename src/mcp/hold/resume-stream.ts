import type { Approval } from '../../domain/approval/approval.ts';
import { isRevision } from '../../domain/call/transport.ts';
import { sessionClient } from '../../gateway/call/clients.ts';
import { collectedSince, holdParkedCall, leaveSeatEmptySoon, takeSeatAgain } from '../../gateway/call/seats.ts';
import { counterTold } from '../../gateway/counter/told-counter.ts';
import { keptResult, rememberHandedOut } from '../../gateway/dispatch/kept-result.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Resumption } from '../door/call-door.ts';
import { endedResult } from '../protocol/counter-result.ts';
import { rpcError } from '../protocol/response.ts';
import { approvalMeta, resultText } from '../protocol/tool-results.ts';
import { isOurEventId, openEventId, type ResumePoint } from './event-id.ts';
import { frozenCallIn, paramsOf } from './frozen-call.ts';
import { REPLAY_MS } from './held-call.ts';
import { type HeldCalls, httpResponseOf } from './held-calls.ts';
import { responseForCaller } from './kept-answer.ts';
import { progressTokenOf } from './request.ts';
import { HeldStream } from './stream-answer.ts';
import { type HoldTerms, holdMs } from './terms.ts';
import { legacyStrategy } from './wait-strategy.ts';

const UTF8 = new TextDecoder();

/**
 * Resumes a held answer whose connection broke, on whichever replica the client reaches (2025-11-25, Resumability and
 * Redelivery). The event id names the seat; the call itself is read from the parked request. An answer that was taken
 * up to `REPLAY_MS` ago is sent again. Null: the id is not ours. HTTP 400: it was not issued to this grant for this
 * server. HTTP 405: the stream has ended.
 */
export async function resumeStream(
  gateway: Gateway,
  heldCalls: HeldCalls,
  terms: HoldTerms,
  resumption: Resumption,
): Promise<Response | null> {
  const { principal, server, session, lastEventId } = resumption;
  if (!isOurEventId(lastEventId)) return null;
  const point = openEventId(gateway.vault, principal.grant, server, lastEventId);
  if (point === null) return rpcError(400, 400, 'This Last-Event-ID was not issued to this grant.');
  const { joiner, idText } = point;
  const seat = { joiner, grant: principal.grant, server };
  const approval = await takeSeatAgain(gateway, { ...seat, session, requestId: idText, round: null });
  if (approval === null) return replay(gateway, seat, idText, lastEventId);
  try {
    return await resumeWait(gateway, heldCalls, terms, resumption, point, approval);
  } catch (error) {
    // The client gets an error and will come again; until then nobody sits in this seat.
    leaveSeatEmptySoon(gateway, joiner);
    throw error;
  }
}

/** Waits in the caller's seat, as before the connection broke. */
async function resumeWait(
  gateway: Gateway,
  heldCalls: HeldCalls,
  terms: HoldTerms,
  { principal, server, session, sessionId, protocolVersion, configured, upstream }: Resumption,
  point: ResumePoint,
  approval: Approval,
): Promise<Response> {
  const { joiner, idText } = point;
  const client = await sessionClient(gateway, session, server);
  const frozen = await holdParkedCall(gateway, approval, null);
  const call = frozen === null ? null : frozenCallIn(frozen);
  // Only the opener's own progress token is kept with the call.
  const progressToken =
    call?.idText === idText && call.session === session ? progressTokenOf(paramsOf(call.text), call.text) : null;
  const revision = protocolVersion !== null && isRevision(protocolVersion) ? protocolVersion : null;
  const caller = { principal, server, session, sessionId, revision, idText, progressToken };
  const held = { ...caller, frozen, configured, upstream, modern: false, answers: null };
  const seat = { approval, joiner, opened: false, notice: null };
  const ms = holdMs(terms, { client, modern: false, progress: progressToken !== null });
  const strategy = legacyStrategy(gateway, held, seat, protocolVersion ?? '');
  const signal = new AbortController().signal;
  return heldCalls.hold(held, seat, ms, { accept: 'text/event-stream', signal }, strategy);
}

/**
 * Sends the final answer of a stream again. The socket took it before, but on a half-open connection nobody may have
 * read it. The same grant may fetch it by the stream's event id for `REPLAY_MS`; nothing is sent to the server.
 */
async function replay(
  gateway: Gateway,
  seat: { readonly joiner: string; readonly grant: string; readonly server: string },
  idText: string,
  eventId: string,
): Promise<Response> {
  const since = new Date(gateway.clock.now().getTime() - REPLAY_MS);
  const approval = await collectedSince(gateway, seat, since);
  const text = approval === null ? null : await finalMessage(gateway, approval, idText);
  // Cancelled, or ended long ago: there is nothing to replay, and clients accept 405 as final.
  if (text === null) return rpcError(405, 405, 'This stream has ended.', 'null', { allow: 'POST' });
  const stream = new HeldStream();
  stream.prime(eventId);
  stream.message(text);
  stream.close();
  return httpResponseOf(stream) as Response;
}

/** The JSON-RPC response that the caller was sent; null: it is no longer kept. */
async function finalMessage(gateway: Gateway, approval: Approval, idText: string): Promise<string | null> {
  if (approval.state !== 'succeeded' && approval.state !== 'failed') {
    const result = endedResult(approval, await counterTold(gateway, approval));
    return `{"jsonrpc":"2.0","id":${idText},"result":${resultText(result, false)}}`;
  }
  const response = await keptResult(gateway, approval);
  if (response !== null) await rememberHandedOut(gateway, approval);
  return response === null ? null : responseForCaller(UTF8.decode(response), idText, approvalMeta(approval));
}

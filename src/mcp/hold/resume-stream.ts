import { type Approval, isOver } from '../../domain/approval/approval.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { clientOf } from '../../gateway/call/clients.ts';
import { collectedSince, leaveSeatEmptySoon, parkedRequest, takeSeatAgain } from '../../gateway/call/seats.ts';
import { keptResult } from '../../gateway/dispatch/kept-result.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Resumption } from '../door/call-door.ts';
import { withMember } from '../json/edit.ts';
import { rpcError } from '../protocol/response.ts';
import { approvalMeta, over, resultText } from '../protocol/tool-results.ts';
import { isOurEventId, openEventId, type StreamPlace } from './event-id.ts';
import { REPLAY_MS } from './held-call.ts';
import { type HeldCalls, responseOf } from './held-calls.ts';
import { asMine } from './kept-answer.ts';
import { progressTokenOf } from './request.ts';
import { HeldStream } from './stream-answer.ts';
import { type HoldTerms, holdMs } from './terms.ts';
import { legacyStrategy } from './wait-strategy.ts';

const UTF8 = new TextDecoder();

/**
 * Goes on with a held answer whose connection broke, on whatever replica the client reaches (2025-11-25, Resumability
 * and Redelivery). The event id names the place; the call itself is read from what was parked, and an answer that was
 * taken a moment ago is told again. Null: not our id.
 */
export async function resumeStream(
  gateway: Gateway,
  desk: HeldCalls,
  terms: HoldTerms,
  resumption: Resumption,
): Promise<Response | null> {
  const { principal, server, session, lastEventId } = resumption;
  if (!isOurEventId(lastEventId)) return null;
  const place = openEventId(gateway.vault, principal.grant, server, lastEventId);
  if (place === null) return rpcError(400, 400, 'Last-Event-ID is none that this gateway gave to this grant.');
  const { joiner, idText } = place;
  const approval = await takeSeatAgain(gateway, { joiner, session, requestId: idText, round: null });
  if (approval === null) return replay(gateway, place, lastEventId);
  try {
    return await goOn(gateway, desk, terms, resumption, place, approval);
  } catch (error) {
    // It is told so, and comes again: nobody sits at this place.
    leaveSeatEmptySoon(gateway, joiner);
    throw error;
  }
}

/** In its place: waits there, as before. */
async function goOn(
  gateway: Gateway,
  desk: HeldCalls,
  terms: HoldTerms,
  { principal, server, session, headers: said, upstream }: Resumption,
  place: StreamPlace,
  approval: Approval,
): Promise<Response> {
  const { joiner, idText } = place;
  const bytes = await bytesFor(gateway, place, isOver(approval.state));
  const params = bytes === null ? {} : ((JSON.parse(UTF8.decode(bytes)) as JsonObject).params as JsonObject);
  const progressToken = progressTokenOf(params);
  const headers: Record<string, string> = { ...said, accept: 'application/json, text/event-stream' };
  const held = {
    principal,
    server,
    session,
    idText,
    bytes: bytes ?? new Uint8Array(0),
    headers: { ...withoutEventId(headers), 'content-type': 'application/json' },
    upstream,
    modern: false,
    progressToken,
  };
  const seat = { approval, joiner, opened: false, notice: null };
  const client = await clientOf(gateway, session, server);
  const ms = holdMs(terms, { client, modern: false, progress: progressToken !== null });
  const strategy = legacyStrategy(gateway, held, seat, headers['mcp-protocol-version'] ?? '');
  const signal = new AbortController().signal;
  return desk.hold(held, seat, ms, { accept: 'text/event-stream', signal }, strategy);
}

/**
 * The last event of a stream whose answer was taken, by its socket at least: a connection that was only half open took
 * it and nobody read it. Whoever has the stream's id, and is its grant, may have it again for a while; nothing is sent
 * to the server by it.
 */
async function replay(gateway: Gateway, { joiner, idText }: StreamPlace, eventId: string): Promise<Response> {
  const since = new Date(gateway.clock.now().getTime() - REPLAY_MS);
  const approval = await collectedSince(gateway, joiner, since);
  const text = approval === null ? null : await endOf(gateway, approval, idText);
  // Cancelled, or long over: there is nothing to replay, and clients take 405 for an answer.
  if (text === null) return rpcError(405, 405, 'This stream has ended.', 'null', { allow: 'POST' });
  const stream = new HeldStream();
  stream.prime(eventId);
  stream.message(text);
  stream.close();
  return responseOf(stream) as Response;
}

/** What the caller was told, once more; null: it is no longer kept. */
async function endOf(gateway: Gateway, approval: Approval, idText: string): Promise<string | null> {
  if (approval.state !== 'succeeded' && approval.state !== 'failed') {
    return `{"jsonrpc":"2.0","id":${idText},"result":${resultText(over(approval), false)}}`;
  }
  const response = await keptResult(gateway, approval);
  return response === null ? null : asMine(UTF8.decode(response), idText, approvalMeta(approval));
}

function withoutEventId({ 'last-event-id': _, ...rest }: Readonly<Record<string, string>>): Record<string, string> {
  return rest;
}

/** The parked call with this caller's own id; null once it is over, when nothing is left to send. */
async function bytesFor(
  gateway: Gateway,
  { approval, idText }: StreamPlace,
  over: boolean,
): Promise<Uint8Array | null> {
  const parked = over ? null : await parkedRequest(gateway, approval);
  return parked === null ? null : new TextEncoder().encode(withMember(UTF8.decode(parked), ['id'], idText));
}

import { isOver } from '../domain/approval.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { rpcError } from './answer.ts';
import type { Resumption } from './call-door.ts';
import { isOurEventId, openEventId, type StreamPlace } from './event-id.ts';
import { progressTokenOf } from './held-request.ts';
import type { HoldDesk } from './hold-desk.ts';
import { type HoldTerms, holdMs } from './hold-terms.ts';
import { withMember } from './json-edit.ts';
import { legacyManner } from './manner.ts';

const UTF8 = new TextDecoder();

/**
 * Goes on with a held answer whose connection broke, on whatever replica the client reaches (2025-11-25, Resumability
 * and Redelivery). The event id names the place; the call itself is read from what was parked. Null: not our id.
 */
export async function resumeStream(
  gateway: Gateway,
  desk: HoldDesk,
  terms: HoldTerms,
  resumption: Resumption,
): Promise<Response | null> {
  const { principal, server, session, lastEventId } = resumption;
  if (!isOurEventId(lastEventId)) return null;
  const { setting } = gateway;
  const place = openEventId(setting.vault, principal.grant, server, lastEventId);
  if (place === null) return rpcError(400, 400, 'Last-Event-ID is none that this gateway gave to this grant.');
  const { joiner, idText } = place;
  const approval = await setting.tasks.reseat({
    joiner,
    replica: setting.replica,
    session,
    requestId: idText,
    round: null,
  });
  // Answered, or cancelled: there is nothing to replay, and clients take 405 for an answer.
  if (approval === null) return rpcError(405, 405, 'This stream has ended.', 'null', { allow: 'POST' });
  const bytes = await bytesFor(gateway, place, isOver(approval.state));
  const params = bytes === null ? {} : ((JSON.parse(UTF8.decode(bytes)) as JsonObject).params as JsonObject);
  const progressToken = progressTokenOf(params);
  const headers: Record<string, string> = { ...resumption.headers, accept: 'application/json, text/event-stream' };
  const held = {
    principal,
    server,
    session,
    idText,
    bytes: bytes ?? new Uint8Array(0),
    headers: { ...withoutEventId(headers), 'content-type': 'application/json' },
    upstream: resumption.upstream,
    modern: false,
    progressToken,
  };
  const seat = { approval, joiner, opened: false, unheard: null };
  const client = session === null ? null : await setting.tasks.clientOf(session, server);
  const ms = holdMs(terms, { client, modern: false, progress: progressToken !== null });
  const manner = legacyManner(gateway, held, seat, headers['mcp-protocol-version'] ?? '');
  const signal = new AbortController().signal;
  return desk.hold(held, seat, ms, { accept: 'text/event-stream', signal }, manner);
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
  const { store, vault } = gateway.setting;
  const sealed = over ? null : await store.request(approval);
  if (sealed === null) return null;
  const text = UTF8.decode(vault.open('request', approval, sealed));
  return new TextEncoder().encode(withMember(text, ['id'], idText));
}

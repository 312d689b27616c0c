import { LONGEST_REQUEST_ID } from '../../domain/call/transport.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { withinOr } from '../../time/within.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import type { AgentRequest } from './incoming-request.ts';

/** Bytes of a body that is looked into for its id only, because its sender may be anybody. */
const MOST_BYTES = 16 * 1024;
/** Milliseconds that such a body may take to arrive. */
const PATIENCE_MS = 1_000;

/**
 * The id of a POST that is refused before its body is read, as JSON text, by which its client finds the request that the
 * refusal ends. Null: it holds no single request, or is too long, too slow or of unknown length to be looked into.
 */
export async function idOfRefused(request: AgentRequest, headers: HeaderRecord): Promise<string | null> {
  const announced = headers['content-length'] ?? '';
  const isShort = /^\d{1,6}$/.test(announced) && Number(announced) <= MOST_BYTES;
  if (request.method !== 'POST' || !isShort || request.bodyUsed) return null;
  const bytes = await withinOr(
    PATIENCE_MS,
    request.arrayBuffer().catch(() => null),
    null,
  );
  return bytes === null ? null : idInBody(new Uint8Array(bytes));
}

/** The id of the single request that a body of at most `MOST_BYTES` is, as JSON text; null: it is none. */
export function idInBody(bytes: Uint8Array): string | null {
  if (bytes.length > MOST_BYTES) return null;
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch {
    return null;
  }
  if (!isObject(value) || typeof member(value, 'method') !== 'string') return null;
  const id = member(value, 'id');
  const isId = typeof id === 'number' || (typeof id === 'string' && id.length <= LONGEST_REQUEST_ID);
  return isId ? JSON.stringify(id) : null;
}

import type { Outcome } from '../../domain/approval/dispatch.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { type ByteSpan, type Places, placesIn } from '../json/find.ts';
import { LARGE_MESSAGE } from '../json/large.ts';

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const OPEN_OBJECT = 0x7b;

/** The outcome if these bytes are the JSON-RPC response to the request of this id; else null. */
export async function responseIn(bytes: Uint8Array, idText: string): Promise<Outcome | null> {
  return bytes.length < LARGE_MESSAGE ? parsedResponse(bytes, idText) : foundResponse(bytes, idText);
}

function parsedResponse(bytes: Uint8Array, idText: string): Outcome | null {
  let message: Json;
  try {
    message = JSON.parse(UTF8.decode(bytes)) as Json;
  } catch {
    return null;
  }
  if (!isObject(message) || member(message, 'method') !== undefined) return null;
  if (member(message, 'id') !== JSON.parse(idText)) return null;
  const result = member(message, 'result');
  if (result === undefined && member(message, 'error') === undefined) return null;
  const failed = result === undefined || member(result, 'isError') === true;
  return { kind: 'returned', response: bytes, failed };
}

const ASKED = [['id'], ['method'], ['result'], ['result', 'isError'], ['error']] as const;

async function foundResponse(bytes: Uint8Array, idText: string): Promise<Outcome | null> {
  const places = await placesIn(bytes, ASKED);
  if (places === null || places.has('method')) return null;
  const id = places.get('id');
  if (id === undefined || id.end - id.start > 6 * (idText.length + 2) + 64) return null;
  if ((JSON.parse(textOf(bytes, id)) as Json) !== JSON.parse(idText)) return null;
  if (!places.has('result') && !places.has('error')) return null;
  return { kind: 'returned', response: bytes, failed: hasFailed(bytes, places) };
}

function hasFailed(bytes: Uint8Array, places: Places): boolean {
  const result = places.get('result');
  if (result === undefined) return true;
  const isError = places.get('result isError');
  return bytes[result.start] === OPEN_OBJECT && isError !== undefined && textOf(bytes, isError) === 'true';
}

function textOf(bytes: Uint8Array, { start, end }: ByteSpan): string {
  return UTF8.decode(bytes.subarray(start, end));
}

import { withoutMark } from '../../bytes/byte-order-mark.ts';
import type { Outcome } from '../../domain/approval/dispatch.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { type ByteSpan, elementsIn, type Places, placesIn, withoutBlanks } from '../json/find.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { OPEN_ARRAY } from '../json/text.ts';

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
const OPEN_OBJECT = 0x7b;

/** What an answer's JSON holds. */
export interface AnswerReading {
  /** The response to the request; null: it is not among the messages. */
  readonly outcome: Extract<Outcome, { kind: 'returned' }> | null;
  /** The other messages of a list, in their order. */
  readonly others: readonly Uint8Array[];
}

/**
 * Reads an answer's JSON, or an event's, as leniently as the official SDKs: a byte order mark before it is dropped, and a
 * list of messages is read as each of them (2025-03-26, and SDK v1 to this day). `idText`: the request's id.
 */
export async function responseIn(marked: Uint8Array, idText: string): Promise<AnswerReading> {
  const bytes = withoutMark(marked);
  const whole = withoutBlanks(bytes, 0, bytes.length);
  if (bytes[whole.start] !== OPEN_ARRAY) return { outcome: await oneResponse(bytes, idText), others: [] };
  if ((await placesIn(bytes, [])) === null) return { outcome: null, others: [] };
  let outcome: AnswerReading['outcome'] = null;
  const others: Uint8Array[] = [];
  for await (const { start, end } of elementsIn(bytes, whole)) {
    const message = bytes.subarray(start, end);
    const found: AnswerReading['outcome'] = outcome === null ? await oneResponse(message, idText) : null;
    if (found === null) others.push(message);
    outcome ??= found;
  }
  return { outcome, others };
}

/** The message that an answer's JSON is, or that is alone in a list of messages; any other JSON as it is. */
export async function soleMessageIn(marked: Uint8Array): Promise<Uint8Array> {
  const bytes = withoutMark(marked);
  const whole = withoutBlanks(bytes, 0, bytes.length);
  if (bytes[whole.start] !== OPEN_ARRAY || (await placesIn(bytes, [])) === null) return bytes;
  let sole: Uint8Array | null = null;
  for await (const { start, end } of elementsIn(bytes, whole)) {
    if (sole !== null) return bytes;
    sole = bytes.subarray(start, end);
  }
  return sole ?? bytes;
}

async function oneResponse(bytes: Uint8Array, idText: string): Promise<AnswerReading['outcome']> {
  return bytes.length < LARGE_MESSAGE ? parsedResponse(bytes, idText) : foundResponse(bytes, idText);
}

/** SDK v1 takes the id as a number, so a server that answers a number with its text is understood by its clients. */
function answersId(id: Json | undefined, idText: string): boolean {
  const asked = JSON.parse(idText) as Json;
  return (
    id === asked || (typeof id === 'string' && typeof asked === 'number' && id.trim() !== '' && Number(id) === asked)
  );
}

function parsedResponse(bytes: Uint8Array, idText: string): AnswerReading['outcome'] {
  const message = parsedJson(UTF8.decode(bytes));
  if (message === undefined || !isResponse(message, idText)) return null;
  const result = member(message, 'result');
  const failed = result === undefined || member(result, 'isError') === true;
  return { kind: 'returned', response: bytes, failed };
}

/** Whether JSON text that is not large holds the response, as `responseIn` reads it; what is no JSON holds none. */
export function answersRequest(text: string, idText: string): boolean {
  // Without either word, or an escape that may spell it, nothing has to be parsed.
  if (!RESPONSE_WORDS.test(text)) return false;
  const value = parsedJson(text.startsWith(MARK) ? text.slice(MARK.length) : text);
  return Array.isArray(value)
    ? (value as readonly Json[]).some((message) => isResponse(message, idText))
    : value !== undefined && isResponse(value, idText);
}

const MARK = '\ufeff';
const RESPONSE_WORDS = /"result"|"error"|\\u/;

function isResponse(message: Json, idText: string): boolean {
  if (!isObject(message) || member(message, 'method') !== undefined) return false;
  if (!answersId(member(message, 'id'), idText)) return false;
  return member(message, 'result') !== undefined || member(message, 'error') !== undefined;
}

function parsedJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

const ASKED = [['id'], ['method'], ['result'], ['result', 'isError'], ['error']] as const;

async function foundResponse(bytes: Uint8Array, idText: string): Promise<AnswerReading['outcome']> {
  const places = await placesIn(bytes, ASKED);
  if (places === null || places.has('method')) return null;
  const id = places.get('id');
  if (id === undefined || id.end - id.start > 6 * (idText.length + 2) + 64) return null;
  if (!answersId(JSON.parse(textOf(bytes, id)) as Json, idText)) return null;
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

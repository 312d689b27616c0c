import type { JsonObject } from '../../domain/json/json.ts';
import { breathe } from '../../time/breathe.ts';
import { type ByteSpan, type Places, placesIn } from '../json/find.ts';
import { OPEN_OBJECT } from '../json/text.ts';
import type { HeldAnswer } from './answer.ts';

/** Bytes that are given to a reader at once. */
const PIECE = 256 * 1024;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const ENCODER = new TextEncoder();

/** A range to be replaced, and what comes in its place. */
interface Edit extends ByteSpan {
  readonly bytes: Uint8Array;
}

/**
 * Sends a large response to one caller, in pieces and no faster than it is read: as `responseForCaller` edits it, with
 * line breaks as spaces. `eventId`: that of the server's event; null: it had none. `entries`: members that its `_meta`
 * gets, in the place of the server's own of the same name.
 */
export async function sendLarge(
  answer: Pick<HeldAnswer, 'large' | 'readerGone'>,
  response: Uint8Array,
  eventId: string | null,
  idText: string,
  entries: JsonObject,
): Promise<void> {
  await onOneLine(response);
  const paths = Object.keys(entries).map((name) => ['result', '_meta', name]);
  const places = await placesIn(response, [['id'], ['result'], ['result', '_meta'], ...paths]);
  const edits = places === null ? [] : editsFor(response, places, idText, entries);
  await answer.large(eventId, piecesOf(response, edits));
}

/** Like `withMember` and `splice` on text: the bytes outside of these ranges stay. */
function editsFor(response: Uint8Array, places: Places, idText: string, entries: JsonObject): Edit[] {
  const edits: Edit[] = [];
  const id = places.get('id');
  if (id !== undefined) edits.push({ ...id, bytes: ENCODER.encode(idText) });
  const result = places.get('result');
  if (result === undefined || response[result.start] !== OPEN_OBJECT) return edits;
  const meta = places.get('result _meta');
  const added: string[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    const existing = places.get(`result _meta ${name}`);
    if (existing !== undefined) edits.push({ ...existing, bytes: ENCODER.encode(JSON.stringify(entry)) });
    else added.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`);
  }
  if (added.length > 0 && meta === undefined) edits.push(memberFor(response, result, `"_meta":{${added.join(',')}}`));
  else if (added.length > 0 && response[meta!.start] === OPEN_OBJECT)
    edits.push(memberFor(response, meta!, added.join(',')));
  return edits.sort((a, b) => a.start - b.start);
}

/** Adds a member at the end of an object. */
function memberFor(response: Uint8Array, { start, end }: ByteSpan, member: string): Edit {
  let last = end - 2;
  while (response[last] === SPACE || response[last] === 0x09) last -= 1;
  const at = end - 1;
  return { start: at, end: at, bytes: ENCODER.encode(last === start ? member : `,${member}`) };
}

function* piecesOf(response: Uint8Array, edits: readonly Edit[]): Generator<Uint8Array> {
  let at = 0;
  for (const { start, end, bytes } of edits) {
    yield* slicesOf(response.subarray(at, start));
    yield bytes;
    at = end;
  }
  yield* slicesOf(response.subarray(at));
}

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
}

/** In valid JSON, line breaks can only be whitespace between tokens. */
async function onOneLine(bytes: Uint8Array): Promise<void> {
  for (let from = 0; from < bytes.length; from += PIECE) {
    const piece = bytes.subarray(from, from + PIECE);
    for (const c of [LF, CR]) for (let at = piece.indexOf(c); at !== -1; at = piece.indexOf(c, at)) piece[at] = SPACE;
    await breathe();
  }
}

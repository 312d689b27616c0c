import { joinInTurns } from '../../bytes/join.ts';
import { type ByteSpan, placesIn, withoutBlanks } from './find.ts';
import { CLOSE_OBJECT, COMMA, OPEN_OBJECT, QUOTE } from './text.ts';

/** The edits of `edit.ts` on a large text, as bytes and in pieces: nobody waits while it is read. */

const ENCODER = new TextEncoder();

/**
 * The JSON text with the value at `path` replaced by `json`, or added as the last member of the object that should hold
 * it; null: without that member and its comma. Returns the same bytes when there is nothing to change. The names of
 * `path` must be such that JSON escapes nothing in them, and no object may have two members of one name.
 */
export async function withMemberInPieces(
  bytes: Uint8Array,
  path: readonly string[],
  json: string | null,
): Promise<Uint8Array> {
  const parentPath = path.slice(0, -1);
  const places = await placesIn(bytes, parentPath.length === 0 ? [path] : [path, parentPath]);
  const existing = places?.get(path.join(' '));
  if (existing !== undefined) {
    return json === null ? cut(bytes, memberAround(bytes, existing)) : cut(bytes, existing, json);
  }
  const parent = parentPath.length === 0 ? withoutBlanks(bytes, 0, bytes.length) : places?.get(parentPath.join(' '));
  if (json === null || parent === undefined || bytes[parent.start] !== OPEN_OBJECT) return bytes;
  const at = parent.end - 1;
  const { start, end } = withoutBlanks(bytes, parent.start + 1, at);
  return cut(bytes, { start: at, end: at }, `${start === end ? '' : ','}${JSON.stringify(path.at(-1))}:${json}`);
}

/** The text with something else in place of this range. */
function cut(bytes: Uint8Array, { start, end }: ByteSpan, insert = ''): Promise<Uint8Array> {
  return joinInTurns([bytes.subarray(0, start), ENCODER.encode(insert), bytes.subarray(end)]);
}

/** The member that has this value, with the comma that goes with it: the next one, or where it is last, the one before. */
function memberAround(bytes: Uint8Array, { start, end }: ByteSpan): ByteSpan {
  const name = nameBefore(bytes, start);
  let after = end;
  while (isBlank(bytes[after])) after += 1;
  if (bytes[after] === COMMA) {
    after += 1;
    while (isBlank(bytes[after])) after += 1;
    return { start: name, end: after };
  }
  let before = name - 1;
  while (isBlank(bytes[before])) before -= 1;
  if (bytes[after] !== CLOSE_OBJECT || bytes[before] !== COMMA) return { start: name, end };
  before -= 1;
  while (isBlank(bytes[before])) before -= 1;
  return { start: before + 1, end };
}

/** The index of the opening quote of the name before this value. The name may be escaped, but holds no quote. */
function nameBefore(bytes: Uint8Array, value: number): number {
  const closing = bytes.lastIndexOf(QUOTE, value - 1);
  return bytes.lastIndexOf(QUOTE, closing - 1);
}

function isBlank(c: number | undefined): boolean {
  return c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09;
}

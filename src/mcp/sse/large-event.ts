import { Spell } from '../../time/spell.ts';
import { fieldsOf, type SseFields } from './fields.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DATA = [0x64, 0x61, 0x74, 0x61];
/** Longest other line that is read: no id of an event, and no time to wait, is longer. */
const LONGEST_OTHER = 4_096;
/** Bytes of a line after which it is asked whether others should have a turn. */
const PIECE = 256 * 1024;
/** Lines after which it is asked whether others should have a turn. */
const LINES_AT_ONCE = 256;

/** The fields of an event of any length, its data as bytes. */
export type LargeEventFields = Omit<SseFields, 'data'> & { readonly data: Uint8Array | null };

/**
 * Reads the fields of one event, in pieces. Its lines of data are joined by spaces: JSON has line breaks only between
 * tokens.
 */
export async function largeEventFields(event: Uint8Array): Promise<LargeEventFields> {
  const data = new DataLines(event.length);
  let others = '';
  const spell = new Spell();
  for (let at = skipMark(event), lines = 1; at < event.length; lines += 1) {
    let end = lineEnd(event, at, at + PIECE);
    while (end !== event.length && event[end] !== LF && event[end] !== CR) {
      await spell.rest();
      end = lineEnd(event, end, end + PIECE);
    }
    if (isData(event, at, end)) {
      const colon = event[at + 4] === COLON ? at + 5 : at + 4;
      data.add(event.subarray(event[colon] === SPACE && colon < end ? colon + 1 : colon, end));
    } else if (end - at <= LONGEST_OTHER && others.length <= LONGEST_OTHER) {
      others += `${new TextDecoder().decode(event.subarray(at, end))}\n`;
    }
    at = event[end] === CR && event[end + 1] === LF ? end + 2 : end + 1;
    if (lines % LINES_AT_ONCE === 0) await spell.rest();
  }
  const { id, retryMs } = fieldsOf(others);
  return { data: data.joined(), id, retryMs };
}

/** Lines of data, joined. Usually there is a single one, which is not copied. */
class DataLines {
  readonly #most: number;
  #only: Uint8Array | null = null;
  #whole: Uint8Array | null = null;
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(line: Uint8Array): void {
    if (this.#whole === null && this.#only === null) {
      this.#only = line;
      return;
    }
    if (this.#whole === null) {
      this.#whole = new Uint8Array(this.#most);
      this.#append(this.#whole, this.#only!);
    }
    this.#whole[this.#length++] = SPACE;
    this.#append(this.#whole, line);
  }

  joined(): Uint8Array | null {
    return this.#whole?.subarray(0, this.#length) ?? this.#only;
  }

  #append(whole: Uint8Array, line: Uint8Array): void {
    if (line.length > 0) whole.set(line, this.#length);
    this.#length += line.length;
  }
}

function skipMark(event: Uint8Array): number {
  return event[0] === 0xef && event[1] === 0xbb && event[2] === 0xbf ? 3 : 0;
}

/** The end of the line, or `until` if it does not end before. */
function lineEnd(event: Uint8Array, at: number, until: number): number {
  const most = Math.min(until, event.length);
  let end = at;
  while (end < most && event[end] !== LF && event[end] !== CR) end += 1;
  return end;
}

function isData(event: Uint8Array, at: number, end: number): boolean {
  return DATA.every((c, n) => event[at + n] === c) && (at + 4 === end || event[at + 4] === COLON);
}

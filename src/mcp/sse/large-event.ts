import { concatBytes } from '../../bytes/read.ts';
import { breathe } from '../../time/breathe.ts';
import { fieldsOf, type SseFields } from './fields.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DATA = [0x64, 0x61, 0x74, 0x61];
/** Longest other line that is read: no id of an event, and no time to wait, is longer. */
const LONGEST_OTHER = 4_096;
/** Bytes, and lines, that are read before everybody else has a turn. */
const PIECE = 256 * 1024;
const LINE_COST = 32;

/** The fields of an event of any length, its data as bytes. */
export type LargeEventFields = Omit<SseFields, 'data'> & { readonly data: Uint8Array | null };

/**
 * Reads the fields of one event, in pieces. Its lines of data are joined by spaces: JSON has line breaks only between
 * tokens.
 */
export async function largeEventFields(event: Uint8Array): Promise<LargeEventFields> {
  const data: Uint8Array[] = [];
  let length = 0;
  let others = '';
  let worked = 0;
  for (let at = skipMark(event); at < event.length; ) {
    const end = lineEnd(event, at);
    worked += end - at + LINE_COST;
    if (isData(event, at, end)) {
      const from = event[at + 4] === COLON ? at + 5 : at + 4;
      const line = event.subarray(event[from] === SPACE && from < end ? from + 1 : from, end);
      if (data.length > 0) length += 1;
      length += line.length;
      data.push(line);
    } else if (end - at <= LONGEST_OTHER && others.length <= LONGEST_OTHER) {
      others += `${new TextDecoder().decode(event.subarray(at, end))}\n`;
    }
    at = event[end] === CR && event[end + 1] === LF ? end + 2 : end + 1;
    if (worked >= PIECE) {
      worked = 0;
      await breathe();
    }
  }
  const { id, retryMs } = fieldsOf(others);
  return { data: data.length === 0 ? null : await joined(data, length), id, retryMs };
}

async function joined(lines: readonly Uint8Array[], length: number): Promise<Uint8Array> {
  if (lines.length === 1) return concatBytes(lines, length);
  const whole = new Uint8Array(length);
  let at = 0;
  let worked = 0;
  for (const line of lines) {
    if (at > 0) whole[at++] = SPACE;
    whole.set(line, at);
    at += line.length;
    worked += line.length + LINE_COST;
    if (worked < PIECE) continue;
    worked = 0;
    await breathe();
  }
  return whole;
}

function skipMark(event: Uint8Array): number {
  return event[0] === 0xef && event[1] === 0xbb && event[2] === 0xbf ? 3 : 0;
}

function lineEnd(event: Uint8Array, at: number): number {
  let end = at;
  while (end < event.length && event[end] !== LF && event[end] !== CR) end += 1;
  return end;
}

function isData(event: Uint8Array, at: number, end: number): boolean {
  return DATA.every((c, n) => event[at + n] === c) && (at + 4 === end || event[at + 4] === COLON);
}

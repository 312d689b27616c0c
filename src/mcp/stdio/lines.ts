/**
 * Line framing for stdio servers: one JSON-RPC message on each line, with its bytes unchanged (MCP, Transports, stdio).
 */

import { afterStringBytes, CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE } from '../json/text.ts';

const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;

/**
 * The JSON text on one line, without a line break at its end. JSON strings cannot contain raw line breaks, so each one
 * is whitespace between tokens and can become a space. All other bytes stay; where there is no line break, it is not copied.
 */
export function toOneLine(json: Uint8Array): Uint8Array {
  // A Buffer looks for a byte many times as fast as an array does.
  const buffer = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  if (!buffer.includes(LF) && !buffer.includes(CR)) return json;
  const line = json.slice();
  for (let at = 0; at < line.length; at++) if (line[at] === LF || line[at] === CR) line[at] = SPACE;
  return line;
}

/** The lines, each with a line break at its end. */
export function frameLines(lines: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(lines.flatMap((line) => [line, Uint8Array.of(LF)]));
}

/**
 * The messages of a valid JSON text: the text itself or, of a batch, the bytes of each element. Batches exist only in
 * revision 2025-03-26 and most stdio servers cannot read them, so they are sent as single messages in both directions.
 */
export function messagesOf(json: Uint8Array): { readonly batch: boolean; readonly messages: readonly Uint8Array[] } {
  const text = trimmed(json);
  if (text[0] !== OPEN_ARRAY) return { batch: false, messages: [json] };
  const messages: Uint8Array[] = [];
  let depth = 0;
  let start = 1;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) at = afterStringBytes(text, at) - 1;
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    const ends = (byte === COMMA && depth === 1) || (byte === CLOSE_ARRAY && depth === 0);
    if (!ends) continue;
    const element = trimmed(text.subarray(start, at));
    if (element.length > 0) messages.push(element);
    start = at + 1;
  }
  return { batch: true, messages };
}

function trimmed(bytes: Uint8Array): Uint8Array {
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || byte === LF || byte === CR || byte === 0x09;
}

/** Bytes of a line that are copied in one step. */
const COPIED_AT_ONCE = 2 * 1024 * 1024;

/** Cuts a stream of bytes into lines, wherever its chunks begin and end. */
export class LineCutter {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  /** @param maxBytes the longest line, in bytes */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Calls `onLine` with each completed line, without its line break; empty lines are skipped. False: a line is longer
   * than `maxBytes`; then stop.
   */
  push(chunk: Uint8Array, onLine: (line: Uint8Array) => void): boolean {
    const lines = this.cut(chunk);
    for (;;) {
      const { done, value } = lines.next();
      if (done) return value;
      if (value !== null) onLine(value);
    }
  }

  /** The same step by step. Null: a stretch of empty lines has been skipped, or a part of a long line been copied. */
  *cut(chunk: Uint8Array): Generator<Uint8Array | null, boolean> {
    let start = 0;
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      if (!this.#keep(chunk.subarray(start, end))) return false;
      const line = yield* this.#take();
      yield line.length > 0 ? line : null;
      start = end + 1;
      while (chunk[start] === LF) start += 1;
    }
    return this.#keep(chunk.subarray(start));
  }

  #keep(part: Uint8Array): boolean {
    this.#length += part.length;
    if (part.length > 0) this.#parts.push(part);
    return this.#length <= this.#maxBytes;
  }

  *#take(): Generator<null, Uint8Array> {
    // A copy, so that a short line does not keep its whole chunk in memory.
    const line = new Uint8Array(Buffer.allocUnsafeSlow(this.#length).buffer);
    const parts = this.#parts;
    this.#parts = [];
    this.#length = 0;
    let at = 0;
    let copied = 0;
    for (const part of parts) {
      line.set(part, at);
      at += part.length;
      copied += part.length;
      if (copied < COPIED_AT_ONCE) continue;
      copied = 0;
      yield null;
    }
    return line.at(-1) === CR ? line.subarray(0, -1) : line;
  }
}

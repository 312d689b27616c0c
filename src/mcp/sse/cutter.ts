import { concatBytes } from '../../bytes/join.ts';
import { CR, LF } from './boundary.ts';

/** Bytes that are looked at one by one; the end of a longer line is searched for, which takes longer to begin with. */
const SHORT_LINE = 64;

/**
 * Cuts a stream of server-sent events after each blank line, where a client dispatches the event. No byte is changed
 * (HTML Living Standard, 9.2.6).
 */
export class SseCutter {
  #rest: Uint8Array[] = [];
  #length = 0;
  /** The current line is blank so far. */
  #blank = true;
  #afterCr = false;

  /** Bytes held back because the end of their event has not come yet. */
  get pendingBytes(): number {
    return this.#length;
  }

  /** The events that this chunk completes, each with its closing blank line. */
  push(chunk: Uint8Array): Uint8Array[] {
    return this.cut(chunk).map((parts) => joined(parts));
  }

  /** The same; each event as the parts that it came in, which are not copied. */
  cut(chunk: Uint8Array): Uint8Array[][] {
    if (chunk.length === 0) return [];
    const events: Uint8Array[][] = [];
    const ends = new LineEnds(chunk);
    let from = 0;
    // An LF here belongs to the line that the CR before it has already ended.
    let at = this.#afterCr && chunk[0] === LF ? 1 : 0;
    for (let end = ends.next(at); end < chunk.length; end = ends.next(at)) {
      const isBlank = this.#blank && end === at;
      at = chunk[end] === CR && chunk[end + 1] === LF ? end + 2 : end + 1;
      this.#blank = true;
      if (!isBlank) continue;
      this.#keep(chunk.subarray(from, at));
      events.push(this.rest());
      from = at;
    }
    if (at < chunk.length) this.#blank = false;
    this.#afterCr = chunk[chunk.length - 1] === CR;
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return events;
  }

  /** The incomplete event that is left when the stream ends; empty when there is none. */
  end(): Uint8Array {
    return joined(this.rest());
  }

  /** The same, as the parts that it came in, which are not copied. */
  rest(): Uint8Array[] {
    const parts = this.#rest;
    this.#rest = [];
    this.#length = 0;
    return parts;
  }

  #keep(bytes: Uint8Array): void {
    this.#rest.push(bytes);
    this.#length += bytes.length;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(
    parts,
    parts.reduce((sum, part) => sum + part.length, 0),
  );
}

/** Finds the ends of lines in bytes, in time linear in their number. */
class LineEnds {
  readonly #bytes: Uint8Array;
  readonly #buffer: Buffer;
  /** Where each was found last: at or after all that was asked for; the number of bytes where there is none. */
  #lf = -1;
  #cr = -1;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    // A Buffer looks for a byte many times as fast as an array does.
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The first LF or CR from `at` on; the number of bytes where there is none. */
  next(at: number): number {
    const short = Math.min(at + SHORT_LINE, this.#bytes.length);
    for (let end = at; end < short; end++) {
      const c = this.#bytes[end];
      if (c === LF || c === CR) return end;
    }
    if (this.#lf < short) this.#lf = this.#find(LF, short);
    if (this.#cr < short) this.#cr = this.#find(CR, short);
    return Math.min(this.#lf, this.#cr);
  }

  #find(c: number, from: number): number {
    const at = this.#buffer.indexOf(c, from);
    return at === -1 ? this.#bytes.length : at;
  }
}

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
    const events: Uint8Array[] = [];
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const c = chunk[i];
      // The LF of a CR LF belongs to the line that the CR has already ended.
      const endsCrLf = c === 0x0a && this.#afterCr;
      this.#afterCr = c === 0x0d;
      if (endsCrLf) continue;
      if (c !== 0x0a && c !== 0x0d) {
        this.#blank = false;
      } else if (!this.#blank) {
        this.#blank = true;
      } else {
        const end = c === 0x0d && chunk[i + 1] === 0x0a ? i + 2 : i + 1;
        events.push(this.#joinWith(chunk.subarray(from, end)));
        from = end;
      }
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return events;
  }

  /** The incomplete event that is left when the stream ends; empty when there is none. */
  end(): Uint8Array {
    return this.#joinWith(new Uint8Array(0));
  }

  #keep(bytes: Uint8Array): void {
    this.#rest.push(bytes);
    this.#length += bytes.length;
  }

  #joinWith(last: Uint8Array): Uint8Array {
    if (this.#rest.length === 0) return last;
    this.#keep(last);
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#rest) {
      whole.set(part, at);
      at += part.length;
    }
    this.#rest = [];
    this.#length = 0;
    return whole;
  }
}

/** A `data` field's name, colon and space. A stream may begin with a byte order mark, which clients drop. */
const DATA = /^(\ufeff?data)(?:: ?|$)/;
const LF = 0x0a;
const CR = 0x0d;

/** Characters that decide whether a line is a `data` field: a byte order mark, the name, a colon and a space. */
const LONGEST_FIELD = 7;

/**
 * Replaces the event's data by what `edit` returns for it. Other lines stay as they are. Null when the event has no
 * data or `edit` returns null. Lines of other fields are not copied one by one: an event may consist of very many short
 * lines.
 */
export function editData(event: string, edit: (data: string) => string | null): string | null {
  const data: string[] = [];
  const kept: string[] = [];
  let keptFrom = 0;
  let ending = '';
  let head = '';
  for (let at = 0; at < event.length; ) {
    let end = at;
    while (end < event.length && event.charCodeAt(end) !== LF && event.charCodeAt(end) !== CR) end += 1;
    const crlf = event.charCodeAt(end) === CR && event.charCodeAt(end + 1) === LF;
    const next = Math.min(event.length, end + (crlf ? 2 : 1));
    const first = event.charCodeAt(at);
    const mayBeData = first === 0x64 || first === 0xfeff;
    const field = mayBeData ? DATA.exec(event.slice(at, Math.min(end, at + LONGEST_FIELD))) : null;
    if (field !== null) {
      if (data.length === 0) {
        head = event.slice(0, at);
        ending = event.slice(end, next);
      } else kept.push(event.slice(keptFrom, at));
      data.push(event.slice(at + field[0].length, end));
      keptFrom = next;
    }
    at = next;
  }
  if (data.length === 0) return null;
  const edited = edit(data.join('\n'));
  if (edited === null) return null;
  const dataLines = edited.split('\n').map((line) => `data: ${line}`);
  return `${head}${dataLines.join(ending || '\n')}${ending}${kept.join('')}${event.slice(keptFrom)}`;
}

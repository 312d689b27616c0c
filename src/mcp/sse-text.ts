/** Cuts a stream of server-sent events behind each blank line, where a client takes an event; no byte is changed. */
export class SseCutter {
  #rest: Uint8Array[] = [];
  #length = 0;
  /** The line that is being read is blank so far. */
  #blank = true;
  #afterCr = false;

  /** Bytes that wait for the end of their event. */
  get waiting(): number {
    return this.#length;
  }

  /** The events that this chunk completes, each with its closing blank line. */
  push(chunk: Uint8Array): Uint8Array[] {
    const events: Uint8Array[] = [];
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const c = chunk[i];
      // The LF of a CR LF belongs to the line that its CR has ended.
      const second = c === 0x0a && this.#afterCr;
      this.#afterCr = c === 0x0d;
      if (second) continue;
      if (c !== 0x0a && c !== 0x0d) {
        this.#blank = false;
      } else if (!this.#blank) {
        this.#blank = true;
      } else {
        const end = c === 0x0d && chunk[i + 1] === 0x0a ? i + 2 : i + 1;
        events.push(this.#take(chunk.subarray(from, end)));
        from = end;
      }
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
    return events;
  }

  /** What is left when the stream ends. */
  end(): Uint8Array {
    return this.#take(new Uint8Array(0));
  }

  #keep(bytes: Uint8Array): void {
    this.#rest.push(bytes);
    this.#length += bytes.length;
  }

  #take(last: Uint8Array): Uint8Array {
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

/** One line of an event, with the characters that end it. */
const LINE = /([^\r\n]*)(\r\n|\r|\n|$)/g;
/** The stream may begin with a byte order mark, which clients drop. */
const DATA = /^(\ufeff?data)(?:: ?|$)/;

/** Gives the event's data to `edit`; null when there is none or `edit` leaves it as it is. Other lines stay. */
export function editData(event: string, edit: (data: string) => string | null): string | null {
  const lines = [...event.matchAll(LINE)].filter((line) => line[0] !== '');
  const isData = lines.map((line) => DATA.test(line[1] ?? ''));
  if (!isData.includes(true)) return null;
  const data = lines.filter((_, i) => isData[i]).map((line) => (line[1] ?? '').replace(DATA, ''));
  const edited = edit(data.join('\n'));
  if (edited === null) return null;
  const first = isData.indexOf(true);
  const put = edited.split('\n').map((line) => `data: ${line}`);
  return lines
    .map((line, i) => {
      if (i === first) return `${put.join(line[2] || '\n')}${line[2]}`;
      return isData[i] ? '' : line[0];
    })
    .join('');
}

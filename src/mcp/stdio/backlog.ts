const MOST = 256;
const MOST_BYTES = 1024 * 1024;

interface BackloggedLine {
  readonly line: Uint8Array;
  readonly request: boolean;
}

/**
 * What the server said while nobody listened: at most 256 messages and 1 MiB. The oldest notifications go first, since
 * nobody waits for them; a server's own request goes only when there is nothing else to drop, and the newest never.
 */
export class MessageBacklog {
  #waiting: BackloggedLine[] = [];
  #bytes = 0;

  /** Returns how many were dropped for it. */
  add(line: Uint8Array, request: boolean): number {
    this.#waiting.push({ line, request });
    this.#bytes += line.length;
    let dropped = 0;
    while (this.#waiting.length > 1 && (this.#waiting.length > MOST || this.#bytes > MOST_BYTES)) {
      this.#drop();
      dropped++;
    }
    return dropped;
  }

  /** Everything, oldest first; nothing is left. */
  take(): readonly Uint8Array[] {
    const lines = this.#waiting.map((waiting) => waiting.line);
    this.#waiting = [];
    this.#bytes = 0;
    return lines;
  }

  #drop(): void {
    const older = this.#waiting.slice(0, -1).findIndex((waiting) => !waiting.request);
    const [gone] = this.#waiting.splice(Math.max(older, 0), 1);
    this.#bytes -= gone?.line.length ?? 0;
  }
}

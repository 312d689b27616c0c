const MAX_MESSAGES = 256;
const MAX_BYTES = 1024 * 1024;

interface BackloggedLine {
  readonly line: Uint8Array;
  readonly isRequest: boolean;
}

/**
 * What the server sent while nobody listened: at most 256 messages and 1 MiB. The oldest notifications are dropped
 * first, because nobody waits for them; a server's request is dropped only when nothing else is left, and the newest
 * message never, unless it is a notification that is longer than all may be together.
 */
export class MessageBacklog {
  #entries: BackloggedLine[] = [];
  #bytes = 0;

  /** Adds a message; returns how many were dropped for it. */
  add(line: Uint8Array, isRequest: boolean): number {
    if (!isRequest && line.length > MAX_BYTES) return 1;
    this.#entries.push({ line, isRequest });
    this.#bytes += line.length;
    let dropped = 0;
    while (this.#entries.length > 1 && (this.#entries.length > MAX_MESSAGES || this.#bytes > MAX_BYTES)) {
      this.#drop();
      dropped++;
    }
    return dropped;
  }

  /** Removes and returns everything, oldest first. */
  take(): readonly Uint8Array[] {
    const lines = this.#entries.map((entry) => entry.line);
    this.#entries = [];
    this.#bytes = 0;
    return lines;
  }

  #drop(): void {
    const notificationIndex = this.#entries.slice(0, -1).findIndex((entry) => !entry.isRequest);
    const [removed] = this.#entries.splice(Math.max(notificationIndex, 0), 1);
    this.#bytes -= removed?.line.length ?? 0;
  }
}

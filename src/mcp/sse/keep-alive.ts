/** Milliseconds between two heartbeats on an open answer. The least patient clients give up after 60 s. */
export const BEAT_MS = 15_000;
/** Milliseconds between two checks for due heartbeats. */
const CHECK_MS = 1_000;

/** An open answer that needs regular heartbeats. */
export interface HeartbeatTarget {
  beat(): void;
}

/** Sends heartbeats on all open answers of one kind with a single timer, which runs only while there are any. */
export class KeepAlive {
  readonly #due = new Map<HeartbeatTarget, number>();
  readonly #everyMs: () => number;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(everyMs: () => number = () => BEAT_MS) {
    this.#everyMs = everyMs;
  }

  add(target: HeartbeatTarget): void {
    this.#due.set(target, performance.now() + this.#everyMs());
    this.#timer ??= setInterval(() => this.#beatDue(), Math.min(CHECK_MS, this.#everyMs()));
  }

  /** Something else was sent just now: the next heartbeat is due a whole interval later. */
  put(target: HeartbeatTarget): void {
    if (this.#due.has(target)) this.#due.set(target, performance.now() + this.#everyMs());
  }

  delete(target: HeartbeatTarget): void {
    this.#due.delete(target);
    if (this.#due.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #beatDue(): void {
    const now = performance.now();
    for (const [target, due] of this.#due) {
      if (due > now) continue;
      this.#due.set(target, now + this.#everyMs());
      target.beat();
    }
  }
}

/** Milliseconds between two signs of life on a held answer. Clients give up after 60 s at the earliest. */
export const BEAT_MS = 15_000;
/** Milliseconds between two looks at who is due. */
const LOOK_MS = 1_000;

/** Something that wants a sign of life every 15 s. */
export interface Kept {
  beat(): void;
}

/** One timer for every held answer of the process; it stops when nobody is held. */
export class KeepAlive {
  readonly #due = new Map<Kept, number>();
  readonly #everyMs: () => number;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(everyMs: () => number = () => BEAT_MS) {
    this.#everyMs = everyMs;
  }

  add(kept: Kept): void {
    this.#due.set(kept, performance.now() + this.#everyMs());
    this.#timer ??= setInterval(() => this.#look(), Math.min(LOOK_MS, this.#everyMs()));
  }

  delete(kept: Kept): void {
    this.#due.delete(kept);
    if (this.#due.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    const now = performance.now();
    for (const [kept, due] of this.#due) {
      if (due > now) continue;
      this.#due.set(kept, now + this.#everyMs());
      kept.beat();
    }
  }
}

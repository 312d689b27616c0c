import type { Log } from '../../ports.ts';
import { withinOr } from '../../time/within.ts';

/** How much runs at a time, as in the queue. */
const AT_ONCE = 20;
/** How much is remembered that is to come later. More is forgotten, and may come early. */
const REMEMBERED = 2_000;
/** Milliseconds after which work that failed may come again. */
const FAILED_MS = 5_000;
/** Milliseconds that work under way may take when the process stops. */
const STOP_MS = 3_000;

/**
 * Work of the queue that this process does itself while the queue stands still. The sweep brings it every 5 s, so what
 * finds no room, or asks to come later, simply comes with another sweep. Each piece may also run elsewhere at the same
 * time: a card is claimed in SQL by one run, and the sink's cursor moves by comparison.
 */
export class UnqueuedWork {
  readonly #log: Log;
  readonly #running = new Map<string, Promise<void>>();
  /** When work may come again, in ms of `performance.now()`. */
  readonly #later = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Does it now, unless it is under way, asked to come later, or there is no room. `work`: as the queue's handlers. */
  begin(name: string, work: () => Promise<number | null>): void {
    if (this.#running.has(name) || this.#running.size >= AT_ONCE) return;
    if (performance.now() < (this.#later.get(name) ?? 0)) return;
    this.#running.set(name, this.#run(name, work));
  }

  /** Resolves when nothing is under way any more, after `STOP_MS` at the latest. */
  async settled(): Promise<void> {
    await withinOr(STOP_MS, Promise.all(this.#running.values()), undefined);
  }

  async #run(name: string, work: () => Promise<number | null>): Promise<void> {
    this.#later.delete(name);
    try {
      const againMs = await work();
      if (againMs !== null) this.#remember(name, againMs);
    } catch (error) {
      this.#log.warn({ work: name, err: error }, 'work of the queue failed without it; the sweep brings it again');
      this.#remember(name, FAILED_MS);
    } finally {
      this.#running.delete(name);
    }
  }

  #remember(name: string, ms: number): void {
    if (this.#later.size >= REMEMBERED) this.#later.clear();
    this.#later.set(name, performance.now() + ms);
  }
}

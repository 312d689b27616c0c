import { setImmediate as nextTurn } from 'node:timers/promises';

/** Milliseconds of statements after which sockets and timers get their turn. */
const YIELD_EVERY_MS = 10;

/** PGlite answers without ever returning to the event loop: a busy queue would keep everybody else waiting. */
export class EventLoopYield {
  #yieldedAt = 0;

  async take(): Promise<void> {
    if (performance.now() - this.#yieldedAt < YIELD_EVERY_MS) return;
    await nextTurn();
    this.#yieldedAt = performance.now();
  }
}

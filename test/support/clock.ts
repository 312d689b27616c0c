import type { Clock } from '../../src/ports.ts';

/** A clock that a test moves forward. It starts at the real time, because signatures are made with that. */
export class TestClock implements Clock {
  #aheadMs = 0;
  now(): Date {
    return new Date(Date.now() + this.#aheadMs);
  }
  advance(ms: number): void {
    this.#aheadMs += ms;
  }
}

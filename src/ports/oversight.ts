import type { Addition, CountedEvent, OversightReport } from '../domain/log/oversight.ts';
import type { Period } from '../domain/log/period.ts';

/** What is summed up of questions and decisions, from events in the order of the chain. Throws `Unavailable('store')`. */
export interface Oversight {
  /**
   * Counts the chained events after those that are counted, at most so many, once whatever replicas do it at the same
   * time. `additionsOf`: what an event adds. Resolves to how many were looked at.
   */
  count(most: number, additionsOf: (event: CountedEvent) => readonly Addition[]): Promise<number>;
  /** Seals sums of earlier secrets by the newest, so many at most: they are to last when those are listed no longer. */
  reseal(most: number): Promise<void>;
  report(period: Period): Promise<OversightReport>;
}

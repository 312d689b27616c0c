import type { Snooze } from '../domain/approval/snooze.ts';

/** A snooze whose person is to be told. */
export type DueSnooze = Snooze & { readonly slack: string };

/** What people put aside for themselves. Throws `Unavailable('store')`. */
export interface Snoozes {
  /** Puts a question aside, or for another time. false: this person has as many as they may. */
  set(snooze: Snooze, now: Date): Promise<boolean>;
  /** Takes it back. false: there was none. */
  end(person: string, approval: string, now: Date): Promise<boolean>;
  /** What this person has put aside, of what is pending still; the first to come back first. Those that no gateway wrote are left out. */
  of(person: string, now: Date): Promise<readonly Snooze[]>;
  /** Takes some that are over and whose person is to be told. Each comes once a minute, five times at most, until `told`. */
  due(now: Date, limit: number): Promise<readonly DueSnooze[]>;
  told(person: string, approval: string): Promise<void>;
  /** Forgets those of questions that are pending no more, and those that were over an hour ago. */
  forget(now: Date, limit: number): Promise<void>;
}

import type { Cards, Clock, Log, Queue, Store, Vault } from '../ports.ts';
import type { News } from './announce.ts';

/** The ports as one process holds them. Every use case takes this first. */
export interface Setting {
  readonly store: Store;
  readonly queue: Queue;
  /** null: no Slack configured; approvals are decided over the API. */
  readonly cards: Cards | null;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Log;
  /** This process, in events and leases. */
  readonly replica: string;
  /** Where changes are told. */
  readonly news: News;
}

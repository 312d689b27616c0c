import type { Cards, Clock, Log, Queue, Store, Vault } from '../ports.ts';
import type { News } from './announce.ts';
import type { FaultPoint } from './fault-point.ts';

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
  /** Tests end the process here; absent otherwise. */
  readonly at?: (point: FaultPoint) => void;
  /** Milliseconds of a lease; 30 s when absent. */
  readonly leaseMs?: number;
  /** Where changes are told. */
  readonly news: News;
}

import type { NewEvent } from '../domain/log/event.ts';
import type { Cards, Clock, Ledger, Log, Queue, Sink, Store, TaskStore, Vault, Witness } from '../ports.ts';
import type { FaultPoint } from './fault-point.ts';

/** Hears every event once it is durable; counts, and never throws. */
export type EventMeter = (event: NewEvent) => void;

/** The ports as one process holds them. `main/` constructs them; the gateway is bound to them. */
export interface Ports {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly tasks: TaskStore;
  readonly queue: Queue;
  /** null: no Slack configured; approvals are decided over the API. */
  readonly cards: Cards | null;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly log: Log;
  /** This process, in events and leases. */
  readonly replica: string;
  /** Where checkpoints are kept besides the database. */
  readonly witnesses?: readonly Witness[];
  /** null: events are handed on to nobody. */
  readonly sink?: Sink | null;
  /** Counts events. */
  readonly heard?: EventMeter;
  /** Tests end the process here; absent otherwise. */
  readonly at?: (point: FaultPoint) => void;
  /** Milliseconds of a lease; 30 s when absent. */
  readonly leaseMs?: number;
}

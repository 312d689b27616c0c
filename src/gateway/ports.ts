import type { ArchivePlace } from '../domain/log/archive-place.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type {
  Allowances,
  Archive,
  Cards,
  CheckpointCopy,
  Clock,
  CopiedCheckpoint,
  Denials,
  Erasures,
  Freezes,
  FrozenCalls,
  Ledger,
  Log,
  Memories,
  Oversight,
  Queue,
  ReadTool,
  Samples,
  Sink,
  Snoozes,
  Store,
  TaskStore,
  Tracing,
  Vault,
  Witness,
} from '../ports.ts';
import type { FaultPoint } from './fault-point.ts';

/** Counts an event. Called once the event is durable; never throws. */
export type EventMeter = (event: NewEvent) => void;

/** The ports of one process. `main/` constructs them and binds the gateway to them. */
export interface Ports {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly tasks: TaskStore;
  readonly freezes: Freezes;
  readonly allowances: Allowances;
  readonly denials: Denials;
  /** What is remembered of calls because a policy asks for it. */
  readonly memories: Memories;
  /** What people put aside for themselves. */
  readonly snoozes: Snoozes;
  /** What is summed up of questions and decisions. */
  readonly oversight: Oversight;
  /** What is kept of plainly allowed calls. */
  readonly samples: Samples;
  /** Keys of what can be erased from the log, and its erasure. */
  readonly erasures: Erasures;
  /** Calls a reading tool for a card; absent: no preview can be had here. */
  readonly readTool?: ReadTool;
  readonly queue: Queue;
  /** null: Slack is not configured; approvals are decided in the console or over the API. */
  readonly cards: Cards | null;
  readonly vault: Vault;
  /** Parked calls in the agents' door's own form; absent: nobody can propose another in place of one. */
  readonly frozenCalls?: FrozenCalls;
  readonly clock: Clock;
  /** Only for how long something lasts within this process: nobody sets it. Absent: `clock`. */
  readonly steady?: Clock;
  readonly log: Log;
  /** The name of this process in events and leases. */
  readonly replica: string;
  /** Where checkpoints are kept besides the database. */
  readonly checkpointCopies?: readonly CheckpointCopy[];
  /** The last of them in the data directory that this gateway's keys signed; null: there is none. */
  readonly lastCopy?: () => Promise<CopiedCheckpoint | null>;
  /** What remembers outside the database what was sent; absent: this process's memory alone. */
  readonly witnesses?: readonly Witness[];
  /** Names the database as the settings do. */
  readonly place?: string;
  /** Opens the place in which segments of the log are kept, the same one each time; absent: nothing is kept here. */
  readonly openArchive?: (place: ArchivePlace) => Archive;
  /** Where sealed events are delivered; null: nowhere. */
  readonly sink?: Sink | null;
  /** Counts the events that this process makes durable; absent: nobody counts. */
  readonly eventMeter?: EventMeter;
  /** Takes the time of calls; absent: nobody collects traces. */
  readonly tracing?: Tracing;
  /** Called at each fault point. Tests end the process here; absent in production. */
  readonly faultPoint?: (point: FaultPoint) => void;
  /** Longest body of a call that is held for an approval, in bytes; absent: the same as for other calls. */
  readonly mostGatedBytes?: number;
  /** An operator says that the secret of this database is lost (HOLDFAST_SECRET_LOST); absent: nobody does. */
  readonly secretLost?: boolean;
  /** How long a lease lasts, in ms; 30 s when absent. */
  readonly leaseMs?: number;
  /** How long events stay, in ms, in the place of what the config says. Tests set it; absent in production. */
  readonly retainMs?: number;
}

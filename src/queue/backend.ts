import type { BackendFactory, Queue as BullQueue, IQueueBackend } from 'bullmq';

/** The queue of parked approvals. Its completions wake the calls that are held for them. */
export const PARKED = 'parked';
/** The queue of cards to bring up to date. */
export const OUTBOX = 'outbox';

/** Milliseconds that a job of the outbox waits at most to try again: Slack asks for less. */
export const LONGEST_WAIT_MS = 10 * 60_000;

/** A BullMQ queue on a backend whose connections are of type `C`. */
export type JobQueue<C> = BullQueue<unknown, unknown, string, unknown, unknown, string, IQueueBackend, C>;

/** Why a backend that answers does not take writes. */
export interface WriteRefusal {
  readonly what: string;
  readonly remedy: string;
}

/** What BullMQ runs on: Redis or SQL. `C`: what BullMQ calls a connection there. */
export interface QueueBackend<C> {
  /** For people: `Redis at 127.0.0.1:6379`. */
  readonly name: string;
  readonly factory: BackendFactory<IQueueBackend, C>;
  readonly prefix: string;
  /** For adding jobs: fails at once while there is no connection. */
  readonly queueConnection: C;
  /** For workers and events: waits until the connection is back. */
  readonly workerConnection: C;
  /** How long one read of events may block, in ms. */
  readonly eventsBlockMs: number;

  /** Connects and prepares. Rejects with the reason; may be asked again then. */
  open(): Promise<void>;
  /** Whether what kept it from opening may be over by itself. If so, the gateway runs without a queue until then. */
  mayComeBack(error: unknown): boolean;
  /** Writes something small that goes away by itself. Rejects when nothing can be written. */
  ping(): Promise<void>;
  /** The last event of the parked queue so far: whoever reads from there misses nothing that comes later. */
  lastEventId(): Promise<string>;
  /** Of these ids, those without a parked job. */
  withoutJob(ids: readonly string[]): Promise<string[]>;
  /**
   * Ids of jobs of the outbox that wait for longer than `LONGEST_WAIT_MS`: BullMQ writes it by the clock of the process
   * that does it, and that one was wrong. Where locks are written by that clock too, those that last long are shortened.
   */
  stranded(now: Date): Promise<string[]>;
  /** Replaces connections that died without saying so. Never rejects. */
  checkConnections(): Promise<void>;
  /** Closes every socket at once. */
  disconnect(): Promise<void>;
  /** The error in words, without a secret. */
  describe(error: unknown): string;
  /** What an error says about the backend, in words that name no address; null: only that it does not answer. */
  refusal(error: unknown): WriteRefusal | null;
}

import type { BackendFactory, IQueueBackend } from 'bullmq';

/** The queue of parked approvals; its completions are the doorbell. */
export const PARKED = 'parked';
/** The queue of cards to bring up to date. */
export const OUTBOX = 'outbox';

/** What BullMQ stands on. `C`: what BullMQ calls a connection there. */
export interface QueueBackend<C> {
  /** For people: `Redis at 127.0.0.1:6379`. */
  readonly name: string;
  readonly factory: BackendFactory<IQueueBackend, C>;
  readonly prefix: string;
  /** Fails at once when there is no connection. */
  readonly queueConnection: C;
  /** Waits for the connection to return. */
  readonly workerConnection: C;
  /** How long the doorbell's read may block, in ms. */
  readonly eventsBlockMs: number;

  /** Connects and prepares. Rejects with the reason. */
  open(): Promise<void>;
  ping(): Promise<void>;
  /** Where the doorbell's stream is now; what comes later is heard. */
  lastEventId(): Promise<string>;
  /** Of these ids, those without a parked job. */
  withoutJob(ids: readonly string[]): Promise<string[]>;
  /** Looks after connections that died without saying so. Never throws. */
  checkConnections(): Promise<void>;
  /** Lets go of every socket at once. */
  disconnect(): Promise<void>;
  /** The error in words, without a secret. */
  describe(error: unknown): string;
}

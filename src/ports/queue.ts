/** What the queue runs for the gateway. A job carries only an approval's id, and may run more than once. */
export interface Handlers {
  /** A parked job is due: a decision promoted it, or its time is over. */
  due(id: string): Promise<void>;
  /** Bring the card up to date. Returns the ms after which to try again, or null when it is done. `turn`: as ordered. */
  card(id: string, turn: number): Promise<number | null>;
  /** Compare SQL with the queue. Every 5 s on one replica. */
  sweep(): Promise<void>;
  /** Sign the chain's head if it moved. Every 30 s on one replica. */
  checkpoint?(): Promise<void>;
  /** Hand events to the sink. Returns the ms after which to try again, or null when there is nothing more. */
  deliver?(): Promise<number | null>;
}

/** Consequences: parked calls, card jobs, the sweep. It decides nothing. Every method throws `Unavailable('queue')`. */
export interface Queue {
  /** Starts to run jobs. Throws when the queue cannot be reached. */
  start(handlers: Handlers): Promise<void>;
  ping(): Promise<void>;
  /** Parks an approval until `expiresAt`. If it is parked, nothing changes. */
  park(id: string, expiresAt: Date): Promise<void>;
  /** Of these approvals, those without a parked job. */
  missing(ids: readonly string[]): Promise<readonly string[]>;
  /**
   * Promotes the parked job, or adds one that is due where there is none. Every replica's `onWake` listener is called.
   */
  wake(id: string): Promise<void>;
  /** Sets the listener that is called on every replica when an approval was woken. There is one. */
  onWake(listener: (id: string) => void): void;
  /**
   * The card of this approval is to be brought up to date. Jobs of one approval never run side by side. `turn`: the
   * lowest runs first, and among equals the first that was ordered; absent: 1. A job that waits keeps its turn.
   */
  publish(id: string, when?: { readonly delayMs?: number; readonly turn?: number }): Promise<void>;
  /** Makes `deliver` run on one replica. Asking again before it runs changes nothing. */
  deliver(): Promise<void>;
  close(): Promise<void>;
}

/** What the queue runs for the gateway. A job carries only an approval's id, and may run more than once. */
export interface Handlers {
  /** A parked job is due: promoted by a decision, or its time is over. */
  due(id: string): Promise<void>;
  /** Bring the card up to date. Returns ms after which to try again, or null when done. */
  card(id: string): Promise<number | null>;
  /** Compare SQL with the queue; every 5 s on one replica. */
  sweep(): Promise<void>;
  /** Sign the chain's head if it moved; every 30 s on one replica. */
  checkpoint?(): Promise<void>;
  /** Hand events to the sink. Returns ms after which to try again, or null when there is nothing more. */
  deliver?(): Promise<number | null>;
}

/** Consequences: parked calls, card jobs, the sweep. All throw `Unavailable('queue')`, none decides anything. */
export interface Queue {
  /** Starts working. Throws when the queue cannot be reached. */
  start(handlers: Handlers): Promise<void>;
  ping(): Promise<void>;
  /** Parks an approval until `expiresAt`. Parking a parked one changes nothing. */
  park(id: string, expiresAt: Date): Promise<void>;
  /** Of these, those without a parked job. */
  missing(ids: readonly string[]): Promise<readonly string[]>;
  /** Promotes the parked job, or rings without one; every replica's `onWake` hears it. */
  wake(id: string): Promise<void>;
  /** Called on every replica when an approval was woken. One listener. */
  onWake(listener: (id: string) => void): void;
  /** The card of this approval is to be brought up to date. Jobs of one approval never run side by side. */
  publish(id: string, delayMs?: number): Promise<void>;
  /** Has `deliver` run on one replica; ordering it twice is ordering it once. */
  deliver(): Promise<void>;
  close(): Promise<void>;
}

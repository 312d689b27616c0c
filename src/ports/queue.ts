/** What the queue runs for the gateway. A job carries only an approval's id, and may run more than once. */
export interface Handlers {
  /**
   * A parked job is due: a decision promoted it, or its time is over by this process's clock. Returns the ms after which
   * it really is; null: nothing more is to come.
   */
  due(id: string): Promise<number | null>;
  /** Bring the card up to date. Returns the ms after which to try again, or null when it is done. `turn`: as ordered. */
  card(id: string, turn: number): Promise<number | null>;
  /** Compare SQL with the queue. Asked every 5 s on one replica, besides the process's own timer. */
  sweep(): Promise<void>;
  /** Sign the chain's head if it moved. Every 30 s on one replica. */
  checkpoint?(): Promise<void>;
  /** Hand events to the sink. Returns the ms after which to try again, or null when there is nothing more. */
  deliver?(): Promise<number | null>;
}

/** Why the queue does not do its work. Its sentences name no address and no secret. */
export interface QueueTrouble {
  /**
   * `down`: it does not answer. `refuses`: it answers, and takes no writes. `paused`: somebody paused it. `still`: jobs
   * are due, and nobody takes them.
   */
  readonly kind: 'down' | 'refuses' | 'paused' | 'still';
  /** What is wrong, without a full stop: `Redis is out of memory and refuses writes`. */
  readonly what: string;
  /** What to do, as a sentence. */
  readonly remedy: string;
}

/** How one of the two queues does. `parked`: parked calls and routines. `outbox`: cards, and deliveries to the sink. */
export interface LaneHealth {
  readonly lane: 'parked' | 'outbox';
  readonly paused: boolean;
  /** Jobs that are due and that nobody has taken yet. */
  readonly due: number;
  /** Milliseconds for which a job that anybody could take has waited and this process took none; up to 5 s says nothing. */
  readonly stillMs: number;
}

export interface QueueHealth {
  /** null: it works. */
  readonly trouble: QueueTrouble | null;
  /** Empty: it could not be asked. */
  readonly lanes: readonly LaneHealth[];
}

/** Consequences: parked calls, card jobs, the sweep. It decides nothing. Every method throws `Unavailable('queue')`. */
export interface Queue {
  /**
   * Starts to run jobs. A queue that is away is tried again until it is there, and `health` says so meanwhile; throws when
   * it cannot be used as it is set up.
   */
  start(handlers: Handlers): Promise<void>;
  /** Resolves when it answers and takes a write. */
  ping(): Promise<void>;
  /** Whether its jobs are being done, asked anew, within 4 s. Never rejects. */
  health(): Promise<QueueHealth>;
  /** Parks an approval until `expiresAt`. If it is parked, nothing changes. */
  park(id: string, expiresAt: Date): Promise<void>;
  /** Of these approvals, those without a parked job. */
  missing(ids: readonly string[]): Promise<readonly string[]>;
  /**
   * Promotes the parked job, or adds one that is due where there is none. Every replica's `onWake` listener is called.
   */
  wake(id: string): Promise<void>;
  /** Takes away the parked job of an approval that has ended, where nobody is to be woken. */
  unpark(id: string): Promise<void>;
  /** Sets the listener that is called on every replica when an approval was woken. There is one. */
  onWake(listener: (id: string) => void): void;
  /**
   * The card of this approval is to be brought up to date. Jobs of one approval never run side by side. `turn`: the
   * lowest runs first, and among equals the first that was ordered; absent: 1. A job that waits keeps its turn.
   * `delayMs`: it is ordered then, whatever is ordered before. `waitMs`: it first runs after so long, as if it had run and
   * found that it must wait; what is ordered meanwhile does not hurry it.
   */
  publish(
    id: string,
    when?: { readonly delayMs?: number; readonly waitMs?: number; readonly turn?: number },
  ): Promise<void>;
  /** Makes `deliver` run on one replica. Asking again before it runs changes nothing. */
  deliver(): Promise<void>;
  close(): Promise<void>;
}

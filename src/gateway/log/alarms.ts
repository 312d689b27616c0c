/** What an alarm is about. Each kind is told by an event of its own. */
export type AlarmKind =
  /** A row does not fit its seal: something other than a gateway wrote it. */
  | 'seal_broken'
  /** The log is not the one that was signed. */
  | 'log_changed'
  /** The store is older than its witness. */
  | 'went_back';

export interface StandingAlarm {
  readonly kind: AlarmKind;
  /** What it is about, for example an approval's id and a field; never a value. */
  readonly about: string;
  /** For operators: what was found. */
  readonly why: string;
  readonly since: Date;
}

const ACCEPT =
  'Otherwise an operator goes on with it as it is: holdfast store accept --reason "…" (docs/operations.md, “When the ' +
  'database went back in time”).';

/** What an operator does about it. */
export const REMEDIES: Readonly<Record<AlarmKind, string>> = {
  went_back: `If the right database still exists, stop all gateways, bring it back, and start them. ${ACCEPT}`,
  seal_broken: `Find out who wrote to the database; a backup from before has what was there. ${ACCEPT}`,
  log_changed: `Find out who wrote to the database, and compare with an export or checkpoints.jsonl. ${ACCEPT}`,
};

/** Alarms that are listed. */
const MOST_LISTED = 100;
/** Alarms that are known by name, so that each is news once. */
const MOST_KNOWN = 10_000;

/**
 * What this process knows of records that nobody should believe. While an alarm stands, gated calls are refused (P6, P7);
 * everything else goes on, so that console, Slack and operators still reach the gateway. An alarm stands until an operator
 * accepts the store, at whichever replica; each replica finds what is wrong by itself.
 */
export class Alarms {
  readonly #standing = new Map<string, StandingAlarm>();
  /** Those that stand and are not listed. */
  readonly #further = new Set<string>();

  /** False: it stands already, or so many stand that one more says nothing. */
  raise(kind: AlarmKind, about: string, why: string, since: Date): boolean {
    const key = `${kind} ${about}`;
    if (this.#standing.has(key) || this.#further.has(key)) return false;
    if (this.#standing.size < MOST_LISTED) this.#standing.set(key, { kind, about, why, since });
    else if (this.#further.size < MOST_KNOWN) this.#further.add(key);
    else return false;
    return true;
  }

  /** An operator has accepted the store as it is. */
  clear(): void {
    this.#standing.clear();
    this.#further.clear();
  }

  /** The first hundred, oldest first. */
  get standing(): readonly StandingAlarm[] {
    return [...this.#standing.values()];
  }

  /** How many stand besides. */
  get further(): number {
    return this.#further.size;
  }

  /** Why nothing gated runs; null: nothing stops it. */
  get why(): string | null {
    for (const { why } of this.#standing.values()) return why;
    return null;
  }
}

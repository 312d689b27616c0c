import { endedUnsent, LIVE, type State, type UnsentEnd } from '../approval/approval.ts';

/** One sign that the store is older than what is known of it. */
export interface WentBack {
  /** What it is about; for an approval, `approval` and its id. */
  readonly about: string;
  /** For operators. */
  readonly why: string;
  /** The approval concerned; null: none. */
  readonly approval: string | null;
}

/** A sending as a witness knows it, as far as it is compared. */
interface Sending {
  readonly approval: string;
  readonly round: number;
  readonly revision: number;
  readonly returned: boolean;
  /** It was not sent, and ended so. */
  readonly ended?: UnsentEnd;
}

interface ApprovalStanding {
  readonly id: string;
  readonly state: State;
  readonly revision: number;
  readonly stateRevision: number;
}

/**
 * What of these sendings the store does not know (P2).
 *
 * | the store has | it is |
 * |---|---|
 * | no such approval | older |
 * | a lower revision | older |
 * | it pending, denied, expired or withdrawn | older: none of these follows a sending, whatever the revisions say |
 * | it approved or lapsed, since before it was sent | older |
 * | it approved or lapsed since after it was sent | given back: nothing was sent |
 * | it pending, approved or under way, and it had ended unsent | older |
 */
export function unknownSendings(known: readonly Sending[], standings: readonly ApprovalStanding[]): WentBack[] {
  const rows = new Map(standings.map((row) => [row.id, row]));
  const found = new Map<string, WentBack>();
  for (const { approval, revision, returned, ended } of known) {
    if (returned || found.has(approval)) continue;
    const row = rows.get(approval);
    const why = ended === undefined ? whyOlder(revision, row) : whyAlive(ended, row);
    if (why !== null) found.set(approval, { about: `approval ${approval}`, why: `${approval} ${why}`, approval });
  }
  return [...found.values()];
}

/**
 * What of these sendings the store has as unsent, however far it has moved them since. Of a store that went back revisions say
 * nothing: whoever decided there anew may have moved a row further than it had come before it was sent, and another replica may be
 * the only one that noticed. What was given back, and no witness heard of it, is found too.
 */
export function unsentInStore(known: readonly Sending[], standings: readonly ApprovalStanding[]): readonly string[] {
  const unsent = new Set(standings.filter(({ state }) => isUnsent(state)).map(({ id }) => id));
  const sent = known.filter(
    ({ approval, returned, ended }) => !returned && ended === undefined && unsent.has(approval),
  );
  return sent.map(({ approval }) => approval);
}

function isUnsent(state: State): boolean {
  return state === 'pending' || state === 'approved' || endedUnsent(state);
}

/** A question that is gone altogether runs nothing. */
function whyAlive(ended: UnsentEnd, row: ApprovalStanding | undefined): string | null {
  if (row === undefined || !(LIVE as readonly State[]).includes(row.state)) return null;
  return `had ended (${ended}), and the database says that it is ${row.state}`;
}

function whyOlder(revision: number, row: ApprovalStanding | undefined): string | null {
  if (row === undefined) return 'was sent, and the database does not have it';
  if (row.revision < revision) return `was sent, and the database has it as it was before (${row.state})`;
  // In a store that went back, people and callers may have moved it further than it had come before it was sent.
  const mayFollow = row.state === 'approved' || row.state === 'lapsed';
  if (!isUnsent(row.state) || (mayFollow && row.stateRevision > revision)) return null;
  return `was sent, and the database says that it is ${row.state}`;
}

/** How far a log is known to have come. */
interface Reach {
  readonly seq: number;
  readonly hash: string;
  readonly checkpoint: number;
  readonly accepted: number;
}

/** The log as the store has it. `hashThere`: of the event at the place that is known; null: there is none. */
interface LogFound {
  readonly head: number;
  readonly hashThere: string | null;
  readonly checkpoint: number;
  readonly accepted: number;
}

/** What the log lacks of what is known of it (P7). */
export function missingLog(known: Reach, found: LogFound): WentBack[] {
  const { seq, hash, checkpoint, accepted } = known;
  const back: WentBack[] = [];
  const add = (about: string, why: string): void => void back.push({ about, why, approval: null });
  if (accepted > found.accepted) add('acceptance', 'an operator accepted this store, and it does not know of it');
  if (seq > found.head) add(`event ${seq}`, `the log ends at event ${found.head}, and it had come to ${seq}`);
  else if (seq > 0 && found.hashThere !== hash)
    add(`event ${seq}`, `event ${seq} of the log is another one than it was`);
  if (checkpoint > found.checkpoint) {
    add(
      `checkpoint ${checkpoint}`,
      `the last checkpoint is of event ${found.checkpoint}, and there was one of ${checkpoint}`,
    );
  }
  return back;
}

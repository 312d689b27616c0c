import type { Approval } from '../domain/approval/approval.ts';
import { type Change, type Committed, type CounterConflict, type Store, Unavailable } from '../ports.ts';
import { pause } from '../time/pause.ts';

/** One change to make: how its facts are read, judged and committed. `K`: the facts it is judged on. */
export interface CommitAttempt<K> {
  /** Reads the current facts; null: what was to be changed is gone. */
  read(): Promise<K | null>;
  /** The change that the facts call for; null: none. */
  judge(known: K): Change | null | Promise<Change | null>;
  commit(change: Change, known: K): Promise<Committed>;
}

/** Conflicts after which one change is given up, those among them that are tried again at once, and the longest pause between. */
const MOST_CONFLICTS = 50;
const AT_ONCE = 8;
const LONGEST_PAUSE_MS = 250;
const ENDLESS = `an approval could not be changed: ${MOST_CONFLICTS} times it was another than had just been read; try again`;

/** How it ended, with the facts that it was judged on last. */
export type CommitEnd<K> =
  | { readonly kind: 'committed'; readonly known: K; readonly change: Change; readonly approval: Approval }
  | { readonly kind: 'unchanged'; readonly known: K }
  /** Its row was put back to before its end, or is written by somebody else too. */
  | { readonly kind: 'put_back'; readonly known: K }
  /** As many allowances or standing denials live as may. */
  | { readonly kind: 'crowded'; readonly known: K }
  /** The counter-proposal cannot be opened. */
  | { readonly kind: 'no_counter'; readonly known: K; readonly why: CounterConflict }
  | { readonly kind: 'gone' };

/**
 * Reads, judges and commits by comparison until a commit holds or there is nothing to commit: after a conflict the
 * change is judged again on what is true now; a change that a freeze stops is not made. `known`: facts read earlier; they
 * may be stale, because the commit compares revisions. Throws `Unavailable('store')` after `MOST_CONFLICTS` of them: others
 * cannot be so many, so it is the store that does not take what it lets one read.
 */
export async function commitUntil<K>(attempt: CommitAttempt<K>, known: K | null = null): Promise<CommitEnd<K>> {
  let conflicts = 0;
  for (let now = known ?? (await attempt.read()); now !== null; now = await attempt.read()) {
    const change = await attempt.judge(now);
    if (change === null) return { kind: 'unchanged', known: now };
    const committed = await attempt.commit(change, now);
    if (committed.kind === 'committed') return { kind: 'committed', known: now, change, approval: committed.approval };
    if (committed.kind === 'crowded') return { kind: 'crowded', known: now };
    if (committed.kind === 'no_counter') return { kind: 'no_counter', known: now, why: committed.why };
    // It would be so again and again, until a person lifts it.
    if (committed.kind === 'frozen') return { kind: 'unchanged', known: now };
    // The log says that it has ended: however often the row is read, it is not one to be changed.
    if (committed.kind === 'spent' || committed.kind === 'altered') return { kind: 'put_back', known: now };
    conflicts += 1;
    if (conflicts >= MOST_CONFLICTS) throw new Unavailable('store', ENDLESS);
    if (conflicts > AT_ONCE) await pause(pauseAfter(conflicts));
  }
  return { kind: 'gone' };
}

/** Milliseconds, growing, and never the same for two that are in each other's way. */
function pauseAfter(conflicts: number): number {
  return Math.min(LONGEST_PAUSE_MS, 2 ** (conflicts - AT_ONCE)) * (0.5 + Math.random() / 2);
}

/** The same for a change that is judged on the approval's own row alone. */
export function changeApproval(
  store: Pick<Store, 'find' | 'commit'>,
  from: string | Approval,
  judge: (approval: Approval) => Change | null,
): Promise<CommitEnd<Approval>> {
  const id = typeof from === 'string' ? from : from.id;
  const attempt = { read: () => store.find(id), judge, commit: (change: Change) => store.commit(change) };
  return commitUntil(attempt, typeof from === 'string' ? null : from);
}

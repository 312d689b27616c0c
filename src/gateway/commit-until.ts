import type { Approval } from '../domain/approval/approval.ts';
import type { Change, Committed, Store } from '../ports.ts';

/** How a change is found and made. `K`: what it is judged on. */
export interface CommitAttempt<K> {
  /** Reads anew what the change is judged on; null: it is gone. */
  read(): Promise<K | null>;
  /** The change that this asks for; null: none, and it is left as it is. */
  judge(known: K): Change | null | Promise<Change | null>;
  commit(change: Change, known: K): Promise<Committed>;
}

/** How it ended, with what it was judged on last. */
export type CommitEnd<K> =
  | { readonly kind: 'committed'; readonly known: K; readonly change: Change; readonly approval: Approval }
  | { readonly kind: 'unchanged'; readonly known: K }
  | { readonly kind: 'gone' };

/**
 * Reads, judges and commits by comparison, again and again until a commit holds or there is nothing to commit: whoever
 * was overtaken judges what is true now. `known`: read already; it need not be fresh, since the commit compares.
 */
export async function commitUntil<K>(attempt: CommitAttempt<K>, known: K | null = null): Promise<CommitEnd<K>> {
  for (let now = known ?? (await attempt.read()); now !== null; now = await attempt.read()) {
    const change = await attempt.judge(now);
    if (change === null) return { kind: 'unchanged', known: now };
    const committed = await attempt.commit(change, now);
    if (committed.kind === 'committed') return { kind: 'committed', known: now, change, approval: committed.approval };
  }
  return { kind: 'gone' };
}

/** The same for an approval that is judged on its own row alone. */
export function changeApproval(
  store: Pick<Store, 'find' | 'commit'>,
  from: string | Approval,
  judge: (approval: Approval) => Change | null,
): Promise<CommitEnd<Approval>> {
  const id = typeof from === 'string' ? from : from.id;
  const attempt = { read: () => store.find(id), judge, commit: (change: Change) => store.commit(change) };
  return commitUntil(attempt, typeof from === 'string' ? null : from);
}

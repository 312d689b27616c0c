import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { CardRecord, Change, Committed, Store } from '../../ports.ts';

type InlineCommitted = Extract<Committed, { kind: 'committed' }>;

/** How a waiting caller would spend a pass that is about to be given. */
export interface InlineSpending {
  /** approved → dispatched; committed after the decision, in the decision's own transaction. */
  readonly change: Change;
  /** Called once it is committed: the caller's dispatch. */
  dispatchOf(committed: InlineCommitted): Dispatch;
}

interface InlineWaiter {
  /** The pending approval as the caller read it. */
  readonly approval: Approval;
  /**
   * The complete card that this process last showed; null: there is none, or another process may have changed it since.
   */
  card: CardRecord | null;
  /** null: something prevents it, or would first have to be asked elsewhere. */
  readonly spending: (approved: Approval) => InlineSpending | null | Promise<InlineSpending | null>;
  /** A commit conflicted with what is known here, so nothing of it is used any more. */
  stale: boolean;
  /** Settles when the decision that may spend the pass for this caller has been committed or has failed. */
  attempt: Promise<void> | null;
  dispatch: Dispatch | null;
}

/** A caller's wait for an inline dispatch. */
export interface InlineWait {
  /**
   * Ends the wait, after a decision that is being committed for it. Returns the caller's dispatch, which it must end;
   * null: none.
   */
  leave(): Promise<Dispatch | null>;
}

/**
 * Callers of this process that wait for an approval with an open connection and would spend its pass the moment it is
 * given. The decision that gives the pass then spends it in the same transaction: pending → approved → dispatched is
 * one commit, with the events and revisions of two.
 *
 * | meanwhile | what is committed | what follows |
 * |---|---|---|
 * | nobody waits here (another replica, a task, an agent that is away) | the decision | the pass waits for its caller |
 * | a limit is full; something is frozen; policy or server changed; a vote is old | the decision | the caller finds out in `spend` |
 * | the grant is revoked, here or at another replica | nothing: a conflict; then the decision | the same |
 * | another click, expiry or withdrawal comes first | nothing: a conflict | judged again, on the state as it is now |
 * | the caller cancels first: it has left, and the revision moved | nothing: a conflict, or `left` | judged again, committed alone |
 * | during the commit, the caller cancels, loses its stream or its time | both | it has the dispatch, as after `spend` |
 * | two clicks, one caller | the first spends the pass too; the other decides alone | the loser is told the true state |
 * | two callers here | for the one who waited first; the other goes on waiting | the other joins the outcome |
 * | crash before the commit | nothing | the click was not acknowledged |
 * | crash after it, before the call was sent | both | *unknown* when the lease runs out, as after `spend` |
 * | the log says that it ran before: its row was put back | the decision | an alarm stands, and nothing runs |
 * | no witness can record it | both; then the pass is given back | the caller finds out in `spend` |
 * | the store's answer is lost | both, or nothing | the click counts as not recorded; then as after the crash, or pending |
 */
export class InlineDispatch {
  readonly #waiters = new Map<string, InlineWaiter>();

  /** Waits for a decision to spend the pass for this caller. null: another caller of this process already does. */
  wait(approval: Approval, spending: InlineWaiter['spending']): InlineWait | null {
    if (this.#waiters.has(approval.id)) return null;
    const waiter: InlineWaiter = { approval, card: null, spending, stale: false, attempt: null, dispatch: null };
    this.#waiters.set(approval.id, waiter);
    return {
      leave: async () => {
        this.#waiters.delete(approval.id);
        if (waiter.attempt !== null) await waiter.attempt;
        return waiter.dispatch;
      },
    };
  }

  /** This process has updated the card. `whole`: the card shows everything, so that the call can be approved on it. */
  cardShown(card: CardRecord, whole: boolean): void {
    const waiter = this.#waiters.get(card.approval);
    if (waiter !== undefined) waiter.card = whole ? card : null;
  }

  /**
   * The approval and card that a click may be judged on without asking the store. They may be stale, so only a decision
   * to approve may be based on them: its commit compares both with the store, and a conflict costs one more read.
   */
  remembered(id: string): { readonly approval: Approval; readonly card: CardRecord } | null {
    const waiter = this.#waiters.get(id);
    if (waiter === undefined || waiter.stale || waiter.card === null) return null;
    return { approval: waiter.approval, card: waiter.card };
  }

  /**
   * Commits the decision that makes it `approved`, together with the spending of the pass if a caller waits for it
   * here.
   */
  async commit(store: Store, decision: Change, approved: Approval): Promise<Committed> {
    const waiter = this.#waiters.get(approved.id);
    if (waiter === undefined || waiter.stale || waiter.attempt !== null) return store.commit(decision);
    const attempt = Promise.withResolvers<void>();
    waiter.attempt = attempt.promise;
    try {
      const spending = await waiter.spending(approved);
      if (spending === null) return await store.commit(decision);
      const both = await store.commitBoth(decision, spending.change);
      if (both.kind === 'left' || both.kind === 'full' || both.kind === 'frozen' || both.kind === 'spent')
        return await store.commit(decision);
      // Both were committed, and the dispatch was taken back: the decision stands.
      if (both.kind === 'held_back') return { kind: 'committed', approval: both.approval, taken: [] };
      if (both.kind === 'conflict' || both.kind === 'altered') waiter.stale = true;
      if (both.kind === 'committed') waiter.dispatch = spending.dispatchOf(both);
      return both;
    } finally {
      waiter.attempt = null;
      attempt.resolve();
    }
  }
}

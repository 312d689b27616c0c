import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { CardRecord, Change, Committed, Store } from '../../ports.ts';

type Done = Extract<Committed, { kind: 'committed' }>;

/** How a caller would spend a pass that is about to be given. */
export interface InlineSpending {
  /** approved → dispatched; it follows the decision in the decision's own transaction. */
  readonly change: Change;
  /** It was committed: the caller's dispatch. */
  begun(committed: Done): Dispatch;
}

interface InlineWaiter {
  /** As the caller knows it: pending. */
  readonly approval: Approval;
  /** Its whole card as this process showed it last; null: there is none, or another's run may have been later. */
  card: CardRecord | null;
  /** null: something stands against it, or would have to be asked of others. */
  readonly spending: (approved: Approval) => InlineSpending | null;
  /** A commit found that something was not as it is known here: the next one rests on nothing of that. */
  misled: boolean;
  /** A decision that may spend the pass for it is under way. */
  attempt: Promise<void> | null;
  dispatch: Dispatch | null;
}

/** A caller's place in the line. */
export interface InlineWait {
  /** Steps out, after an attempt on its behalf has ended. The dispatch that is its own now; it must be ended. */
  leave(): Promise<Dispatch | null>;
}

/**
 * Callers of this process that wait for an approval, hold their connection open, and would take its pass the moment it
 * is given. The decision that gives it then spends it in the same transaction: pending → approved → dispatched is one
 * commit, with the events and the revisions of two.
 *
 * | meanwhile | what is committed | what is heard |
 * |---|---|---|
 * | nobody stands here (another replica, a task, an agent that is away) | the decision | the pass waits for its caller |
 * | a limit has no room; policy or server changed; a vote is old | the decision | the caller meets it in `spend` |
 * | the grant is revoked, here or at another replica | nothing: a conflict; then the decision | the same |
 * | another click, expiry or withdrawal is first | nothing: a conflict | decided anew, by what is there now |
 * | the caller cancels first: it has left, and the revision moved | nothing: a conflict, or `left` | decided anew, alone |
 * | the caller cancels, loses its stream or its time while it commits | both | it has the dispatch, as after `spend` |
 * | two clicks, one caller | the first takes it along; the other decides alone | the loser is told the true state |
 * | two callers here | the one who stood first; the other waits | the other joins the outcome |
 * | crash before the commit | nothing | the click was not acknowledged |
 * | crash after it, before the call was sent | both | *unknown*, when the lease is over: as after `spend` |
 * | the store's answer is lost | both, or nothing | click: not recorded; then as for the crash, or pending |
 */
export class InlineDispatch {
  readonly #standers = new Map<string, InlineWaiter>();

  /** null: somebody stands there already. */
  stand(approval: Approval, spending: InlineWaiter['spending']): InlineWait | null {
    if (this.#standers.has(approval.id)) return null;
    const stander: InlineWaiter = { approval, card: null, spending, misled: false, attempt: null, dispatch: null };
    this.#standers.set(approval.id, stander);
    return {
      leave: async () => {
        this.#standers.delete(approval.id);
        if (stander.attempt !== null) await stander.attempt;
        return stander.dispatch;
      },
    };
  }

  /** This process has brought the card up to date. `whole`: it shows everything, so that it can be decided there. */
  showed(card: CardRecord, whole: boolean): void {
    const stander = this.#standers.get(card.approval);
    if (stander !== undefined) stander.card = whole ? card : null;
  }

  /**
   * What a click may be judged on without asking the store: the commit compares both with what is there then. Old news
   * are good for a yes, which they cost a second look, and for nothing else.
   */
  recall(id: string): { readonly approval: Approval; readonly card: CardRecord } | null {
    const stander = this.#standers.get(id);
    if (stander === undefined || stander.misled || stander.card === null) return null;
    return { approval: stander.approval, card: stander.card };
  }

  /** Commits the decision that makes it `approved`, and with it the spending where a caller stands for that. */
  async commit(store: Store, decision: Change, approved: Approval): Promise<Committed> {
    const stander = this.#standers.get(approved.id);
    if (stander === undefined || stander.misled || stander.attempt !== null) return store.commit(decision);
    const attempt = Promise.withResolvers<void>();
    stander.attempt = attempt.promise;
    try {
      const spending = stander.spending(approved);
      if (spending === null) return await store.commit(decision);
      const both = await store.commitBoth(decision, spending.change);
      if (both.kind === 'left' || both.kind === 'full') return await store.commit(decision);
      if (both.kind === 'conflict') stander.misled = true;
      if (both.kind === 'committed') stander.dispatch = spending.begun(both);
      return both;
    } finally {
      stander.attempt = null;
      attempt.resolve();
    }
  }
}

import { endedUnsent } from '../../domain/approval/approval.ts';
import type { Store } from '../../ports.ts';
import { endOf, type PassTerms } from './pass-of.ts';
import type { WitnessBoard } from './witness-board.ts';

/** Ends that one comparison tells; the start, and a reconnect, wait for it. */
const MOST_TOLD = 200;

/**
 * Tells witnesses of ends that none of them has, of questions whose time is not over: the process that committed such an
 * end died before it told anybody. Only what happened is asked of the store, and believed with its seals.
 */
export async function tellUntoldEnds(
  terms: PassTerms & { readonly store: Pick<Store, 'endedEarly' | 'find'>; readonly board: WitnessBoard },
  log: string,
): Promise<void> {
  const { store, board, clock } = terms;
  const untold = (await store.endedEarly(clock.now())).filter((id) => !board.hasEnded(id));
  for (const id of untold.slice(0, MOST_TOLD)) {
    const approval = await store.find(id);
    if (approval === null || approval.broken !== null || !endedUnsent(approval.state)) continue;
    await board.end(log, endOf(terms, approval, approval.state));
  }
}

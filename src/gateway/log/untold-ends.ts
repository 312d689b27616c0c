import { endedUnsent } from '../../domain/approval/approval.ts';
import type { Store } from '../../ports.ts';
import { endOf, type PassTerms } from './pass-of.ts';
import type { WitnessBoard } from './witness-board.ts';

/** Ends that one comparison tells; the start, and a reconnect, wait for it. */
const MOST_TOLD = 200;
/** Ends that are remembered as not to be believed; beyond that the oldest are looked at again. */
const MOST_LEFT = 10_000;
/** Milliseconds after which one of these is looked at again. */
const LEFT_MS = 5 * 60_000;

/**
 * Tells witnesses of ends that none of them has, of questions whose time is not over: the process that committed such an
 * end died before it told anybody. Only what happened is asked of the store, and believed with its seals.
 * `left`: those that cannot be believed, for example of a secret that was taken out, with when each was looked at, in ms of the
 * process. Such a row mostly stays so: others come first, and it is looked at every five minutes.
 */
export async function tellUntoldEnds(
  terms: PassTerms & { readonly store: Pick<Store, 'endedEarly' | 'find'>; readonly board: WitnessBoard },
  log: string,
  left: Map<string, number>,
): Promise<void> {
  const { store, board, clock } = terms;
  const untold = (await store.endedEarly(clock.now())).filter((id) => !board.hasEnded(id));
  const now = performance.now();
  const due = [
    ...untold.filter((id) => !left.has(id)),
    ...untold.filter((id) => (left.get(id) ?? now) <= now - LEFT_MS),
  ];
  for (const id of due.slice(0, MOST_TOLD)) {
    const approval = await store.find(id);
    if (approval === null || approval.broken !== null || !endedUnsent(approval.state)) {
      left.delete(id);
      left.set(id, now);
      if (left.size > MOST_LEFT) left.delete(left.keys().next().value!);
      continue;
    }
    await board.end(log, endOf(terms, approval, approval.state));
  }
}

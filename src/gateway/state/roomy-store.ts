import type { FullLimit } from '../../domain/policy/limit.ts';
import type { Admission, Committed, Store } from '../../ports.ts';
import { PART_LEASE_MS } from './held-part.ts';
import type { Quota } from './quota.ts';

/** Seconds after which it is worth trying again where somebody who holds quota did not answer. */
const SOON = PART_LEASE_MS / 1_000;

/**
 * The same store, which calls a counter full only when it is: what processes hold of it in advance is called back first, and
 * then it is tried once more (P5). A try that met a full counter has changed nothing.
 */
export function roomyStore(store: Store, quota: Pick<Quota, 'callBack'>): Store {
  return {
    ...store,
    admit: (takes, event) => withRoom(quota, takes.length, () => store.admit(takes, event), ADMISSION),
    peek: (takes) => withRoom(quota, takes.length, () => store.peek(takes), PEEKED),
    commit: (change) => withRoom(quota, change.takes?.length ?? 0, () => store.commit(change), COMMITTED),
  };
}

/** How the full limit in an answer is read, and replaced by another. */
interface Fullness<A> {
  read(answer: A): FullLimit | null;
  with(full: FullLimit): A;
}

const PEEKED: Fullness<FullLimit | null> = { read: (full) => full, with: (full) => full };
const ADMISSION: Fullness<Admission> = {
  read: (answer) => (answer.kind === 'full' ? answer.full : null),
  with: (full) => ({ kind: 'full', full }),
};
const COMMITTED: Fullness<Committed> = {
  read: (answer) => (answer.kind === 'full' ? answer.full : null),
  with: (full) => ({ kind: 'full', full }),
};

/** Each of the counters may be called back from this process, of what was on its way back too, and then from others. */
const CALLS_EACH = 3;

async function withRoom<A>(
  quota: Pick<Quota, 'callBack'>,
  counters: number,
  ask: () => Promise<A>,
  fullness: Fullness<A>,
): Promise<A> {
  for (let called = 0; ; called += 1) {
    const answer = await ask();
    const full = fullness.read(answer);
    if (full === null || called >= counters * CALLS_EACH) return answer;
    const back = await quota.callBack(full.take);
    if (back === 'none') return answer;
    if (back === 'held') return lastTry(ask, fullness);
  }
}

/** Some of it may have come back. What has not is not known to be used: whoever asks again soon learns more. */
async function lastTry<A>(ask: () => Promise<A>, fullness: Fullness<A>): Promise<A> {
  const answer = await ask();
  const full = fullness.read(answer);
  return full === null ? answer : fullness.with({ ...full, retryAfter: Math.min(full.retryAfter, SOON) });
}

import type { Approval } from '../../domain/approval/approval.ts';
import type { Store } from '../../ports.ts';
import { Gathered, type GatheredEnd } from '../../time/gathered.ts';

type ReadStore = Pick<Store, 'changed' | 'find'>;
export type ReadApproval = (id: string) => Promise<Approval | null>;

/** Approvals that one statement reads at most. */
const MOST_READ = 50;

interface EndingNow {
  readonly ends: Map<string, Promise<Approval | null>>;
  readonly reads: Gathered<string, Approval | null>;
}

const endingAt = new WeakMap<object, EndingNow>();

/**
 * Ends an approval whose time is over, once for all in this process who find that at the same moment: its callers, its job
 * and the sweep. `end`: is handed a read that is one for all that are ended at the same time.
 */
export function endedOnce(
  store: ReadStore,
  id: string,
  end: (read: ReadApproval) => Promise<Approval | null>,
): Promise<Approval | null> {
  const now = endingAt.get(store) ?? { ends: new Map(), reads: gatheredReads(store) };
  endingAt.set(store, now);
  const under = now.ends.get(id);
  if (under !== undefined) return under;
  const ended = end((one) => now.reads.do(one)).finally(() => now.ends.delete(id));
  now.ends.set(id, ended);
  return ended;
}

function gatheredReads(store: ReadStore): Gathered<string, Approval | null> {
  const alone = async (id: string): Promise<GatheredEnd<Approval | null>> => {
    try {
      return { answer: await store.find(id) };
    } catch (fault) {
      return { fault };
    }
  };
  return new Gathered({
    most: MOST_READ,
    keyOf: (id) => id,
    together: async (ids) => {
      if (ids.length === 1) return [await alone(ids[0]!)];
      // No revision is 0, so all of them have another one.
      const found = await store.changed(new Map(ids.map((id) => [id, 0])));
      const byId = new Map(found.map((approval) => [approval.id, approval]));
      return ids.map((id) => ({ answer: byId.get(id) ?? null }));
    },
  });
}

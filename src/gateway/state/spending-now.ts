import type { Approval } from '../../domain/approval/approval.ts';
import type { Store } from '../../ports.ts';

const spendingAt = new WeakMap<object, Map<string, Promise<Approval | null>>>();

/**
 * What comes of another caller's try, in this process, to spend the pass of this approval: the approval as it is then; null:
 * nothing came of it. Undefined: nobody tries. Twenty callers of one large call would each read it again, and lose to the
 * first one.
 */
export function triedBy(store: Pick<Store, 'commit'>, approval: string): Promise<Approval | null> | undefined {
  return spendingAt.get(store)?.get(approval);
}

/** Tries, while other callers of this process wait for what comes of it. `after`: how the approval is then, if it is known. */
export async function trying<T>(
  store: Pick<Store, 'commit'>,
  approval: string,
  attempt: () => Promise<T>,
  after: (tried: T) => Approval | null,
): Promise<T> {
  const tries = spendingAt.get(store) ?? new Map<string, Promise<Approval | null>>();
  spendingAt.set(store, tries);
  const told = Promise.withResolvers<Approval | null>();
  tries.set(approval, told.promise);
  let known: Approval | null = null;
  try {
    const tried = await attempt();
    known = after(tried);
    return tried;
  } finally {
    tries.delete(approval);
    told.resolve(known);
  }
}

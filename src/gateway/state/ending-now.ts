import type { Approval } from '../../domain/approval/approval.ts';

const endingAt = new WeakMap<object, Map<string, Promise<Approval | null>>>();

/**
 * Ends an approval whose time is over, once for all in this process who find that at the same moment: its callers, its job
 * and the sweep. `store`: whose approval it is.
 */
export function endedOnce(store: object, id: string, end: () => Promise<Approval | null>): Promise<Approval | null> {
  const ends = endingAt.get(store) ?? new Map<string, Promise<Approval | null>>();
  endingAt.set(store, ends);
  const under = ends.get(id);
  if (under !== undefined) return under;
  const ended = end().finally(() => ends.delete(id));
  ends.set(id, ended);
  return ended;
}

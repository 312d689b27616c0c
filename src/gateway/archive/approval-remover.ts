import { NO_SUBJECT } from '../../domain/log/event.ts';
import type { Alarms } from '../log/alarms.ts';
import type { Ports } from '../ports.ts';
import type { Rules } from '../rules.ts';

/** Approvals that one transaction removes: with their cards and callers some megabytes. */
const AT_ONCE = 100;
/** Milliseconds until it is looked at again: where nothing was left, and where there may be more. */
const LATER_MS = 60_000;
const SOON_MS = 100;
/** Milliseconds that a witness remembers a sending longer than its pass was good, at most, and a day more. */
const REMEMBERED_MS = 2 * 86_400_000;

export interface RemoverParts extends Pick<Ports, 'clock' | 'log' | 'replica' | 'store'> {
  readonly alarms: Pick<Alarms, 'why'>;
  readonly rules: Pick<Rules, 'approval' | 'approvalsRetainMs'>;
}

/**
 * Removes ended approvals that are older than `approvals.retain` says, with their cards, votes, callers and results, and writes
 * in the same transaction which. What they were stays in the log, or in its segments. Those that still matter stay: unknown
 * outcomes, what something in force was given with, what a server still waits for, and what no gateway left so. Never while
 * an alarm stands.
 */
export class ApprovalRemover {
  /** Those up to here were looked at: what stays keeps no other from its turn. */
  #after = '';

  /** One portion. Returns the ms after which to go on; null: nothing is removed here. */
  async run({ alarms, clock, log, replica, rules, store }: RemoverParts): Promise<number | null> {
    const retainMs = rules.approvalsRetainMs ?? null;
    if (retainMs === null || alarms.why !== null) return null;
    const at = clock.now();
    // Longer than any witness remembers a sending: it is missed as long as one does.
    const before = new Date(at.getTime() - Math.max(retainMs, rules.approval.pickupMs + REMEMBERED_MS));
    const ids = await store.removable(this.#after, before, AT_ONCE);
    this.#after = ids.at(-1) ?? '';
    if (ids.length === 0) return LATER_MS;
    const octets = await store.approvalOctets();
    const removed = await store.remove(ids, before, (approvals) => {
      const data = { approvals: [...approvals], count: approvals.length, before: before.toISOString(), octets };
      return { ...NO_SUBJECT, type: 'approvals.removed', at, actor: 'holdfast', replica, data };
    });
    if (removed.length > 0) {
      const told = { removed: removed.length, before, octets, octetsNow: await store.approvalOctets() };
      log.info(told, 'ended approvals were removed; the database fills their room again');
    }
    return SOON_MS;
  }
}

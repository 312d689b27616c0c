import type { Approval } from '../../domain/approval/approval.ts';
import type { Take } from '../../domain/policy/limit.ts';
import type { Opened } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import type { Arrival, Handled } from './arrival.ts';
import { type AskVerdict, newApproval } from './new-approval.ts';
import { notifyPendingLimit } from './notify-pending-limit.ts';
import { LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/** Milliseconds between two looks whether another caller's answer arrived; and for how long, until its process is silent. */
const SETTLE_MS = 250;
const SETTLE_MOST_MS = 12_000;

/** Parks a gated call: opens its approval, or joins an identical one, durably, before anybody is told. */
export async function ask(
  gateway: Pick<
    Gateway,
    | 'at'
    | 'cards'
    | 'clock'
    | 'fullLimits'
    | 'journal'
    | 'log'
    | 'queue'
    | 'replica'
    | 'retries'
    | 'rules'
    | 'store'
    | 'vault'
  >,
  notes: VerdictNotes,
  takes: readonly Take[],
  arrival: Arrival,
  verdict: AskVerdict,
): Promise<Handled> {
  if (!(await gateway.journal.recovered())) return LOG_IS_DOWN;
  if (arrival.inexact !== null) {
    notes.note('call.refused', { reason: 'inexact value' });
    return { kind: 'inexact', path: arrival.inexact };
  }
  const { server, tool, principal, session } = arrival.call;
  const { opened, full } = await settled(async (impatient) => {
    const now = gateway.clock.now();
    const full = gateway.fullLimits.recall(takes, now) ?? (await gateway.store.peek(takes));
    if (full) gateway.fullLimits.remember(full, now);
    const { request, event } = newApproval(gateway, arrival, verdict, now);
    const { requestId } = arrival;
    const joiner = { id: newId('jo', now), session, requestId, replica: gateway.replica, impatient };
    // A full limit opens nothing and pages nobody; what is already parked or owed is still to be had.
    const most = full ? 0 : gateway.rules.approval.maxPending;
    gateway.at?.('open.before');
    try {
      return { full, opened: await gateway.store.open(request, joiner, most, event) };
    } catch (error) {
      // The approval may be open and only its confirmation lost: then a place is taken, and nobody sits there.
      gateway.retries.add(() => gateway.store.away(joiner.id, gateway.replica));
      throw error;
    }
  });
  gateway.at?.('open.after');
  if (opened.kind === 'crowded' && full) return notes.limited(full);
  if (opened.kind === 'crowded') {
    notes.note('call.refused', { reason: 'too many pending' });
    void notifyPendingLimit(gateway, { grant: principal.grant, server, tool }, opened.pending);
    return { kind: 'crowded', pending: opened.pending };
  }
  const notice = await tell(gateway, opened.approval, opened.kind === 'opened');
  const { approval, joiner } = opened;
  return { kind: 'held', seat: { approval, joiner, opened: opened.kind === 'opened', notice } };
}

type Settled = Exclude<Opened, { kind: 'settling' }>;

/**
 * Opens once the end of an identical call is either collected or owed. Its caller's process may have died with the
 * answer in its hands; until that process is silent for long enough, nobody can say.
 */
async function settled<T extends { opened: Opened }>(
  open: (impatient: boolean) => Promise<T>,
): Promise<T & { opened: Settled }> {
  for (let waited = 0; ; waited += SETTLE_MS) {
    const one = await open(waited >= SETTLE_MOST_MS);
    if (one.opened.kind !== 'settling') return { ...one, opened: one.opened };
    await pause(SETTLE_MS);
  }
}

/**
 * Parks it in the queue and orders its card. The approval is already durable: a queue that does not answer is said to
 * the agent, and the sweep parks and posts when it is back.
 */
async function tell(
  gateway: Pick<Gateway, 'at' | 'cards' | 'log' | 'queue'>,
  approval: Approval,
  opened: boolean,
): Promise<string | null> {
  const { queue, cards, log, at } = gateway;
  try {
    if (opened) await queue.park(approval.id, approval.expiresAt);
    at?.('publish.before');
    if (cards !== null) await queue.publish(approval.id);
    at?.('publish.after');
    return null;
  } catch (error) {
    log.error({ approval: approval.id, err: error }, 'the queue did not take a parked call; the sweep will');
    return 'The queue does not answer, so the approvers have not been told yet; they will be when it is back.';
  }
}

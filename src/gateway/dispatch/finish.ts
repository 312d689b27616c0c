import type { Approval, State } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import type { Json } from '../../domain/json/json.ts';
import type { EventType } from '../../domain/log/event.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Change } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { record } from './record.ts';

/**
 * Records how a dispatch ended, before the agent hears of it. Tries until the store takes it: the lease is renewed
 * meanwhile, and should this process die first, the sweep calls it unknown.
 *
 * | found when committing | becomes |
 * |---|---|
 * | dispatched | what happened |
 * | unknown (the lease ran out while the store was away) | succeeded or failed, if that was learnt |
 * | dispatched by another (this end was recorded, and only the word of it lost) | what it is |
 */
export async function finish(
  gateway: Pick<Gateway, 'announcer' | 'at' | 'clock' | 'leases' | 'log' | 'rules' | 'store' | 'vault'>,
  dispatch: Dispatch,
  outcome: Outcome,
): Promise<Approval> {
  gateway.at?.('send.after');
  // Mostly nothing has changed since it was spent, and the commit says so when it has: only then is it read again.
  let known: Approval | null = dispatch.approval;
  const ended = await record(gateway, dispatch, () => {
    const approval = known;
    known = null;
    return tryFinish(gateway, dispatch, outcome, approval);
  });
  gateway.leases.delete(dispatch.by);
  gateway.announcer.tell(ended);
  return ended;
}

/** null: overtaken, try again. */
async function tryFinish(
  gateway: Pick<Gateway, 'at' | 'clock' | 'rules' | 'store' | 'vault'>,
  dispatch: Dispatch,
  outcome: Outcome,
  known: Approval | null,
): Promise<Approval | null> {
  const { store } = gateway;
  const approval = known ?? (await store.find(dispatch.approval.id));
  if (approval === null) throw new Error(`approval ${dispatch.approval.id} is gone`);
  const to = stateAfter(outcome);
  const mine =
    approval.state === 'dispatched' || (approval.state === 'unknown' && to !== 'approved' && to !== 'unknown');
  if (!mine) return approval;
  gateway.at?.('outcome.before');
  const committed = await store.commit({
    id: approval.id,
    revision: approval.revision,
    from: approval.state,
    to,
    patch: patchFor(gateway, approval, outcome),
    dispatcher: dispatch.by,
    gives: outcome.kind === 'not_sent' ? dispatch.taken : [],
    events: [happened(gateway, approval, eventFor(outcome), outcomeData(gateway, dispatch, outcome))],
  });
  gateway.at?.('outcome.after');
  if (committed.kind === 'committed') return committed.approval;
  const now = await store.find(approval.id);
  return now?.revision === approval.revision ? now : null;
}

function stateAfter(outcome: Outcome): State {
  if (outcome.kind === 'not_sent') return 'approved';
  if (outcome.kind === 'unknown') return 'unknown';
  return outcome.failed ? 'failed' : 'succeeded';
}

function patchFor(
  gateway: Pick<Gateway, 'clock' | 'rules' | 'vault'>,
  approval: Approval,
  outcome: Outcome,
): NonNullable<Change['patch']> {
  const { vault, clock } = gateway;
  const resultUntil = new Date(clock.now().getTime() + gateway.rules.approval.pickupMs);
  const free = { leaseUntil: null, dispatcher: null, awaits: null };
  if (outcome.kind !== 'returned') return { ...free, note: outcome.why, resultUntil };
  // With every caller gone there is nobody to keep it for.
  const result = approval.callers === 0 ? null : vault.seal('result', approval.id, outcome.response);
  return { ...free, note: outcome.note ?? null, result, resultUntil };
}

function eventFor(outcome: Outcome): EventType {
  if (outcome.kind === 'not_sent') return 'call.returned';
  if (outcome.kind === 'unknown') return 'call.unknown';
  return outcome.failed ? 'call.failed' : 'call.succeeded';
}

/** A result is told by its size, its kind and a keyed digest: enough to know it again, nothing to read in it. */
function outcomeData(
  gateway: Pick<Gateway, 'clock' | 'vault'>,
  { startedAt }: Dispatch,
  outcome: Outcome,
): { [name: string]: Json } {
  const upstreamMs = gateway.clock.now().getTime() - startedAt.getTime();
  if (outcome.kind !== 'returned') return { why: outcome.why, upstreamMs };
  const { response, failed } = outcome;
  const digest = gateway.vault.digest('outcome', response);
  return { bytes: response.byteLength, result: failed ? 'error' : 'result', digest, upstreamMs };
}

/** What holdfast itself did. */
export function happened(
  gateway: Pick<Gateway, 'clock'>,
  approval: Approval,
  type: EventType,
  data: { [name: string]: Json },
) {
  const at = gateway.clock.now();
  return approvalEvent(approval, { type, at, actor: 'holdfast', data: { ...data, fingerprint: approval.fingerprint } });
}

import type { Approval, State } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import type { Json } from '../../domain/json/json.ts';
import { approvalEvent, type EventType } from '../../domain/log/event.ts';
import { type Change, Unavailable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { record } from './record.ts';

/**
 * The most bytes of a result that are kept for callers who come later: 4 MiB. Whoever waits for a longer one in the
 * process that sent the call gets it in any case.
 */
export const MOST_KEPT_BYTES = 4 * 1024 * 1024;

function isTooLong({ byteLength }: Uint8Array): boolean {
  return byteLength > MOST_KEPT_BYTES;
}

function tooLargeToKeep(bytes: number): string {
  const mebibytes = (bytes / 1024 / 1024).toFixed(1);
  return `its result has ${mebibytes} MiB, more than the ${MOST_KEPT_BYTES >> 20} MiB that are kept for later callers`;
}

/**
 * Records how a dispatch ended, before the agent is told. Retries until the store accepts it; the lease is renewed
 * meanwhile. If this process dies first, the sweep marks the call unknown.
 *
 * | found when committing | becomes |
 * |---|---|
 * | dispatched | what happened |
 * | unknown (the lease ran out while the store was away) | succeeded or failed, if that is known |
 * | dispatched by another (this end was recorded, and only the confirmation was lost) | left as it is |
 */
export async function finish(
  gateway: Pick<
    Gateway,
    'announcer' | 'callMemory' | 'clock' | 'faultPoint' | 'leases' | 'log' | 'longResults' | 'rules' | 'store' | 'vault'
  >,
  dispatch: Dispatch,
  outcome: Outcome,
  /** It was spent for a caller whose answer this process holds open: nobody else waits for that caller's answer. */
  callerHere = false,
): Promise<Approval> {
  gateway.faultPoint?.('send.after');
  await rememberEnd(gateway, dispatch.approval, outcome);
  const digest = outcome.kind === 'returned' ? await gateway.vault.digestInPieces('outcome', outcome.response) : null;
  // Usually nothing has changed since the pass was spent. If it has, the commit conflicts, and only then is it read
  // again.
  let known: Approval | null = dispatch.approval;
  const ended = await record(gateway, dispatch, () => {
    const approval = known;
    known = null;
    return tryFinish(gateway, dispatch, { outcome, digest }, approval);
  });
  gateway.leases.delete(dispatch.by);
  // Other callers have seats of their own, and may wait at other replicas.
  gateway.announcer.announce(ended, callerHere && ended.callers <= 1);
  return ended;
}

/** What was never sent has not ended; what is unknown has not succeeded. An answer to a call's server is no call. */
async function rememberEnd(
  { callMemory, leases }: Pick<Gateway, 'callMemory' | 'leases'>,
  { id, grant, server, tool, answersTo }: Approval,
  outcome: Outcome,
): Promise<void> {
  if (outcome.kind === 'not_sent' || answersTo !== null || !callMemory.wants(server, tool)) return;
  const session = leases.calls.find((call) => call.id === id)?.session ?? null;
  const how = outcome.kind !== 'returned' ? 'unfinished' : outcome.failed ? 'failed' : 'succeeded';
  await callMemory.ended({ grant, server, tool, session }, id, how);
}

/** An outcome, and the keyed digest of its response; null: it has none. */
interface DigestedOutcome {
  readonly outcome: Outcome;
  readonly digest: string | null;
}

/** Why nothing can be recorded of it; for operators. */
export const ROW_ALTERED = 'the approval’s row came back otherwise than it was written';

/** null: another change came first; try again. */
async function tryFinish(
  gateway: Pick<Gateway, 'clock' | 'faultPoint' | 'longResults' | 'rules' | 'store' | 'vault'>,
  dispatch: Dispatch,
  { outcome, digest }: DigestedOutcome,
  known: Approval | null,
): Promise<Approval | null> {
  const { store } = gateway;
  const approval = known ?? (await store.find(dispatch.approval.id));
  if (approval === null) throw new Error(`approval ${dispatch.approval.id} is gone`);
  const to = stateAfter(outcome);
  const unfinished =
    approval.state === 'dispatched' || (approval.state === 'unknown' && to !== 'approved' && to !== 'unknown');
  if (!unfinished) return approval;
  gateway.faultPoint?.('outcome.before');
  if (outcome.kind === 'returned' && isTooLong(outcome.response)) {
    gateway.longResults.offer(approval.id, outcome.response);
  }
  const committed = await store.commit({
    id: approval.id,
    revision: approval.revision,
    from: approval.state,
    to,
    patch: patchFor(gateway, approval, outcome),
    dispatcher: dispatch.by,
    gives: outcome.kind === 'not_sent' ? dispatch.taken : [],
    events: [dispatchEvent(gateway, approval, eventFor(outcome), outcomeData(gateway, dispatch, { outcome, digest }))],
  });
  gateway.faultPoint?.('outcome.after');
  if (committed.kind === 'committed') return committed.approval;
  if (committed.kind === 'altered') throw new Unavailable('store', ROW_ALTERED);
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
  const released = { leaseUntil: null, dispatcher: null, awaits: null };
  // A pass that comes back is good as long as it was.
  if (outcome.kind === 'not_sent') {
    return { ...released, note: outcome.why, resultUntil, pickupUntil: approval.pickupUntil };
  }
  if (outcome.kind !== 'returned') return { ...released, note: outcome.why, resultUntil };
  if (isTooLong(outcome.response)) {
    return { ...released, note: tooLargeToKeep(outcome.response.byteLength), result: null, resultUntil };
  }
  // Without callers there is nobody to keep the result for.
  const result = approval.callers === 0 ? null : vault.seal('result', approval.id, outcome.response);
  return { ...released, note: outcome.note ?? null, result, resultUntil };
}

function eventFor(outcome: Outcome): EventType {
  if (outcome.kind === 'not_sent') return 'call.returned';
  if (outcome.kind === 'unknown') return 'call.unknown';
  return outcome.failed ? 'call.failed' : 'call.succeeded';
}

/**
 * The event describes a result by size, kind and a keyed digest: enough to recognise it, with nothing of its content.
 */
function outcomeData(
  gateway: Pick<Gateway, 'clock'>,
  { startedAt }: Dispatch,
  { outcome, digest }: DigestedOutcome,
): { [name: string]: Json } {
  const upstreamMs = gateway.clock.now().getTime() - startedAt.getTime();
  if (outcome.kind !== 'returned') return { why: outcome.why, upstreamMs };
  const { response, failed } = outcome;
  return { bytes: response.byteLength, result: failed ? 'error' : 'result', digest, upstreamMs };
}

/** An event of the gateway itself about this approval's call. */
export function dispatchEvent(
  gateway: Pick<Gateway, 'clock'>,
  approval: Approval,
  type: EventType,
  data: { [name: string]: Json },
) {
  const at = gateway.clock.now();
  return approvalEvent(approval, { type, at, actor: 'holdfast', data: { ...data, fingerprint: approval.fingerprint } });
}

import type { Approval } from '../../domain/approval/approval.ts';
import { saysWhy } from '../../domain/call/stated-reason.ts';
import { shownInexact } from '../../domain/policy/inexact.ts';
import type { Take } from '../../domain/policy/limit.ts';
import type { Opened } from '../../ports.ts';
import { dayBegan } from '../../time/day.ts';
import { pause } from '../../time/pause.ts';
import { coveringAllowance, othersAllowances, standingDenial } from '../allowance/covering.ts';
import { endAs } from '../allowance/end.ts';
import { approveUnder } from '../dispatch/under-allowance.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { postsOf } from '../state/card-gate.ts';
import { CARD_TURN } from '../state/card-turn.ts';
import type { Arrival, Handled } from './arrival.ts';
import { beginDescribing } from './describe-call.ts';
import { type AskVerdict, materialOf, newApproval } from './new-approval.ts';
import { freezeOverCall } from './refuse-frozen.ts';
import { refuseOpening } from './refuse-opening.ts';
import { halted, LOG_IS_DOWN, type VerdictNotes } from './verdict-notes.ts';

/** Milliseconds between two checks whether another caller has received its answer. */
const SETTLE_MS = 250;
/** Milliseconds after which that caller's process counts as silent, and its answer as not received. */
const MAX_SETTLE_MS = 12_000;

/** Why a call is refused whose tool's name would show on the card what is hidden there. */
const TOOL_TELLS =
  'params.name repeats a value that is hidden in the same call, and the name of a tool is shown to everybody. Send the value in its argument only';

/** Parks a gated call: opens its approval, or joins an identical one. Either is durable before anybody is told. */
export async function ask(
  gateway: Pick<
    Gateway,
    | 'alarms'
    | 'allowances'
    | 'announcer'
    | 'cardGate'
    | 'cards'
    | 'callMemory'
    | 'clock'
    | 'describing'
    | 'faultPoint'
    | 'fullLimits'
    | 'journal'
    | 'knownFreezes'
    | 'knownInAdvance'
    | 'log'
    | 'mostGatedBytes'
    | 'queue'
    | 'readTool'
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
  const alarm = gateway.alarms.why;
  if (alarm !== null) {
    notes.note('call.refused', { reason: 'an alarm stands' });
    return halted(alarm);
  }
  const { unjoined } = arrival.call.principal;
  if (unjoined !== undefined) return notes.unjoined(unjoined);
  const inexact = shownInexact(arrival.inexact);
  if (inexact !== null) return notes.inexact(inexact);
  const fault = arrival.gatedFault() ?? (arrival.leg === undefined && notes.toolTellsHidden ? TOOL_TELLS : null);
  if (fault !== null) return notes.unshown(fault);
  const tooLong = longerThanHeld(gateway, arrival);
  if (tooLong !== null) {
    notes.note('call.refused', { reason: 'too long to be held' });
    return tooLong;
  }
  const denial = standingDenial(gateway, arrival.call, () => materialOf(arrival), arrival.leg !== undefined);
  const { server, tool, principal, session } = arrival.call;
  const freeze = freezeOverCall(gateway, arrival.call);
  const unreasoned = lacksReason(arrival, verdict);
  const enforced = takes.filter((take) => take.watched !== true);
  const { opened, full } = await openWhenSettled(async (impatient) => {
    const now = gateway.clock.now();
    const by = { grant: principal.grant, server, tool };
    const [full, before] = await Promise.all([
      gateway.fullLimits.find(enforced, now) ?? gateway.store.peek(enforced),
      arrival.leg === undefined ? gateway.store.askedBefore(by, dayBegan(now)) : null,
    ]);
    if (full) gateway.fullLimits.remember(full, now);
    const { request, event } = await newApproval(gateway, arrival, verdict, now, before);
    const { requestId } = arrival;
    const joiner = { id: newId('jo', now), session, requestId, replica: gateway.replica, impatient };
    // A full limit, a freeze, a standing denial or a missing reason opens nothing and pages nobody; a parked approval or an uncollected
    // answer can still be joined.
    const closed = full !== null || freeze !== null || denial !== null || unreasoned;
    const room = { ...gateway.rules.approval, closed };
    gateway.faultPoint?.('open.before');
    try {
      return { full, opened: await gateway.store.open(request, joiner, room, event) };
    } catch (error) {
      // Only the confirmation may be lost: then the seat is taken, and this caller will never sit in it.
      gateway.retries.add(() => gateway.store.away(joiner.id, gateway.replica));
      throw error;
    }
  });
  gateway.faultPoint?.('open.after');
  if (opened.kind === 'unasked') return opened;
  if (denial !== null && (!('approval' in opened) || opened.approval.state === 'approved')) {
    // What has not run yet does not run while a no is about it: the pass stays, and the seat is for whoever comes back.
    if ('joiner' in opened) await gateway.store.away(opened.joiner, gateway.replica);
    return notes.standing(denial);
  }
  if (!('approval' in opened) && freeze !== null) return notes.frozen(freeze);
  if (opened.kind === 'crowded' && full) return notes.limited(full);
  if (opened.kind === 'crowded' && unreasoned) return notes.unreasoned(verdict.ask.justification?.argument === true);
  if (!('approval' in opened)) return refuseOpening(gateway, notes, { grant: principal.grant, server, tool }, opened);
  const { approval, joiner } = opened;
  const allowed = opened.kind === 'opened' ? await useAllowance(gateway, arrival, verdict, approval) : null;
  if (allowed !== null) return { kind: 'held', seat: { approval: allowed, joiner, opened: true, notice: null } };
  const described = opened.kind === 'opened' ? beginDescribing(gateway, arrival, verdict, approval) : null;
  const notice = await parkAndPublish(gateway, opened, described);
  return { kind: 'held', seat: { approval, joiner, opened: opened.kind === 'opened', notice } };
}

/**
 * Whether policy wants to know why the agent calls, and it does not say so. What only answers a server's question is part
 * of a call that was approved.
 */
function lacksReason({ leg, statedReason }: Arrival, { ask }: AskVerdict): boolean {
  return leg === undefined && (ask.justification ?? null) !== null && !saysWhy(statedReason);
}

/** Approves the call under an allowance in which it lies; null: none could be used, so people are asked. */
async function useAllowance(
  gateway: Parameters<typeof ask>[0],
  { call, leg, policy }: Arrival,
  verdict: AskVerdict,
  approval: Approval,
): Promise<Approval | null> {
  // Whether the very same call ran before is for a person to look at (P2).
  if (leg !== undefined || policy === null || approval.previousUnknown !== null) return null;
  const rule = verdict.ask.allowance ?? null;
  if (rule === null) return null;
  let covering = coveringAllowance(gateway, policy, call, rule);
  if (covering === null) {
    // It may have been given at another replica a moment ago.
    await gateway.knownInAdvance.refreshSoon();
    covering = coveringAllowance(gateway, policy, call, rule);
  }
  for (const one of othersAllowances(gateway, call)) await endAs(gateway, one, 'owner');
  if (covering === null) return null;
  return approveUnder(gateway, approval, covering).catch((error: unknown) => {
    gateway.log.error({ approval: approval.id, err: error }, 'an allowance could not be used; people are asked');
    return null;
  });
}

/**
 * A call that is longer than a person can be asked about; null: it is not. What answers a server's question has bounds
 * of its own, but for those of the runtime.
 */
function longerThanHeld(
  { mostGatedBytes = Number.POSITIVE_INFINITY, rules }: Pick<Gateway, 'mostGatedBytes' | 'rules'>,
  { bytes, leg }: Arrival,
): Extract<Handled, { kind: 'too_long' }> | null {
  const { maxBytes } = rules.approval;
  const asSet = leg === undefined && maxBytes < mostGatedBytes;
  const most = asSet ? maxBytes : mostGatedBytes;
  if (bytes.byteLength <= most) return null;
  return { kind: 'too_long', most, length: bytes.byteLength, setting: asSet ? 'approval.max_bytes' : null };
}

type Settled = Exclude<Opened, { kind: 'settling' }>;

/**
 * Opens as soon as it is clear whether the last identical call's answer was collected or is still owed. Its caller's
 * process may have died while it delivered the answer; that is known only once the process has been silent long enough.
 * `impatient`: counts the process as silent.
 */
async function openWhenSettled<T extends { opened: Opened }>(
  open: (impatient: boolean) => Promise<T>,
): Promise<T & { opened: Settled }> {
  for (let waited = 0; ; waited += SETTLE_MS) {
    const result = await open(waited >= MAX_SETTLE_MS);
    const { opened } = result;
    if (opened.kind !== 'settling') return { ...result, opened };
    await pause(SETTLE_MS);
  }
}

/**
 * Parks the approval in the queue and orders its card. Returns a notice for the agent when the queue does not answer,
 * else null: the approval is durable, and the sweep parks and posts it when the queue is back.
 */
async function parkAndPublish(
  gateway: Pick<Gateway, 'cardGate' | 'cards' | 'faultPoint' | 'log' | 'queue'>,
  opened: Extract<Opened, { approval: Approval }>,
  described: Promise<void> | null,
): Promise<string | null> {
  const { queue, cards, cardGate, log, faultPoint } = gateway;
  const { approval } = opened;
  try {
    // Both at once, so that the queue can be told in one message.
    const parked = opened.kind === 'opened' ? queue.park(approval.id, approval.expiresAt) : undefined;
    faultPoint?.('publish.before');
    const turn = opened.kind === 'opened' ? opened.nth : CARD_TURN.joined;
    // A card that others stand before need not come to see that.
    const waitMs = opened.kind === 'opened' ? cardGate.waitMs(postsOf(approval), approval.id, turn) : 0;
    const publish = () => queue.publish(approval.id, { turn, waitMs });
    // The agent does not wait for what its card says; where the queue does not take the card later, the sweep finds it.
    if (described !== null && cards !== null) void described.then(publish).catch(noteUnpublished(log, approval.id));
    await Promise.all([parked, cards === null || described !== null ? undefined : publish()]);
    faultPoint?.('publish.after');
    return null;
  } catch (error) {
    log.error({ approval: approval.id, err: error }, 'the queue did not take a parked call; the sweep will');
    return 'The queue does not answer, so the approvers have not been told yet; they will be when it is back.';
  }
}

function noteUnpublished(log: Gateway['log'], approval: string): (error: unknown) => void {
  return (error) => log.error({ approval, err: error }, 'the queue did not take a card; the sweep will');
}

import { createHash } from 'node:crypto';
import { allowanceOf } from '../../src/domain/allowance/allowance.ts';
import type { Approval } from '../../src/domain/approval/approval.ts';
import { approvalsCounted } from '../../src/domain/approval/tally.ts';
import { member } from '../../src/domain/json/json.ts';
import type { AgentCall } from './agent-call.ts';
import type { Acknowledged } from './approvers.ts';
import type { FinalRecord, LoggedEvent } from './record.ts';
import { type ArrivedCall, MOST, MOST_ALLOWED, TIMES } from './town.ts';

/** What everyone saw. The invariants over it must hold whatever happened; each break is one line: what, and where. */
export interface Seen {
  readonly evidence: FinalRecord;
  /** The server's own count. */
  readonly arrivals: readonly ArrivedCall[];
  readonly told: readonly AgentCall[];
  readonly recorded: readonly Acknowledged[];
  readonly clicked: readonly Acknowledged[];
  /** Allowances that were revoked, and when that was answered: ms since the epoch. */
  readonly revoked: readonly { readonly id: string; readonly at: number }[];
  /** How many of this person's clicks they were told were not recorded. */
  readonly toldLost: (approver: string) => number;
}

export const INVARIANTS: Readonly<Record<string, (seen: Seen) => string[]>> = {
  'P1 no call without approval': noCallWithoutApproval,
  'P1 no use beyond an allowance': noUseBeyond,
  'P1 nothing under what was revoked': nothingAfterRevoked,
  'P2 no approval spent twice': noneSpentTwice,
  'P3 no decision lost': noDecisionLost,
  'P4 no click lost without a word': noClickLost,
  'P4 every approval ended': everyApprovalEnded,
  'P4 nothing ended early': nothingEndedEarly,
  'P7 the log has one time': oneTime,
  'P4 every agent told the truth': everyAgentTold,
  'P2 a repeat after unknown says so': repeatsSaySo,
  'P5 at most max a window': limitsHeld,
  'P7 the chain verifies': chainVerifies,
};

/** Events that a click or a decision leaves. */
const SAID = new Set(['approval.decided', 'approval.changed', 'approval.refused']);
const ENDED = new Set(['denied', 'expired', 'withdrawn', 'lapsed', 'succeeded', 'failed', 'unknown']);
const GATED = new Set(['create_key', 'charge', 'burst']);

function idOf(approval: Approval): string {
  return String(member(approval.arguments, 'id'));
}

function byId(approvals: readonly Approval[]): Map<string, Approval[]> {
  return Map.groupBy(approvals, idOf);
}

function eventsOf({ evidence }: Pick<Seen, 'evidence'>): Map<string, LoggedEvent[]> {
  return Map.groupBy(evidence.events, (event) => event.approval ?? '') as Map<string, LoggedEvent[]>;
}

/** How often this approval's pass was spent: dispatches, less those provably not sent. */
function spent(events: readonly LoggedEvent[] = []): number {
  const count = (type: string): number => events.filter((event) => event.type === type).length;
  return count('call.dispatched') - count('call.returned');
}

/** Each arrival needs an approval of this very call, given before it by as many people as were required. */
function noCallWithoutApproval(seen: Seen): string[] {
  const events = eventsOf(seen);
  const approvals = byId(seen.evidence.approvals);
  const faults: string[] = [];
  for (const [id, arrivals] of Map.groupBy(seen.arrivals, ({ id }) => id)) {
    if (!GATED.has(arrivals[0]!.tool)) continue;
    const passes = (approvals.get(id) ?? []).filter((one) => {
      if (approvalsCounted(one) < one.requirement.quorum) return false;
      return (events.get(one.id) ?? []).some((event) => event.type === 'call.dispatched');
    });
    if (arrivals.length > passes.length)
      faults.push(`${id}: ${arrivals.length} calls, ${passes.length} approved and dispatched`);
    const decided = Math.min(...passes.flatMap((one) => one.decisions.map((d) => d.at.getTime())));
    if (arrivals.some(({ at }) => at < decided)) faults.push(`${id}: arrived before it was decided`);
  }
  return faults;
}

/**
 * The calls that ran under each allowance, by the records of their approvals. A call that its agent repeated has more than one
 * approval: each arrival is of the one that was dispatched last before it.
 */
function usesOf(seen: Pick<Seen, 'evidence' | 'arrivals'>): Map<string, ArrivedCall[]> {
  const { evidence, arrivals } = seen;
  const events = eventsOf(seen);
  const approvals = byId(evidence.approvals);
  const uses = new Map<string, ArrivedCall[]>();
  for (const arrival of arrivals) {
    const sent = (approvals.get(arrival.id) ?? []).flatMap((approval) =>
      (events.get(approval.id) ?? [])
        .filter(({ type, at }) => type === 'call.dispatched' && at.getTime() <= arrival.at)
        .map(({ at }) => ({ approval, at })),
    );
    const last = sent.sort((one, other) => one.at.getTime() - other.at.getTime()).at(-1);
    const under = last === undefined ? null : allowanceOf(last.approval);
    if (under !== null) uses.set(under, [...(uses.get(under) ?? []), arrival]);
  }
  return uses;
}

function noUseBeyond(seen: Seen): string[] {
  const over = [...usesOf(seen)].filter(([, runs]) => runs.length > MOST_ALLOWED);
  const faults = over.map(([id, runs]) => `${id}: ${runs.length} calls of ${MOST_ALLOWED}`);
  const counted = Map.groupBy(
    seen.evidence.events.filter(({ type }) => type === 'allowance.used'),
    ({ body }) => String((JSON.parse(body) as { data: { allowance: string } }).data.allowance),
  );
  for (const [id, events] of counted) {
    if (events.length > MOST_ALLOWED) faults.push(`${id}: ${events.length} uses of ${MOST_ALLOWED} in the log`);
  }
  return faults;
}

/** Milliseconds after which a revocation holds everywhere. */
const REVOKED_MS = 2_000;

function nothingAfterRevoked(seen: Seen): string[] {
  const uses = usesOf(seen);
  return seen.revoked.flatMap(({ id, at }) =>
    (uses.get(id) ?? [])
      .filter((arrival) => arrival.at > at + REVOKED_MS)
      .map((arrival) => `${id}: ${arrival.id} arrived ${arrival.at - at} ms after it was revoked`),
  );
}

function noneSpentTwice(seen: Seen): string[] {
  const events = eventsOf(seen);
  const faults: string[] = [];
  for (const approval of seen.evidence.approvals) {
    const times = spent(events.get(approval.id));
    const sent = ['succeeded', 'failed', 'unknown'].includes(approval.state) ? 1 : 0;
    if (times !== sent) faults.push(`${approval.id} is ${approval.state} and was spent ${times} times`);
  }
  for (const [id, all] of byId(seen.evidence.approvals)) {
    const arrived = seen.arrivals.filter((arrival) => arrival.id === id).length;
    const ran = all.filter(({ state }) => state === 'succeeded' || state === 'failed').length;
    const perhaps = all.filter(({ state }) => state === 'unknown').length;
    // An error that the server returned is a failure too, and its call was counted on arrival.
    if (arrived < ran || arrived > ran + perhaps)
      faults.push(`${id}: arrived ${arrived} times, recorded ${ran} to ${ran + perhaps}`);
  }
  return faults;
}

function noDecisionLost(seen: Seen): string[] {
  const events = eventsOf(seen);
  const approvals = new Map(seen.evidence.approvals.map((one) => [one.id, one]));
  const faults: string[] = [];
  for (const { approval, approver, choice } of seen.recorded) {
    const found = approvals.get(approval)?.decisions.some((d) => d.approver === approver && d.choice === choice);
    // Whoever approved may have changed to deny since: the denial takes the vote's place, and the log has both.
    const actors = [`slack:${approver}`, approver];
    const changed = (events.get(approval) ?? []).some((e) => e.type === 'approval.changed' && actors.includes(e.actor));
    if (!found && !changed) faults.push(`${approval}: ${approver} was told that ${choice} is recorded`);
  }
  for (const approval of seen.evidence.approvals) {
    const decided = (events.get(approval.id) ?? []).filter(({ type }) => type === 'approval.decided').length;
    if (decided !== approval.decisions.filter(({ allowance }) => allowance === undefined).length) {
      faults.push(`${approval.id}: ${approval.decisions.length} decisions, ${decided} events of them`);
    }
  }
  return faults;
}

/** Each acknowledged click is one event, a decision or a refusal, unless its person was told that it is none. */
function noClickLost(seen: Seen): string[] {
  const events = eventsOf(seen);
  const faults: string[] = [];
  for (const [approver, clicks] of Map.groupBy(seen.clicked, (click) => click.approver)) {
    const lost = [...Map.groupBy(clicks, ({ approval }) => approval)].flatMap(([approval, all]) => {
      const own = (events.get(approval) ?? []).filter(({ actor }) => actor === `slack:${approver}`);
      const heard = own.filter(({ type }) => SAID.has(type)).length;
      return heard < all.length ? [{ approval, missing: all.length - heard }] : [];
    });
    const missing = lost.reduce((sum, one) => sum + one.missing, 0);
    const told = seen.toldLost(approver);
    if (missing <= told) continue;
    const where = lost.map(({ approval }) => approval).join(' ');
    faults.push(`${missing} clicks of ${approver} are nowhere (${where}), and only ${told} were told so`);
  }
  return faults;
}

/** Milliseconds that an event may be written later than it happened: the log was away, and the call waited for it. */
const LATE_MS = 120_000;

/** By the times in the log, which `oneTime` checks. */
export function nothingEndedEarly(seen: Pick<Seen, 'evidence'>): string[] {
  const approvals = new Map(seen.evidence.approvals.map((one) => [one.id, one]));
  const faults: string[] = [];
  for (const { type, at, approval } of seen.evidence.events) {
    const found = approvals.get(approval ?? '');
    if (found === undefined) continue;
    if (type === 'approval.expired' && at < found.expiresAt) faults.push(`${found.id} expired at ${at.toISOString()}`);
    const last = found.decisions.at(-1);
    if (type !== 'approval.lapsed' || last === undefined || found.note !== 'nobody collected it in time') continue;
    const keptMs = at.getTime() - last.at.getTime();
    if (keptMs < TIMES.pickup - 1) faults.push(`${found.id} lapsed after ${keptMs} ms`);
  }
  return faults;
}

/** Whoever wrote an event, it has the time that everybody else's had. */
export function oneTime({ evidence }: Pick<Seen, 'evidence'>): string[] {
  const faults: string[] = [];
  let latest = Number.NEGATIVE_INFINITY;
  for (const { n, type, at } of [...evidence.events].sort((one, other) => Number(one.n) - Number(other.n))) {
    if (at.getTime() < latest - LATE_MS) faults.push(`event ${n} (${type}) is of ${at.toISOString()}`);
    if (at.getTime() > Date.now()) faults.push(`event ${n} (${type}) is of the future: ${at.toISOString()}`);
    latest = Math.max(latest, at.getTime());
  }
  return faults;
}

function everyApprovalEnded({ evidence }: Seen): string[] {
  return evidence.approvals.filter(({ state }) => !ENDED.has(state)).map(({ id, state }) => `${id} is still ${state}`);
}

/** The last answer an agent got agrees with the record of the approval that the answer named. */
function everyAgentTold({ told, evidence, arrivals }: Seen): string[] {
  const approvals = new Map(evidence.approvals.map((one) => [one.id, one]));
  const faults: string[] = [];
  for (const one of told) {
    faults.push(...one.odd.map((words) => `${one.id}: ${words}`));
    const { heard, tool, id } = one;
    if (heard === 'nothing') faults.push(`${id} (${tool}): nothing but "wait" in ${one.attempts} attempts`);
    if (!GATED.has(tool)) continue;
    const state = one.approval === null ? null : (approvals.get(one.approval)?.state ?? null);
    if (heard === 'result' && !arrivals.some((arrival) => arrival.id === id))
      faults.push(`${id}: a result, and no call arrived`);
    const true_ =
      heard === 'result' || heard === 'answered before'
        ? state === 'succeeded' || state === 'failed'
        : heard === 'unknown'
          ? state === 'unknown' || state === 'succeeded' || state === 'failed'
          : !ENDED.has(heard) || state === heard;
    if (!true_) faults.push(`${id}: heard "${heard}" of ${one.approval}, which is ${state}`);
  }
  return faults;
}

function repeatsSaySo({ evidence }: Seen): string[] {
  const faults: string[] = [];
  for (const all of byId(evidence.approvals).values()) {
    for (const [index, approval] of all.entries()) {
      const before = all.slice(0, index).findLast(({ state }) => ['unknown', 'succeeded', 'failed'].includes(state));
      // An outcome that was learnt later may still have been unknown when the call was repeated.
      if (before?.state === 'unknown' && approval.previousUnknown !== before.id) {
        faults.push(`${approval.id} does not say that ${before.id} is unknown`);
      }
    }
  }
  return faults;
}

function limitsHeld({ arrivals }: Seen): string[] {
  const faults: string[] = [];
  for (const [key, all] of Map.groupBy(
    arrivals,
    ({ tool, agent, at }) => `${tool} ${agent} ${new Date(at).toISOString().slice(0, 10)}`,
  )) {
    const most = MOST[key.split(' ')[0] as keyof typeof MOST];
    if (most !== undefined && all.length > most) faults.push(`${key}: ${all.length} of ${most}`);
  }
  return faults;
}

export function chainVerifies({ evidence }: Pick<Seen, 'evidence'>): string[] {
  let hash = '0'.repeat(64);
  for (const [index, event] of evidence.events.entries()) {
    if (event.seq === null) return [`event ${event.n} (${event.type}) is not chained`];
    if (Number(event.seq) !== index + 1) return [`place ${index + 1} holds ${event.seq}`];
    hash = createHash('sha256').update(`${hash}\n${event.seq}\n${event.body}`).digest('hex');
    if (hash !== event.hash) return [`place ${event.seq} does not follow from the one before it`];
  }
  return [];
}

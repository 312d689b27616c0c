import type { Approval } from '../../domain/approval.ts';
import { type Call, fingerprintMaterial } from '../../domain/call.ts';
import { redactionOf } from '../../domain/evaluate.ts';
import { takesOf } from '../../domain/limit.ts';
import { redact } from '../../domain/redact.ts';
import type { Verdict } from '../../domain/verdict.ts';
import type { NewApproval, Opened } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import { about } from '../decision/decide.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { type Arrival, type Handled, limited, logIsDown, traceOf, verdictEvent } from './handle-call.ts';
import { notifyPendingLimit } from './notify-pending-limit.ts';

type AskVerdict = Verdict & { kind: 'ask' };

/** A caller's place at an approval. Small on purpose: five thousand of them wait in one process. */
export interface Seat {
  readonly approval: Approval;
  readonly joiner: string;
  /** It opened the approval itself. */
  readonly opened: boolean;
  /** What could not be told yet, for the agent to read; null when all is well. */
  readonly notice: string | null;
}

/** Milliseconds between two looks whether another caller's answer arrived; and for how long, until its process is silent. */
const SETTLE_MS = 250;
const SETTLE_MOST_MS = 12_000;
/** Longest stated reason that is kept, in UTF-16 units. */
const LONGEST_REASON = 500;

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
  arrival: Arrival,
  verdict: AskVerdict,
  policyDigest: string,
): Promise<Handled> {
  if (!(await gateway.journal.recovered())) return logIsDown();
  if (arrival.inexact !== null) {
    gateway.journal.note(verdictEvent(gateway, arrival, 'call.refused', verdict, { reason: 'inexact value' }));
    return { kind: 'inexact', path: arrival.inexact };
  }
  const takes = takesOf(arrival.call, verdict.limits);
  const { opened, full } = await settled(async (impatient) => {
    const now = gateway.clock.now();
    const full = gateway.fullLimits.recall(takes, now) ?? (await gateway.store.peek(takes));
    if (full) gateway.fullLimits.remember(full, now);
    const fresh = parked(gateway, arrival, verdict, policyDigest, now);
    const { session } = arrival.call;
    const { requestId } = arrival;
    const joiner = { id: newId('jo', now), session, requestId, replica: gateway.replica, impatient };
    // A full limit opens nothing and pages nobody; what is already parked or owed is still to be had.
    const most = full ? 0 : gateway.rules.approval.maxPending;
    gateway.at?.('open.before');
    try {
      return { full, opened: await gateway.store.open(fresh, joiner, most, requested(fresh, verdict)) };
    } catch (error) {
      // Perhaps only the word of it was lost: then a place is taken, and nobody sits there.
      gateway.retries.add(() => gateway.store.away(joiner.id, gateway.replica));
      throw error;
    }
  });
  gateway.at?.('open.after');
  if (opened.kind === 'crowded' && full) return limited(gateway, arrival, verdict, full);
  if (opened.kind === 'crowded') {
    gateway.journal.note(verdictEvent(gateway, arrival, 'call.refused', verdict, { reason: 'too many pending' }));
    const { server, tool, principal } = arrival.call;
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

function parked(
  gateway: Pick<Gateway, 'rules' | 'vault'>,
  arrival: Arrival,
  verdict: AskVerdict,
  policyDigest: string,
  now: Date,
): NewApproval {
  const { call, bytes } = arrival;
  const { vault } = gateway;
  const [fingerprint, ...olderFingerprints] = vault.fingerprints(fingerprintMaterial(call));
  const policy = gateway.rules.policy(call.server)!;
  const id = newId('ap', now);
  const timeoutMs = verdict.ask.timeoutMs ?? gateway.rules.approval.timeoutMs;
  return {
    approval: {
      id,
      server: call.server,
      tool: call.tool,
      grant: call.principal.grant,
      owner: call.principal.owner,
      selfApproval: call.principal.selfApproval,
      fingerprint: fingerprint!,
      requirement: gateway.rules.requirement(verdict.ask),
      arguments: redact(call.args, redactionOf(policy, call.tool)),
      trace: verdict.trace,
      statedReason: stated(arrival.statedReason),
      policyDigest,
      createdAt: now,
      expiresAt: new Date(now.getTime() + timeoutMs),
      pickupUntil: null,
      leaseUntil: null,
      note: null,
    },
    request: vault.seal('request', id, bytes),
    olderFingerprints,
  };
}

/** SQL text holds no NUL. */
function stated(reason: string | null): string | null {
  return reason === null ? null : reason.slice(0, LONGEST_REASON).replaceAll('\0', '').toWellFormed();
}

function requested({ approval }: NewApproval, verdict: AskVerdict) {
  return about(approval, {
    type: 'approval.requested',
    at: approval.createdAt,
    actor: `grant:${approval.grant}`,
    data: {
      fingerprint: approval.fingerprint,
      rule: verdict.trace.rule,
      reason: verdict.trace.reason,
      trace: traceOf(verdict),
      policy: approval.policyDigest,
      arguments: approval.arguments,
      statedReason: approval.statedReason,
      approvers: [...approval.requirement.groups],
      quorum: approval.requirement.quorum,
      expiresAt: approval.expiresAt.toISOString(),
      owner: approval.owner,
    },
  });
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

/** The call as its held bytes say it; made again when it is needed, so that a parked call keeps no parsed copy. */
export type Recall = () => Call;

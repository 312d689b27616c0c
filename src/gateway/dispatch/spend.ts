import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Call } from '../../domain/call/call.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { takesOf } from '../../domain/policy/limit.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Verdict } from '../../domain/policy/verdict.ts';
import { type Change, type Committed, Unavailable } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import type { InlineSpending } from '../state/inline-dispatch.ts';
import { happened } from './finish.ts';
import type { Turn } from './turn.ts';

type Spent = Extract<Turn, { kind: 'dispatch' | 'full' | 'over' | 'unsure' | 'gone' }> | { readonly kind: 'conflict' };

/**
 * Spends the pass (P2): one transaction takes the limits, moves approved → dispatched by compare-and-swap, and writes
 * `call.dispatched`. Before it, what may have changed since the human decided is looked at again: the grant, the
 * policy (only a new deny stops it), and the approvers' standing.
 */
export async function spend(
  gateway: Pick<
    Gateway,
    'announcer' | 'at' | 'cards' | 'clock' | 'fullLimits' | 'leases' | 'replica' | 'rules' | 'store'
  >,
  approval: Approval,
  joiner: string,
  call: Call,
): Promise<Spent> {
  const { rules } = gateway;
  await rules.refresh();
  const look = lookAgain(gateway, approval, call);
  if (look.kind === 'lapse') return lapse(gateway, approval, look.why);
  const doubt = await doubtOf(gateway, approval);
  if (doubt?.kind === 'lapse') return lapse(gateway, approval, doubt.why);
  if (doubt?.kind === 'unsure') return { kind: 'unsure', approval, why: doubt.why };
  const spending = spendingOf(gateway, approval, joiner, call, look);
  gateway.at?.('dispatch.before');
  const committed = await gateway.store.commit(spending.change);
  if (committed.kind === 'full') {
    gateway.fullLimits.remember(committed.full, gateway.clock.now());
    return { kind: 'full', approval, full: committed.full };
  }
  if (committed.kind === 'left') return { kind: 'gone', approval };
  if (committed.kind === 'conflict') return committed;
  const dispatch = spending.begun(committed);
  gateway.announcer.tell(committed.approval);
  return { kind: 'dispatch', dispatch };
}

/**
 * The same for a pass that is about to be given, to be committed with the very decision that gives it. null: something
 * stands against it, or would have to be asked of others first; then the pass is given alone, and `spend` says what.
 * Who decided was judged a moment ago, by the facts that a second look would rest on; earlier votes are older. Whether
 * the grant was revoked is asked by the commit itself.
 */
export function spendAtOnce(
  gateway: Pick<Gateway, 'at' | 'clock' | 'leases' | 'replica' | 'rules'>,
  approved: Approval,
  joiner: string,
  call: Call,
): InlineSpending | null {
  if (approved.decisions.length !== 1) return null;
  const look = lookAgain(gateway, approved, call);
  if (look.kind === 'lapse') return null;
  const { change, begun } = spendingOf(gateway, approved, joiner, call, look);
  return { change: { ...change, token: look.token }, begun };
}

function spendingOf(
  gateway: Pick<Gateway, 'at' | 'clock' | 'leases' | 'replica'>,
  approval: Approval,
  joiner: string,
  call: Call,
  look: Recheck,
): InlineSpending {
  const { policy, verdict } = look;
  const startedAt = gateway.clock.now();
  const takes = takesOf(call, verdict.limits);
  // Not the replica alone: the end of one dispatch must never be taken for the end of the next one.
  const by = `${gateway.replica} ${joiner} ${approval.revision}`;
  const change: Change = {
    id: approval.id,
    revision: approval.revision,
    from: 'approved',
    to: 'dispatched',
    patch: { leaseUntil: gateway.leases.until(), dispatcher: by },
    takes,
    joiner,
    events: [
      happened(gateway, approval, 'call.dispatched', {
        joiner,
        policy: policy.digest,
        rule: verdict.trace.rule,
        limits: takes.map((take) => take.counter),
        votes: approval.decisions.map((one) => ({ approver: one.approver, choice: one.choice, via: one.via })),
        waitedMs: startedAt.getTime() - approval.createdAt.getTime(),
      }),
    ],
  };
  const begun = (committed: Extract<Committed, { kind: 'committed' }>): Dispatch => {
    gateway.at?.('dispatch.after');
    const dispatch = { approval: committed.approval, by, taken: committed.taken, startedAt };
    gateway.leases.add(dispatch);
    return dispatch;
  };
  return { change, begun };
}

type Lapse = { readonly kind: 'lapse'; readonly why: string };
interface Recheck {
  readonly kind: 'stands';
  readonly policy: Policy;
  readonly verdict: Exclude<Verdict, { kind: 'deny' }>;
  readonly token: string;
}

function lookAgain({ rules }: Pick<Gateway, 'rules'>, approval: Approval, call: Call): Lapse | Recheck {
  const token = rules.token(approval.grant);
  const known = rules.principal(approval.grant, approval.server);
  if (token === null || known === null) return { kind: 'lapse', why: 'the grant was revoked' };
  const policy = rules.policy(approval.server);
  if (policy === null) return { kind: 'lapse', why: 'the server is no longer configured' };
  const verdict = evaluate(policy, call);
  if (verdict.kind === 'deny') return { kind: 'lapse', why: `policy now denies it: ${verdict.reason}` };
  return { kind: 'stands', policy, verdict, token };
}

/** Only votes given in Slack rest on what Slack says of a person. */
async function doubtOf(
  gateway: Pick<Gateway, 'cards'>,
  approval: Approval,
): Promise<Lapse | { readonly kind: 'unsure'; readonly why: string } | null> {
  if (gateway.cards === null || !approval.decisions.some((d) => d.via === 'slack')) return null;
  try {
    const standing = await gateway.cards.stillEligible(approval);
    return standing.eligible ? null : { kind: 'lapse', why: standing.why ?? 'an approver may no longer approve' };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return { kind: 'unsure', why: error.message };
  }
}

async function lapse(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  approval: Approval,
  why: string,
): Promise<Spent> {
  const committed = await gateway.store.commit({
    id: approval.id,
    revision: approval.revision,
    from: 'approved',
    to: 'lapsed',
    patch: { note: why },
    events: [happened(gateway, approval, 'approval.lapsed', { note: why })],
  });
  if (committed.kind !== 'committed') return { kind: 'conflict' };
  gateway.announcer.tell(committed.approval);
  return { kind: 'over', approval: committed.approval };
}

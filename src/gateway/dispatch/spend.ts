import { allowanceOf } from '../../domain/allowance/allowance.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import { rightJson } from '../../domain/approval/circle.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import { recount } from '../../domain/approval/recount.ts';
import { signersOf } from '../../domain/approval/vote-signature.ts';
import type { Call } from '../../domain/call/call.ts';
import { aftersFor } from '../../domain/policy/after.ts';
import { evaluate } from '../../domain/policy/evaluate.ts';
import { type History, NO_HISTORY } from '../../domain/policy/history.ts';
import { type FullLimit, type Take, takesOf, uncapped } from '../../domain/policy/limit.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Verdict } from '../../domain/policy/verdict.ts';
import type { Change, Committed } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import type { InlineSpending } from '../state/inline-dispatch.ts';
import { dispatchEvent } from './finish.ts';
import type { AnswerRecord } from './given.ts';
import { answerOfLeg, continuingOf, parentOf } from './leg.ts';
import { lapseOf, type Objection, recheckApprovers } from './recheck-approvers.ts';
import type { Turn } from './turn.ts';
import { recheckAllowance } from './under-allowance.ts';

type Spent =
  | Extract<Turn, { kind: 'dispatch' | 'full' | 'frozen' | 'over' | 'unsure' | 'gone' }>
  | { readonly kind: 'conflict' };

/**
 * Spends the pass (P2): one transaction takes the limits, moves approved → dispatched by compare-and-swap, and writes
 * `call.dispatched`. What may have changed since the decision is checked again first: the grant, the policy (only a new
 * deny stops the call), and whether the approvers may still approve. Whether something is frozen is checked twice: by
 * what this process knows, and exactly, in the transaction.
 */
export async function spend(
  gateway: Pick<
    Gateway,
    | 'alarms'
    | 'allowances'
    | 'announcer'
    | 'callMemory'
    | 'cards'
    | 'clock'
    | 'erasures'
    | 'faultPoint'
    | 'fullLimits'
    | 'knownFreezes'
    | 'knownInAdvance'
    | 'leases'
    | 'log'
    | 'queue'
    | 'replica'
    | 'rules'
    | 'store'
    | 'tracing'
    | 'uncheckedPasses'
    | 'vault'
  >,
  approval: Approval,
  joiner: string,
  call: Call,
  /** False: a leg's caller needs no seat at the call that goes on. */
  seated = true,
): Promise<Spent> {
  const span = gateway.tracing?.begin('dispatch', { 'holdfast.approval.id': approval.id }) ?? null;
  const spent = await tryToSpend(gateway, approval, joiner, call, seated).catch((error: unknown) => {
    span?.end({}, error instanceof Error ? error.name : '_OTHER');
    throw error;
  });
  const isRefused =
    spent.kind === 'full' || spent.kind === 'frozen' || spent.kind === 'over' || spent.kind === 'unsure';
  span?.end({ 'holdfast.dispatch': spent.kind }, isRefused ? spent.kind : null);
  return spent;
}

async function tryToSpend(
  gateway: Parameters<typeof spend>[0],
  approval: Approval,
  joiner: string,
  call: Call,
  seated: boolean,
): Promise<Spent> {
  const { alarms, rules } = gateway;
  if (alarms.why !== null) return { kind: 'unsure', approval, part: 'alarm', why: alarms.why };
  if (approval.broken !== null) return { kind: 'unsure', approval, part: 'alarm', why: 'its seal is broken' };
  const answer = await answerOfLeg(gateway, approval, call);
  await rules.refresh(approval);
  const recheck = recheckRules(gateway, approval, call, await historyOf(gateway, approval, call));
  if (recheck.kind === 'lapse') return lapse(gateway, approval, recheck.why);
  const known = gateway.knownFreezes.over(approval);
  if (known !== null) return { kind: 'frozen', approval, freeze: known };
  const under = allowanceOf(approval);
  // Before they are counted: whose key is gone by then keeps this from being committed, and it is tried anew.
  const signers = signersNow(approval, rules, gateway.clock.now());
  // What has to be signed runs by its own signatures only, whatever was allowed in advance.
  const isOwn = under === null || approval.requirement.stepUp !== undefined;
  const judged = isOwn
    ? await recheckApprovers(gateway, approval)
    : await recheckAllowance(gateway, under, [approval.owner, call.principal.owner]);
  const objection = judged?.kind === 'votes' ? null : judged;
  if (objection?.kind === 'lapse') return lapse(gateway, approval, objection.why);
  if (objection?.kind === 'unsure') {
    gateway.uncheckedPasses.note(approval, objection.why);
    return { kind: 'unsure', approval, part: 'approvers', why: objection.why };
  }
  gateway.uncheckedPasses.forget(approval.id);
  const remembered = await rememberFirst(gateway, approval, call);
  if (remembered !== null) return lapse(gateway, approval, remembered.why);
  const over = await watchedFull(gateway, call, recheck);
  const spending = spendingOf(gateway, approval, joiner, call, recheck, { answer, seated, over, signers });
  gateway.faultPoint?.('dispatch.before');
  const committed = await gateway.store.commit(spending.change);
  if (committed.kind === 'full') {
    gateway.fullLimits.remember(committed.full, gateway.clock.now());
    return { kind: 'full', approval, full: committed.full };
  }
  if (committed.kind === 'unasked') return lapse(gateway, approval, 'the server no longer waits for this answer');
  if (committed.kind === 'left') return { kind: 'gone', approval };
  if (committed.kind === 'held_back') {
    gateway.announcer.announce(committed.approval);
    if (committed.approval.state !== 'approved') return { kind: 'over', approval: committed.approval };
    return { kind: 'unsure', approval: committed.approval, part: 'witness', why: committed.why };
  }
  if (committed.kind === 'outside' && approval.counterOf !== undefined) {
    return { kind: 'unsure', approval, part: 'alarm', why: 'its counter-proposal cannot be believed' };
  }
  // Ended since it was looked at.
  if (committed.kind === 'outside') return lapse(gateway, approval, 'its allowance has ended');
  if (committed.kind === 'crowded' || committed.kind === 'no_counter') return { kind: 'conflict' };
  if (committed.kind === 'spent') return { kind: 'unsure', approval, part: 'alarm', why: 'it ran before' };
  if (committed.kind === 'altered') return { kind: 'unsure', approval, part: 'alarm', why: ALTERED };
  if (committed.kind === 'frozen') {
    const freeze = await gateway.knownFreezes.lookAgain(approval);
    return freeze === null ? { kind: 'conflict' } : { kind: 'frozen', approval, freeze };
  }
  if (committed.kind === 'conflict') return committed;
  const dispatch = spending.dispatchOf(committed);
  gateway.announcer.announce(committed.approval);
  return { kind: 'dispatch', dispatch };
}

/**
 * The same for a pass that is about to be given, to be committed with the decision that gives it. Null: something
 * prevents it, or would first have to be asked elsewhere; then the decision is committed alone, and `spend` finds out
 * what. The only vote was judged a moment ago on the same facts of Slack as a second check, while earlier votes would be
 * older; the configuration, which may have been read again since, is asked here once more.
 * The commit itself checks whether the grant was revoked.
 */
export function spendInline(
  gateway: Pick<
    Gateway,
    'alarms' | 'announcer' | 'callMemory' | 'clock' | 'faultPoint' | 'leases' | 'replica' | 'rules' | 'vault'
  >,
  approved: Approval,
  joiner: string,
  call: Call,
): InlineSpending | null {
  if (gateway.alarms.why !== null) return null;
  // A leg is spent together with the call that it answers for, in a transaction of its own.
  if (approved.decisions.length !== 1 || approved.answersTo !== null) return null;
  if (allowanceOf(approved) !== null) return null;
  // Whether its set still has it is looked at in a transaction of more than one statement.
  if (approved.counterOf !== undefined) return null;
  // Signatures are checked again by keys that are read anew, in a look of their own.
  if (approved.requirement.stepUp !== undefined) return null;
  // What was called before is asked first, and that this one begins is remembered first, in `spend`.
  if (!isForgettable(gateway, approved, call)) return null;
  const recheck = recheckRules(gateway, approved, call, NO_HISTORY);
  // What a limit that is only watched would have said is asked first, in `spend`.
  if (recheck.kind === 'lapse' || recheck.verdict.limits.some(({ watched }) => watched === true)) return null;
  if (lapseOf(approved, gateway.rules.approvers(approved), gateway.clock.now()) !== null) return null;
  const { change, dispatchOf } = spendingOf(gateway, approved, joiner, call, recheck, {
    answer: null,
    seated: true,
    over: null,
  });
  return { change: { ...change, token: recheck.token }, dispatchOf };
}

function spendingOf(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'faultPoint' | 'leases' | 'replica' | 'rules' | 'vault'>,
  approval: Approval,
  joiner: string,
  call: Call,
  { policy, verdict }: Recheck,
  { answer, seated, over, signers }: Spender,
): InlineSpending {
  const startedAt = gateway.clock.now();
  // More than the replica's name: the end of one dispatch must never be taken for the end of the next.
  const by = `${gateway.replica} ${joiner} ${approval.revision}`;
  const continues = continuingOf(gateway, approval, answer, { by, now: startedAt, seated });
  // The call that a leg answers for has taken from the limits already.
  const takes =
    continues === null ? takesAt(gateway, call, verdict).map((take) => (take.watched ? uncapped(take) : take)) : [];
  const under = allowanceOf(approval);
  const change: Change = {
    id: approval.id,
    revision: approval.revision,
    from: 'approved',
    to: 'dispatched',
    patch: { leaseUntil: gateway.leases.until(), dispatcher: by, pickupUntil: approval.pickupUntil },
    takes,
    joiner,
    believed: approval.seal,
    ...(signers === undefined ? {} : { signers }),
    unlessFrozen: { server: approval.server, grant: approval.grant },
    ...(continues === null ? {} : { continues }),
    ...(approval.counterOf === undefined
      ? {}
      : { countered: { approval: approval.counterOf.approval, fingerprint: approval.fingerprint } }),
    ...(under === null ? {} : { under: { id: under, counts: false, now: startedAt, events: () => [] } }),
    events: [
      ...(over === null || continues !== null
        ? []
        : [dispatchEvent(gateway, approval, 'call.would_deny', overData(over))]),
      dispatchEvent(gateway, approval, 'call.dispatched', {
        joiner,
        policy: policy.digest,
        rule: verdict.trace.rule,
        limits: takes.map((take) => take.counter),
        ...(under === null ? {} : { allowance: under }),
        votes: approval.decisions.map(({ approver, person, choice, via, rights, signature }) => {
          const by = rights === undefined ? {} : { rights: rights.map(rightJson) };
          const signed = signature === undefined ? {} : { key: signature.key };
          return { approver, ...(person === undefined ? {} : { person }), choice, via, ...by, ...signed };
        }),
        waitedMs: startedAt.getTime() - approval.createdAt.getTime(),
      }),
    ],
  };
  const begun = (committed: Extract<Committed, { kind: 'committed' }>): Dispatch => {
    gateway.faultPoint?.('dispatch.after');
    const sent = { approval: committed.approval, by, taken: committed.taken, startedAt };
    const { parent } = committed;
    const dispatch =
      parent === undefined ? sent : { ...sent, parent: parentOf(gateway, parent, by, startedAt) ?? null };
    gateway.leases.add(dispatch, call.session);
    return dispatch;
  };
  return { change, dispatchOf: begun };
}

/** The keys of the votes that still count, and not of those that are void already; undefined: nothing is signed. */
function signersNow(approval: Approval, rules: Pick<Gateway['rules'], 'approvers'>, now: Date): Change['signers'] {
  if (approval.requirement.stepUp === undefined) return undefined;
  const current = rules.approvers(approval);
  const { standing } = recount(approval, current, now);
  return signersOf({ ...approval, decisions: standing }, current);
}

/** Who spends a pass. */
interface Spender {
  readonly answer: AnswerRecord | null;
  readonly seated: boolean;
  /** A limit that is only watched and is full; null: none is. */
  readonly over: FullLimit | null;
  /** The keys that must still be registered when it is committed; absent: it needs none. */
  readonly signers?: Change['signers'];
}

function takesAt(
  { rules }: Pick<Gateway, 'rules'>,
  call: Call,
  { limits }: Pick<Recheck['verdict'], 'limits'>,
): Take[] {
  return takesOf(call, limits, (server) => rules.upstream(server));
}

/** The first full limit that is only watched; null: none is, or all are enforced. */
async function watchedFull(
  gateway: Pick<Gateway, 'rules' | 'store'>,
  call: Call,
  { verdict }: Recheck,
): Promise<FullLimit | null> {
  const watched = takesAt(gateway, call, verdict).filter((take) => take.watched === true);
  return watched.length === 0 ? null : gateway.store.peek(watched);
}

function overData({ take: { counter, scope, max }, retryAfter }: FullLimit) {
  return { reason: `the limit ${counter} is full`, counter, scope, max, retryAfter };
}

const ALTERED = 'its row is written by something else too';

type Lapse = Extract<Objection, { kind: 'lapse' }>;
/** What the call is dispatched under: nothing has changed that stops it. */
interface Recheck {
  readonly kind: 'valid';
  readonly policy: Policy;
  readonly verdict: Exclude<Verdict, { kind: 'deny' }>;
  readonly token: string;
}

/** Whether no policy asks of earlier calls about this one, and none wants it remembered. */
function isForgettable(
  { callMemory, rules }: Pick<Gateway, 'callMemory' | 'rules'>,
  approval: Approval,
  call: Call,
): boolean {
  const policy = rules.policy(approval.server);
  return (
    policy === null || (aftersFor(policy, call.tool).length === 0 && !callMemory.wants(approval.server, call.tool))
  );
}

async function historyOf(
  { callMemory, rules }: Pick<Gateway, 'callMemory' | 'rules'>,
  approval: Approval,
  call: Call,
): Promise<History> {
  const policy = rules.policy(approval.server);
  return policy === null ? NO_HISTORY : callMemory.historyFor(policy, call, approval.id);
}

/** Remembers that the call begins, and judges it again: null: nothing that was called meanwhile stops it. */
async function rememberFirst(
  gateway: Pick<Gateway, 'callMemory' | 'rules'>,
  approval: Approval,
  call: Call,
): Promise<Lapse | null> {
  if (isForgettable(gateway, approval, call)) return null;
  const { grant, server } = approval;
  await gateway.callMemory.begun({ grant, server, tool: call.tool, session: call.session }, approval.id);
  const again = recheckRules(gateway, approval, call, await historyOf(gateway, approval, call));
  return again.kind === 'lapse' ? again : null;
}

function recheckRules(
  { rules }: Pick<Gateway, 'rules'>,
  approval: Approval,
  call: Call,
  history: History,
): Lapse | Recheck {
  const token = rules.token(approval.grant);
  const principal = rules.principal(approval.grant, approval.server, approval.owner);
  if (token === null || principal === null) return { kind: 'lapse', why: 'the grant was revoked' };
  const policy = rules.policy(approval.server);
  if (policy === null) return { kind: 'lapse', why: 'the server is no longer configured' };
  const verdict = evaluate(policy, call, history);
  if (verdict.kind === 'deny') return { kind: 'lapse', why: `policy now denies it: ${verdict.reason}` };
  return { kind: 'valid', policy, verdict, token };
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
    events: [dispatchEvent(gateway, approval, 'approval.lapsed', { note: why })],
  });
  if (committed.kind === 'altered') return { kind: 'unsure', approval, part: 'alarm', why: ALTERED };
  if (committed.kind !== 'committed') return { kind: 'conflict' };
  gateway.announcer.announce(committed.approval);
  return { kind: 'over', approval: committed.approval };
}

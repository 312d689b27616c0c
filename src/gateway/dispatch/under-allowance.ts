import {
  ALLOWANCE_END_WORDS,
  type Allowance,
  callsLeft,
  endingOf,
  isSameBounds,
} from '../../domain/allowance/allowance.ts';
import type { Approval, Decision } from '../../domain/approval/approval.ts';
import { rightJson } from '../../domain/approval/circle.ts';
import { isForged } from '../../domain/approval/forged.ts';
import { yesTakenBack } from '../../domain/approval/take-back.ts';
import { tallyOf } from '../../domain/approval/tally.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import { todayOf } from '../allowance/covering.ts';
import { endAs } from '../allowance/end.ts';
import type { Gateway } from '../gateway.ts';
import { lapseOf, type Objection, recheckApprovers } from './recheck-approvers.ts';

type UsingGateway = Pick<
  Gateway,
  'allowances' | 'cards' | 'clock' | 'knownInAdvance' | 'log' | 'queue' | 'rules' | 'store'
>;

/** The votes of an allowance that may be used, or why it may not. */
type Judged =
  | { readonly kind: 'votes'; readonly votes: readonly Decision[]; readonly asked: Approval['requirement'] }
  | Objection;

/**
 * Whether what an allowance lets through may run now: it lives, nothing has changed that it rests on, and those who gave it may
 * still approve, by what was frozen with their approval and by today's configuration. What has changed ends it.
 * `owners`: whose the call was when it was opened, and whose it is now.
 */
export async function recheckAllowance(
  gateway: UsingGateway,
  id: string,
  owners: readonly (string | null)[],
): Promise<Judged> {
  const allowance = await gateway.allowances.find(id);
  if (allowance === null) return { kind: 'lapse', why: 'its allowance is not there' };
  if (allowance.ended !== null) return lapse(allowance.ended.why);
  const today = todayOf(gateway, allowance);
  const byConfig = endingOf({ ...allowance, used: 0 }, today, gateway.knownInAdvance.firstLook(allowance, today.look));
  // Whose an account is, the configuration says of its calls only.
  const why = byConfig ?? (owners.every((owner) => owner === allowance.owner) ? null : 'owner');
  if (why !== null) {
    await endAs(gateway, allowance, why);
    return lapse(why);
  }
  return judgeVotes(gateway, allowance);
}

async function judgeVotes(gateway: UsingGateway, allowance: Allowance): Promise<Judged> {
  const source = await gateway.store.find(allowance.approval);
  const votes = (source?.decisions ?? []).filter(({ choice }) => choice === 'approve');
  const isGiven = votes.length > 0 && votes.every(({ offers }) => offers && isSameBounds(offers, allowance.bounds));
  if (source === null || isForged(source) || !isGiven) {
    return { kind: 'lapse', why: 'the approval that gave its allowance cannot be believed' };
  }
  if (yesTakenBack(source) !== null) {
    await endAs(gateway, allowance, 'revoked');
    return lapse('revoked');
  }
  const objection = await recheckApprovers(gateway, source);
  if (objection === null) return { kind: 'votes', votes, asked: source.requirement };
  if (objection.kind === 'unsure') return objection;
  await endAs(gateway, allowance, 'approver');
  return { kind: 'lapse', why: `its allowance has ended: ${objection.why}` };
}

function lapse(why: keyof typeof ALLOWANCE_END_WORDS): Objection {
  return { kind: 'lapse', why: `its allowance has ended: ${ALLOWANCE_END_WORDS[why]}` };
}

/**
 * Gives a call that has just been opened its pass under an allowance, and counts the use, in one transaction. Null: it could not be used,
 * and people are to be asked.
 */
export async function approveUnder(
  gateway: UsingGateway & Pick<Gateway, 'alarms' | 'announcer' | 'faultPoint'>,
  approval: Approval,
  allowance: Allowance,
): Promise<Approval | null> {
  if (gateway.alarms.why !== null || isForged(approval) || approval.state !== 'pending') return null;
  // What has to be signed is signed one by one.
  if (approval.requirement.stepUp !== undefined) return null;
  await gateway.rules.refresh();
  const judged = await recheckAllowance(gateway, allowance.id, [approval.owner]);
  if (judged.kind !== 'votes') return null;
  // Who is asked in quiet hours allows nothing that others are asked about, nor they what is asked in quiet hours.
  if (judged.asked.quiet?.group !== approval.requirement.quiet?.group) return null;
  const votes = judged.votes.map(({ offers: _, ...vote }): Decision => ({ ...vote, allowance: allowance.id }));
  if (votes.length < approval.requirement.quorum) return null;
  // By the groups that have places today, which may be others than when it was given.
  if (tallyOf({ requirement: approval.requirement, decisions: votes }).missing.length > 0) return null;
  const now = gateway.clock.now();
  // Nobody's pass is good for longer than the yes that it rests on.
  const until = Math.min(now.getTime() + gateway.rules.approval.pickupMs, allowance.until.getTime());
  gateway.faultPoint?.('decide.before');
  const committed = await gateway.store.commit({
    id: approval.id,
    revision: approval.revision,
    from: 'pending',
    to: 'approved',
    believed: approval.seal,
    patch: { pickupUntil: new Date(until) },
    votes,
    under: { id: allowance.id, counts: true, now, events: (after) => [usedEvent(approval, after, votes, now)] },
    events: [],
  });
  gateway.faultPoint?.('decide.after');
  if (committed.kind !== 'committed') {
    await gateway.knownInAdvance.refreshSoon();
    return null;
  }
  gateway.announcer.announce(committed.approval);
  if (gateway.cards !== null) await gateway.queue.publish(allowance.approval, { turn: 1 }).catch(() => undefined);
  return committed.approval;
}

/**
 * Ends the allowances whose votes are no longer enough by today's configuration, and those that are used up and of which no pass
 * waits any more. What Slack knows is asked when one is used.
 */
export async function endUnfounded(
  gateway: Pick<Gateway, 'allowances' | 'cards' | 'clock' | 'knownInAdvance' | 'log' | 'queue' | 'rules' | 'store'>,
): Promise<void> {
  for (const one of gateway.knownInAdvance.allowances) {
    const source = await gateway.store.find(one.approval);
    if (source === null || isForged(source)) continue;
    if (yesTakenBack(source) !== null) {
      await endAs(gateway, one, 'revoked');
    } else if (lapseOf(source, gateway.rules.approvers(source), gateway.clock.now()) !== null) {
      await endAs(gateway, one, 'approver');
    } else if (one.used >= one.bounds.calls && !(await gateway.allowances.waits(one.id))) {
      await endAs(gateway, one, 'spent');
    }
  }
}

function usedEvent(approval: Approval, after: Allowance, votes: readonly Decision[], at: Date): NewEvent {
  const data = {
    allowance: after.id,
    given: after.approval,
    by: [...after.by],
    votes: votes.map(({ approver, person, rights }) => {
      const named = person === undefined ? {} : { person };
      return { approver, ...named, ...(rights === undefined ? {} : { rights: rights.map(rightJson) }) };
    }),
    used: after.used,
    of: after.bounds.calls,
    left: callsLeft(after, at),
    until: after.until.toISOString(),
    state: 'approved',
    fingerprint: approval.fingerprint,
  };
  return approvalEvent(approval, { type: 'allowance.used', at, actor: `grant:${approval.grant}`, data });
}

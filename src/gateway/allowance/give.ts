import {
  type Allowance,
  boundsOfVotes,
  MOST_DENIED_MINUTES,
  type StandingDenial,
} from '../../domain/allowance/allowance.ts';
import type { Approval, Decision } from '../../domain/approval/approval.ts';
import { actorOf } from '../../domain/people/actor.ts';
import type { Change } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { aboutEvent } from './end.ts';
import { isStillOffered } from './offer.ts';

const MINUTE_MS = 60_000;

/**
 * The allowance that these votes give with the one that reaches the quorum; null: none, because they are not all for the
 * same bounds, or what was offered is no more.
 */
export function allowanceGiven(
  { rules }: Pick<Gateway, 'rules'>,
  approval: Approval,
  decisions: readonly Decision[],
  at: Date,
): NonNullable<Change['allows']> | null {
  const bounds = boundsOfVotes(decisions);
  const offered = approval.trace.allowance;
  const token = rules.token(approval.grant);
  const principal = rules.principal(approval.grant, approval.server, approval.owner);
  if (bounds === null || offered === undefined || token === null || principal === null) return null;
  if (!isStillOffered({ rules }, approval)) return null;
  const votes = decisions.filter(({ choice }) => choice === 'approve');
  const allowance: Allowance = {
    id: newId('al', at),
    approval: approval.id,
    grant: approval.grant,
    server: approval.server,
    tool: approval.tool,
    owner: principal.owner,
    token,
    policyDigest: approval.policyDigest,
    mayVary: offered.mayVary,
    within: offered.within,
    like: offered.like,
    look: offered.look ?? rules.look(approval.server, approval.tool),
    bounds,
    used: 0,
    at,
    until: new Date(at.getTime() + bounds.minutes * MINUTE_MS),
    by: votes.map(({ approver }) => approver),
    ended: null,
  };
  const data = {
    allowance: allowance.id,
    calls: bounds.calls,
    minutes: bounds.minutes,
    until: allowance.until.toISOString(),
    mayVary: [...offered.mayVary],
    within: [...offered.within, ...bounds.says],
    like: offered.like,
    by: [...allowance.by],
    policy: approval.policyDigest,
    fingerprint: approval.fingerprint,
  };
  const last = votes.at(-1)!;
  return { allowance, event: aboutEvent(allowance, 'allowance.given', at, actorOf({ id: last.approver }), data) };
}

/** The standing denial that this decision gives. */
export function denialGiven(approval: Approval, decision: Decision, minutes: number): NonNullable<Change['denies']> {
  const offered = approval.trace.allowance;
  const { at } = decision;
  const denial: StandingDenial = {
    id: newId('sd', at),
    approval: approval.id,
    grant: approval.grant,
    server: approval.server,
    tool: approval.tool,
    mayVary: offered?.mayVary ?? [],
    like: offered?.like ?? approval.fingerprint,
    reason: decision.reason,
    at,
    until: new Date(at.getTime() + Math.min(minutes, MOST_DENIED_MINUTES) * MINUTE_MS),
    by: decision.approver,
    ended: null,
  };
  const data = {
    denial: denial.id,
    minutes,
    until: denial.until.toISOString(),
    mayVary: [...denial.mayVary],
    reason: denial.reason,
    fingerprint: approval.fingerprint,
  };
  return { denial, event: aboutEvent(denial, 'denial.given', at, actorOf({ id: decision.approver }), data) };
}

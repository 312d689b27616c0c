import { liesWithin, likenessMaterial } from '../../domain/allowance/likeness.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Call } from '../../domain/call/call.ts';
import type { AllowanceRule, OfferedAllowance } from '../../domain/policy/allowance-rule.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Gateway } from '../gateway.ts';

/**
 * What people may allow in advance with a yes to this call; null: no other call would be like it. Nothing is offered
 * (0 calls) where the call itself lies out of the policy's bounds, or its tool has changed since the policy was written: then it only says which
 * calls a standing denial is about.
 */
export function offerFor(
  { rules, vault }: Pick<Gateway, 'rules' | 'vault'>,
  policy: Policy,
  call: Call,
  rule: AllowanceRule,
): OfferedAllowance | null {
  const material = likenessMaterial(call, rule.mayVary);
  if (material === null) return null;
  const isOffered = liesWithin(call, rule.within) && !policy.drifted?.has(call.tool);
  return {
    minutes: isOffered ? rule.maxMinutes : 0,
    calls: isOffered ? rule.maxCalls : 0,
    mayVary: rule.mayVary.map(({ text }) => text),
    within: rule.within.map(({ says }) => says),
    like: vault.fingerprints(material)[0]!,
    look: rules.look(call.server, call.tool),
  };
}

/** Whether what was offered when the question opened still may be given: the policy and the tool are as they were. */
export function isStillOffered({ rules }: Pick<Gateway, 'rules'>, approval: Approval): boolean {
  const { allowance: offered } = approval.trace;
  const policy = rules.policy(approval.server);
  if (offered === undefined || policy?.digest !== approval.policyDigest || policy.drifted?.has(approval.tool))
    return false;
  const look = rules.look(approval.server, approval.tool);
  return offered.look === null || look === null || offered.look === look;
}

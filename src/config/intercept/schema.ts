import { z } from 'zod';
import { OPERATORS } from '../../domain/policy/condition.ts';
import { RISKS, SEVERITIES } from '../../domain/tool/risk.ts';
import { AmountShape, ApprovalShape, ProseShape, RateShape } from '../rule/schema.ts';

/**
 * A tool's entry as PolicyLayer's Intercept writes it: `rules`, each with conditions that must all hold. Sources: its
 * POLICY.md, `require_approval` as its pull request 3 adds it, and the rules without a name on its tool pages.
 */
export const InterceptConditionShape = z.strictObject({
  path: z.string({ error: 'a path that starts with args. or state.' }),
  op: z.enum(OPERATORS),
  value: z.unknown().optional(),
});
export type InterceptConditionShape = z.infer<typeof InterceptConditionShape>;

export const StateShape = z.strictObject({
  counter: z.string().min(1, { error: 'a name' }).max(96, { error: 'a name of at most 96 characters' }),
  window: z.enum(['minute', 'hour', 'day']),
  increment: AmountShape.optional(),
  increment_from: z.string().optional(),
});

export const InterceptRuleShape = z.strictObject({
  name: ProseShape.optional(),
  action: z.enum(['evaluate', 'deny', 'allow', 'require_approval']).optional(),
  conditions: z.array(InterceptConditionShape).optional(),
  state: StateShape.optional(),
  rate_limit: RateShape.optional(),
  on_deny: ProseShape.optional(),
  reason: ProseShape.optional(),
  approval_timeout: z.string().optional(),
});
export type InterceptRuleShape = z.infer<typeof InterceptRuleShape>;

/** A tool's entry. What is allowed beside `rules` does not change what the rules mean. */
export const InterceptToolShape = z.strictObject({
  rules: z.array(InterceptRuleShape).nullable(),
  description: ProseShape.optional(),
  risk: z.enum(RISKS).optional(),
  severity: z.enum(SEVERITIES).optional(),
  approval: ApprovalShape.optional(),
  redact: z.union([z.literal('none'), z.array(z.string())], { error: 'a list of paths, or none' }).optional(),
});
export type InterceptToolShape = z.infer<typeof InterceptToolShape>;

export const InterceptApprovalsShape = z.strictObject({ default_timeout: z.string().optional() });

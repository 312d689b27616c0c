import { z } from 'zod';
import { OPERATORS } from '../domain/condition.ts';
import { RISKS, SEVERITIES } from '../domain/policy.ts';
import { Amount, ApprovalShape, RateShape } from './policy-schema.ts';

/**
 * A tool's entry as PolicyLayer's Intercept writes it: `rules`, each with conditions that must all hold. Source: its
 * POLICY.md, with `require_approval` as added in its pull request 3, and the nameless rules of the tool pages.
 */
const words = z.string().max(2_000, { error: 'text of at most 2000 characters' });

export const InterceptConditionShape = z.strictObject({
  path: z.string({ error: 'a path that starts with args. or state.' }),
  op: z.enum(OPERATORS),
  value: z.unknown().optional(),
});
export type InterceptConditionShape = z.infer<typeof InterceptConditionShape>;

export const StateShape = z.strictObject({
  counter: z.string().min(1, { error: 'a name' }).max(96, { error: 'a name of at most 96 characters' }),
  window: z.enum(['minute', 'hour', 'day']),
  increment: Amount.optional(),
  increment_from: z.string().optional(),
});

export const InterceptRuleShape = z.strictObject({
  name: words.optional(),
  action: z.enum(['evaluate', 'deny', 'allow', 'require_approval']).optional(),
  conditions: z.array(InterceptConditionShape).optional(),
  state: StateShape.optional(),
  rate_limit: RateShape.optional(),
  on_deny: words.optional(),
  reason: words.optional(),
  approval_timeout: z.string().optional(),
});
export type InterceptRuleShape = z.infer<typeof InterceptRuleShape>;

/** What may stand beside `rules`: words about the tool that change nothing of what the rules say. */
export const InterceptToolShape = z.strictObject({
  rules: z.array(InterceptRuleShape).nullable(),
  description: words.optional(),
  risk: z.enum(RISKS).optional(),
  severity: z.enum(SEVERITIES).optional(),
  approval: ApprovalShape.optional(),
  redact: z.union([z.literal('none'), z.array(z.string())], { error: 'a list of paths, or none' }).optional(),
});
export type InterceptToolShape = z.infer<typeof InterceptToolShape>;

export const InterceptApprovalsShape = z.strictObject({ default_timeout: z.string().optional() });

import { z } from 'zod';
import {
  MOST_ALLOWED_CALLS,
  MOST_ALLOWED_MINUTES,
  MOST_VARIED,
  MOST_WITHIN,
} from '../../domain/policy/allowance-rule.ts';
import { OPERATORS } from '../../domain/policy/condition.ts';
import { AFTER_SCOPES } from '../../domain/policy/history.ts';
import { SCOPES, SHARINGS, WINDOWS } from '../../domain/policy/limit.ts';
import { MODES } from '../../domain/policy/mode.ts';
import { ACTIONS } from '../../domain/policy/policy.ts';
import { MOST_USUAL } from '../../domain/policy/usual-rule.ts';
import { ANSWERS_MODES } from '../../domain/policy/verdict.ts';
import { DRIFT_ACTIONS } from '../../domain/tool/drift.ts';
import { RISKS, SEVERITIES } from '../../domain/tool/risk.ts';
import { DURATION_FORM } from '../document/duration.ts';
import { QUIET_FORM, QuietShape } from '../quiet-hours.ts';

/**
 * The shape of rules as a policy file has them. What a shape cannot express (paths, patterns, durations) is checked
 * later.
 */
export const ProseShape = z.string().max(2_000, { error: 'text of at most 2000 characters' });
const names = z.array(z.string().min(1)).min(1, { error: 'at least one name' });
const durationText = z.string({ error: DURATION_FORM });

export const AmountShape = z.union([z.number(), z.string()], {
  error: 'a number, or a decimal as text such as "0.05"',
});

const AFTER_FORM = '{ tool, risk or server, within: 1h, in: grant or session }';

export const AfterShape = z.strictObject(
  {
    tool: z.string().optional().describe('A tool, or a glob such as read_*; of this server where server names none.'),
    risk: z.enum(RISKS).optional().describe('Calls whose own rule states this risk.'),
    server: z.string().optional().describe('A server of the config, or * for all of the grant; this one when absent.'),
    within: z.string({ error: DURATION_FORM }).describe('How long ago at most.'),
    in: z.enum(AFTER_SCOPES).optional().describe('Whose calls count; grant when absent: a session is easily changed.'),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? AFTER_FORM : undefined) },
);
export type AfterShape = z.infer<typeof AfterShape>;

export const ConditionShape = z.strictObject({
  path: z
    .string()
    .optional()
    .describe('Where to look: args.role, args.items[*].price, params.options, meta["acme.com/tenant"].'),
  op: z.enum(OPERATORS).optional().describe('What to ask of the value found there.'),
  value: z.unknown().optional().describe('What to compare with.'),
  after: AfterShape.optional().describe('Holds when such a call was made before; in require, when one succeeded.'),
  get all() {
    return z.array(ConditionShape).min(1).optional().describe('Holds when each of these holds.');
  },
  get any() {
    return z.array(ConditionShape).min(1).optional().describe('Holds when one of these holds.');
  },
  reason: ProseShape.optional().describe('Told to the agent, or shown on the card, when this condition decides.'),
});
export type ConditionShape = z.infer<typeof ConditionShape>;

export const LimitShape = z.strictObject({
  counter: z
    .string()
    .regex(/^[\w.:/*?-]{1,128}$/, { error: 'a name of letters, digits and _ . : / -' })
    .describe('Limits that name the same counter share it.'),
  window: z.enum(WINDOWS).describe('Aligned to UTC.'),
  max: AmountShape.describe('The most that is let through per window and scope.'),
  scope: z.enum(SCOPES).optional().describe('Whose calls are counted together; grant when absent.'),
  shared: z
    .enum(SHARINGS)
    .optional()
    .describe('upstream: servers of the config that lead to the same upstream share the counter; server when absent.'),
  by: AmountShape.optional().describe('What one call takes: a number, or a path such as args.amount; 1 when absent.'),
  increment_from: z.string().optional().describe('The same as by with a path.'),
  increment: AmountShape.optional().describe('The same as by with a number.'),
  reason: ProseShape.optional().describe('Told to the agent when there is no room.'),
});
export type LimitShape = z.infer<typeof LimitShape>;

export const RateShape = z.union(
  [
    z.string(),
    z.strictObject({
      max: z.int({ error: 'a whole number of calls' }).min(0),
      window: z.int({ error: 'a whole number of seconds' }).min(1).max(31_622_400),
    }),
  ],
  { error: '{ max: calls, window: seconds }, or text such as 5/hour' },
);
export type RateShape = z.infer<typeof RateShape>;

/** The most people that a call can need, of all groups together. */
export const MOST_PLACES = 20;
const QUORUM_FORM =
  'how many people must approve, from 1 to 20, or how many of which group, such as { security: 1, dba: 1 }';
const quorum = z.int().min(1).max(MOST_PLACES);

const AllowanceShape = z.strictObject({
  max_minutes: z.int().min(1).max(MOST_ALLOWED_MINUTES).describe('The longest that a person may allow.'),
  max_calls: z.int().min(1).max(MOST_ALLOWED_CALLS).describe('The most further calls that a person may allow.'),
  may_vary: z
    .array(z.string())
    .max(MOST_VARIED)
    .optional()
    .describe('Arguments that need not equal those of the approved call: args.name. None when absent.'),
  within: z
    .array(ConditionShape)
    .max(MOST_WITHIN)
    .optional()
    .describe('Each must hold of a call that lies in an allowance.'),
});
export type AllowanceShape = z.infer<typeof AllowanceShape>;

const PreviewShape = z.strictObject({
  tool: z.string().describe('A tool with a rule of its own here that has risk: read and action: allow.'),
  args: z
    .record(z.string(), z.json())
    .optional()
    .describe('Its arguments. A text such as "{args.path}" becomes that value of the call, of whatever type.'),
});
export type PreviewShape = z.infer<typeof PreviewShape>;

const usualPaths = z.array(z.string()).max(MOST_USUAL).optional();
const UsualShape = z.strictObject({
  destinations: usualPaths.describe('Arguments that say where a call goes: args.to. [] compares none.'),
  amounts: usualPaths.describe('Arguments that say how much it is about: args.amount. [] compares none.'),
});
export type UsualShape = z.infer<typeof UsualShape>;
const JUSTIFICATION_FORM = 'required, or { argument: true }';

export const ApprovalShape = z.strictObject({
  approvers: names.optional().describe('Groups of the config; its default when absent.'),
  quorum: z
    .union([quorum, z.record(z.string().min(1), quorum)], { error: QUORUM_FORM })
    .optional()
    .describe(
      'How many distinct people must approve; 1 when absent. Or how many of which group: { security: 1, dba: 1 }.',
    ),
  timeout: durationText.optional(),
  remind: durationText.optional(),
  escalate: z.strictObject({ after: durationText, to: names }).optional(),
  deny_reason: z.enum(['required', 'optional']).optional(),
  justification: z
    .union([z.literal('required'), z.strictObject({ argument: z.literal(true) })], { error: JUSTIFICATION_FORM })
    .optional()
    .describe(
      'The agent has to say why it calls before anybody is asked. { argument: true }: lists of tools offer the argument holdfast_reason to say it in.',
    ),
  summary: z
    .string()
    .optional()
    .describe('A sentence about the call, beside its arguments: Create an API key "{args.name}" with role {args.role}'),
  answers: z
    .enum(ANSWERS_MODES)
    .optional()
    .describe('Whether what the agent answers to the server during the call needs a yes; by severity when absent.'),
  step_up: z
    .literal('required', { error: 'required' })
    .optional()
    .describe('Each approval is signed by a passkey of its person; by default where the severity is critical.'),
  quiet: z
    .union([z.literal('none'), QuietShape], { error: `${QUIET_FORM}, or none` })
    .optional()
    .describe('Hours in which another group is asked; those of the config when absent. none: at no hour.'),
  preview: PreviewShape.optional().describe(
    'A reading tool of this server that is called when the card is made; what it says stands on the card.',
  ),
  usual: UsualShape.optional().describe(
    'What of a call is compared with earlier ones, to say what is unusual; what is recognised by its name when absent.',
  ),
  allowance: AllowanceShape.optional().describe(
    'What people may allow in advance with a yes to one call. Under one tool or glob; never for risk financial or destructive, nor severity critical.',
  ),
});
export type ApprovalShape = z.infer<typeof ApprovalShape>;

const digest = z.string().regex(/^[0-9a-f]{32}$/, { error: '32 hex digits, as holdfast scan writes them' });

export const SeenShape = z.strictObject({
  description: digest.describe('Over title and description.'),
  schema: digest.describe('Over input and output schema.'),
  annotations: z.record(z.string(), z.boolean()).optional().describe('What the server said of its tool.'),
});

export const DriftShape = z
  .enum(DRIFT_ACTIONS)
  .optional()
  .describe('What to do when a tool is no longer as it was seen; allow when absent.');

const conditions = z.array(ConditionShape).optional();

export const ToolShape = z.strictObject({
  description: ProseShape.optional(),
  mode: z
    .enum(MODES, { error: 'enforce, or watch: what this rule says is recorded and not enforced' })
    .optional()
    .describe('watch: what this rule says is recorded and not enforced; enforce when absent.'),
  risk: z.enum(RISKS).optional(),
  severity: z.enum(SEVERITIES).optional(),
  action: z.enum(ACTIONS).optional().describe('allow when absent.'),
  reason: ProseShape.optional().describe('Told to the agent on deny, shown on the card on ask.'),
  limits: z.array(LimitShape).optional(),
  rate_limit: RateShape.optional(),
  require: conditions.describe('Each must hold, or the call is denied.'),
  deny_if: conditions.describe('If one holds, the call is denied.'),
  ask_if: conditions.describe('If one holds, a human is asked.'),
  approval: ApprovalShape.optional(),
  redact: z
    .union([z.literal('none'), z.array(z.string())], { error: 'a list of paths, or none' })
    .optional()
    .describe('Arguments hidden on cards and in the log. none: also those whose name looks secret are shown.'),
  drift: DriftShape,
  seen: SeenShape.optional().describe('How the tool looked when this was written; holdfast scan writes it.'),
});
export type ToolShape = z.infer<typeof ToolShape>;

export const AllToolsShape = z.strictObject({
  limits: z.array(LimitShape).optional(),
  require: conditions,
  deny_if: conditions,
  ask_if: conditions,
  approval: ApprovalShape.optional().describe('For tools that say nothing of their own.'),
});
export type AllToolsShape = z.infer<typeof AllToolsShape>;

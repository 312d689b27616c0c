import type { Condition } from '../../domain/policy/condition.ts';
import { type Checks, type Clause, type Limit, PLAIN_ASK, type ToolRule } from '../../domain/policy/policy.ts';
import type { Ask } from '../../domain/policy/verdict.ts';
import { parseGoDuration } from '../document/duration.ts';
import { type Key, pathText } from '../document/fault.ts';
import { entriesOf, type FaultList, isNow, salvage } from '../document/shape.ts';
import { refuseAllowance, refuseForAll } from '../rule/allowance.ts';
import { combined, compileTest, type WordedCondition } from '../rule/clause.ts';
import { compileAsk, compileRedaction } from '../rule/rule.ts';
import { counterLimits } from './counter.ts';
import { InterceptApprovalsShape, type InterceptRuleShape, type InterceptToolShape } from './schema.ts';

/** Intercept's name for the rules that apply to every tool. */
export const EVERY_TOOL = '*';

/** A list of Intercept's rules, translated. */
interface Translation extends Checks {
  /** The first rule that denies every call. */
  readonly denied: Clause | null;
  /** The shortest `approval_timeout`. */
  readonly timeoutMs: number | null;
}

/** Translates a tool's `rules` into a rule of ours. */
export function interceptRule(shape: InterceptToolShape, key: string, fallback: Ask, faults: FaultList): ToolRule {
  const at = ['tools', key];
  const { denied, timeoutMs, ...checks } = translate(shape.rules ?? [], key, at, faults);
  const always = checks.askIf.find((clause) => clause.condition.kind === 'always');
  const ask = compileAsk(shape.approval, [...at, 'approval'], fallback, faults);
  const redaction = compileRedaction(shape.redact, [...at, 'redact'], faults);
  refuseAllowance(shape, ask.allowance ?? null, redaction, [...at, 'approval', 'allowance'], faults);
  return {
    key,
    risk: shape.risk ?? null,
    severity: shape.severity ?? null,
    action: denied !== null ? 'deny' : always !== undefined ? 'require_approval' : 'allow',
    reason: (denied ?? always)?.reason ?? null,
    ...checks,
    ask: timeoutMs === null ? ask : { ...ask, timeoutMs },
    redaction,
    drift: 'allow',
    seen: null,
  };
}

/** Translates the rules under `*`, which apply to every tool in addition to its own. */
export function interceptEveryTool(
  shape: InterceptToolShape,
  fallback: Ask,
  faults: FaultList,
): Checks & { readonly ask: Ask } {
  const at = ['tools', EVERY_TOOL];
  const { denied, timeoutMs, ...checks } = translate(shape.rules ?? [], EVERY_TOOL, at, faults);
  refuseForAll(shape.approval, [...at, 'approval', 'allowance'], faults);
  const ask = compileAsk(shape.approval, [...at, 'approval'], fallback, faults);
  return {
    ...checks,
    denyIf: denied === null ? [] : [denied],
    ask: timeoutMs === null ? ask : { ...ask, timeoutMs },
  };
}

/** Translates the file's `approvals` block. Its webhooks have no counterpart, because approvers are asked in Slack. */
export function interceptApprovals(value: unknown, faults: FaultList): Ask {
  const at = ['approvals'];
  for (const [key] of entriesOf(value, at, 'a map', faults)) {
    if (key !== 'default_timeout') {
      faults.addKey([...at, key], 'cannot be translated', 'default_timeout alone; cards and reminders go to Slack');
    }
  }
  const { default_timeout: text } = salvage(InterceptApprovalsShape, value);
  return text === undefined ? PLAIN_ASK : { ...PLAIN_ASK, timeoutMs: timeout(text, at, faults, 'default_timeout') };
}

function translate(
  rules: readonly InterceptRuleShape[],
  key: string,
  tool: readonly Key[],
  faults: FaultList,
): Translation {
  const require: Clause[] = [];
  const askIf: Clause[] = [];
  const timeouts: number[] = [];
  let denied: Clause | null = null;
  for (const [index, rule] of rules.entries()) {
    const at = [...tool, 'rules', index];
    refuseMixtures(rule, at, faults);
    switch (rule.action ?? 'evaluate') {
      case 'deny':
        denied ??= clause(ALWAYS, rule, at);
        break;
      case 'require_approval':
        askIf.push(clause(asked(rule, at, faults), rule, at));
        if (rule.approval_timeout !== undefined) timeouts.push(timeout(rule.approval_timeout, at, faults));
        break;
      case 'allow':
        break;
      default:
        require.push(...required(rule, at, faults));
    }
  }
  const limits: Limit[] = counterLimits(rules, key, tool, faults);
  const timeoutMs = timeouts.length === 0 ? null : Math.min(...timeouts);
  return { denyIf: [], require, askIf, limits, denied, timeoutMs };
}

/** Refuses combinations that Intercept refuses, and those whose meaning we could only guess. */
function refuseMixtures(rule: InterceptRuleShape, at: readonly Key[], faults: FaultList): void {
  const action = rule.action ?? 'evaluate';
  const conditions = rule.conditions?.length ?? 0;
  const refuse = (key: string, message: string, expected: string): void =>
    faults.addKey([...at, key], message, expected);
  if (rule.rate_limit !== undefined && (conditions > 0 || rule.state !== undefined || action === 'deny')) {
    refuse('rate_limit', 'cannot be combined with conditions, state or action deny', 'a rule of its own');
  }
  if ((action === 'deny' || action === 'allow') && conditions > 0) {
    refuse('conditions', `has no meaning with action ${action}`, 'action evaluate, or no conditions');
  }
  if (action === 'evaluate' && conditions === 0 && rule.rate_limit === undefined) {
    faults.add(at, 'says nothing', 'conditions, rate_limit, or action deny or require_approval');
  }
  if (action !== 'evaluate' && rule.state !== undefined) {
    refuse('state', `cannot be translated with action ${action}`, 'state in a rule that evaluates');
  }
  if (action !== 'require_approval' && rule.approval_timeout !== undefined) {
    refuse('approval_timeout', `has no meaning with action ${action}`, 'action require_approval');
  }
}

/** Every condition of an evaluated rule must hold. Conditions on counters become limits; see counter.ts. */
function required(rule: InterceptRuleShape, at: readonly Key[], faults: FaultList): Clause[] {
  const made: Clause[] = [];
  for (const [index, condition] of (rule.conditions ?? []).entries()) {
    if (isState(condition.path)) continue;
    const place = [...at, 'conditions', index];
    const worded = compileTest(condition, place, faults);
    if (worded !== null) made.push(clause(worded, rule, place));
  }
  return made;
}

/** An approval rule asks when all of its conditions hold; without conditions, always. */
function asked(rule: InterceptRuleShape, at: readonly Key[], faults: FaultList): WordedCondition {
  const parts: WordedCondition[] = [];
  for (const [index, condition] of (rule.conditions ?? []).entries()) {
    const place = [...at, 'conditions', index];
    if (isState(condition.path)) {
      faults.add(place, 'cannot be translated: an approval cannot depend on a counter', 'a condition on args');
      continue;
    }
    const part = compileTest(condition, place, faults);
    if (part !== null) parts.push(part);
  }
  return parts.length === 0 ? ALWAYS : combined('all', parts);
}

const ALWAYS: WordedCondition = { condition: { kind: 'always' } satisfies Condition, says: 'always' };

function clause(worded: WordedCondition, rule: InterceptRuleShape, at: readonly Key[]): Clause {
  return { where: pathText(at), reason: rule.on_deny ?? rule.reason ?? null, ...worded };
}

function timeout(text: string, at: readonly Key[], faults: FaultList, key = 'approval_timeout'): number {
  const read = parseGoDuration(text);
  if (read === null) faults.add([...at, key], isNow(text), 'a duration such as 30m or 1h30m');
  return read ?? Number.POSITIVE_INFINITY;
}

export function isState(path: string): boolean {
  return path === 'state' || path.startsWith('state.');
}

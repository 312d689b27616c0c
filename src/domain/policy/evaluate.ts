import { type Call, isToolName } from '../call/call.ts';
import { amount, type NoAmount } from '../json/decimal.ts';
import { earlierWords } from './after.ts';
import { answer, type ConditionResult, type Quantifier } from './condition.ts';
import { type History, UNREAD_HISTORY } from './history.ts';
import type { LimitRule } from './limit.ts';
import { valueAt } from './path.ts';
import { type Clause, type Limit, mayDrift, type Policy, type ToolRule } from './policy.ts';
import { isHidden, ruleFor } from './rule.ts';
import type { RuleTrace, TraceStep, Verdict } from './verdict.ts';
import { suspended, type WatchedBy, watchedBy } from './watch.ts';

/** What the steps below share: the call, what governs it, and the trace so far. */
interface Weighing {
  readonly policy: Policy;
  readonly call: Call;
  readonly rule: ToolRule | null;
  readonly history: History;
  readonly steps: TraceStep[];
}

/**
 * What policy says of one call. Pure, total and deterministic. `history`: what was called before; a condition on it that was
 * not read fails closed.
 *
 * | the first that applies | verdict |
 * |---|---|
 * | a name outside the tool-name charset, `hide` | deny |
 * | `deny_if`: met, missing, mistyped, unclear or unread | deny |
 * | `require`: not met, missing, mistyped, unclear or unread | deny |
 * | `action: deny`, or no rule and `default: deny` | deny |
 * | the tool has changed since it was seen, and `drift: deny` | deny |
 * | a limit whose amount cannot be read from the arguments | deny |
 * | `ask_if`: met, missing, mistyped, unclear or unread | ask |
 * | the tool has changed since it was seen, and `drift: ask` | ask |
 * | `action: require_approval`, or no rule and `default: require_approval` | ask |
 * | anything else | allow |
 *
 * A denial by action comes before `ask_if` so that no argument can turn a denial into a question.
 *
 * Where a server or a rule is only watched, what is still enforced decides (`suspended`), and `watched` says what the
 * whole policy would have said. `hide` and the form of names are never suspended.
 */
export function evaluate(policy: Policy, call: Call, history: History = UNREAD_HISTORY): Verdict {
  const rule = ruleFor(policy, call.tool);
  const said = weigh({ policy, call, rule, history, steps: [] });
  const by = watchedBy(policy, rule);
  if (by === null) return said;
  const enforced = weigh({ ...suspended(policy, rule, by), call, history, steps: [] });
  return enforced.kind === 'deny' ? enforced : overlooked(policy, { call, rule, by, said, enforced });
}

interface Overlooked {
  readonly call: Call;
  readonly rule: ToolRule | null;
  readonly by: WatchedBy;
  /** What the whole policy says, and what of it is enforced. */
  readonly said: Verdict;
  readonly enforced: Exclude<Verdict, { kind: 'deny' }>;
}

/** The verdict that is enforced, with what it passes over; the limits that are only watched go on counting. */
function overlooked(policy: Policy, { call, rule, by, said, enforced }: Overlooked): Verdict {
  const counted = [rule?.limits, by === 'server' ? policy.allTools.limits : []].flatMap((list) =>
    (list ?? []).flatMap((limit) => {
      const { where: _, by: from, ...plain } = limit;
      const taken = 'fixed' in from ? { amount: from.fixed } : amount(valueAt(call, from.from));
      return 'amount' in taken ? [{ ...plain, by: taken.amount, watched: true as const }] : [];
    }),
  );
  const limits = [...enforced.limits, ...counted];
  if (said.kind === enforced.kind) return { ...enforced, limits, trace: said.trace };
  const words = `${by === 'server' ? 'the server' : 'the rule'} is only watched: it would ${said.kind}`;
  const steps = said.trace.steps.map((step) => ({ ...step, decided: false }));
  const trace = {
    ...said.trace,
    reason: enforced.trace.reason,
    steps: [...steps, { path: 'mode', says: words, decided: true }],
  };
  return { ...enforced, limits, trace: enforced.kind === 'ask' ? enforced.trace : trace, watched: { by, said } };
}

/** What the policy says, were all of it enforced. */
function weigh(weighing: Weighing): Verdict {
  return (
    denyByName(weighing) ??
    denyByClause(weighing) ??
    denyByAction(weighing) ??
    denyByDrift(weighing) ??
    settle(weighing)
  );
}

function denyByName(weighing: Weighing): Verdict | null {
  const { policy, call } = weighing;
  if (!isToolName(call.tool)) {
    return deny(weighing, 'tools', 'the tool name is outside A-Z a-z 0-9 _ . / - or longer than 128');
  }
  return isHidden(policy, call.tool) ? deny(weighing, 'hide', `${call.tool} is not available`) : null;
}

function denyByClause(weighing: Weighing): Verdict | null {
  const { policy, rule } = weighing;
  for (const clauses of [rule?.denyIf, policy.allTools.denyIf]) {
    for (const clause of clauses ?? []) {
      const said = answer(clause.condition, weighing.call, 'some', weighing.history);
      if (said !== 'no') return denyFor(weighing, clause, wordsOf(weighing, clause, said, 'some'));
      note(weighing, clause.where, `${clause.says}: no`);
    }
  }
  for (const clauses of [rule?.require, policy.allTools.require]) {
    for (const clause of clauses ?? []) {
      const said = answer(clause.condition, weighing.call, 'every', weighing.history);
      const words = wordsOf(weighing, clause, said, 'every');
      if (said !== 'yes') return denyFor(weighing, clause, words);
      note(weighing, clause.where, words);
    }
  }
  return null;
}

function denyFor(weighing: Weighing, clause: Clause, words: string): Verdict {
  const own = weighing.rule?.reason;
  return deny(weighing, clause.where, words, clause.reason ?? (own ? `${own} (${words})` : words));
}

/** What a condition says, its answer, and the earlier calls that were found. */
function wordsOf(
  { history }: Weighing,
  { says, condition }: Clause,
  said: ConditionResult,
  quantifier: Quantifier,
): string {
  const earlier = said === 'yes' ? earlierWords(condition, quantifier, history) : '';
  return `${says}: ${WORDS[said]}${earlier === '' ? '' : `, ${earlier}`}`;
}

const WORDS = {
  yes: 'yes',
  no: 'no',
  missing: 'the argument is missing',
  mistyped: 'the argument has another type than the rule expects',
  unread: 'what was called before cannot be read, or cannot be believed',
  unclear: 'the path can be read in more than one way, or not at all; send it absolute and plain',
} as const satisfies Record<ConditionResult, string>;

function denyByAction(weighing: Weighing): Verdict | null {
  const { policy, call, rule } = weighing;
  if (rule !== null) {
    if (rule.action !== 'deny') return null;
    return deny(weighing, `tools.${rule.key}.action`, 'action is deny', rule.reason ?? `policy denies ${call.tool}`);
  }
  if (policy.default !== 'deny') return null;
  return deny(weighing, 'default', 'default is deny', `${call.tool} is not in the policy, and its default is deny`);
}

function denyByDrift(weighing: Weighing): Verdict | null {
  const drift = driftOf(weighing, 'deny');
  if (drift === null) return null;
  const { tool } = weighing.call;
  return deny(weighing, drift.where, drift.says, `${tool} has changed since its policy was written (${drift.says})`);
}

/** How the tool has changed, where its rule responds to drift with this action. */
function driftOf(weighing: Weighing, action: 'ask' | 'deny'): { readonly where: string; readonly says: string } | null {
  const { policy, rule, call } = weighing;
  const changes = policy.drifted?.get(call.tool);
  if (changes === undefined || rule === null || !mayDrift(rule, action)) return null;
  return { where: `tools.${rule.key}.drift`, says: `its ${changes.join(', ')} changed, and drift is ${action}` };
}

/** Nothing denies: the amounts for the limits are read, then it is allow or ask. */
function settle(weighing: Weighing): Verdict {
  const limits: LimitRule[] = [];
  for (const list of [weighing.rule?.limits, weighing.policy.allTools.limits]) {
    for (const limit of list ?? []) {
      const read = readLimit(weighing, limit);
      if ('kind' in read) return read;
      limits.push(read);
    }
  }
  const asked = askByClause(weighing) ?? askByDrift(weighing) ?? askByAction(weighing);
  if (asked !== null) {
    const ask = weighing.rule?.ask ?? weighing.policy.allTools.ask;
    return { kind: 'ask', ask, limits, trace: trace(weighing, asked.reason) };
  }
  note(weighing, placeOfAction(weighing), weighing.rule === null ? 'default is allow' : 'action is allow', true);
  return { kind: 'allow', limits, trace: trace(weighing, weighing.rule?.reason ?? null) };
}

function readLimit(weighing: Weighing, limit: Limit): LimitRule | Verdict {
  const { where, by, ...rule } = limit;
  if ('fixed' in by) return { ...rule, by: by.fixed };
  const taken = amount(valueAt(weighing.call, by.from));
  if ('amount' in taken) return { ...rule, by: taken.amount };
  return deny(
    weighing,
    `${where}.by`,
    `${by.from.text} ${NO_AMOUNT[taken.refused]}, so the limit ${rule.counter} cannot count it`,
  );
}

const NO_AMOUNT = {
  missing: 'is missing',
  not_a_number: 'is not a number',
  negative: 'is negative',
  too_precise: 'has more than 30 digits before the point or 12 after it',
} as const satisfies Record<NoAmount, string>;

/** The card's reason, or null when nothing asks. */
type AskReason = { readonly reason: string | null };

function askByClause(weighing: Weighing): AskReason | null {
  const { policy, rule } = weighing;
  for (const clauses of [rule?.askIf, policy.allTools.askIf]) {
    for (const clause of clauses ?? []) {
      const said = answer(clause.condition, weighing.call, 'some', weighing.history);
      note(weighing, clause.where, wordsOf(weighing, clause, said, 'some'), said !== 'no');
      if (said !== 'no') return { reason: clause.reason ?? rule?.reason ?? null };
    }
  }
  return null;
}

function askByDrift(weighing: Weighing): AskReason | null {
  const drift = driftOf(weighing, 'ask');
  if (drift === null) return null;
  note(weighing, drift.where, drift.says, true);
  const own = weighing.rule?.reason;
  return { reason: `${own ? `${own} ` : ''}The tool has changed since its policy was written.` };
}

function askByAction(weighing: Weighing): AskReason | null {
  const { policy, rule } = weighing;
  if ((rule?.action ?? policy.default) !== 'require_approval') return null;
  const what = rule === null ? 'default' : 'action';
  note(weighing, placeOfAction(weighing), `${what} is require_approval`, true);
  return { reason: rule?.reason ?? null };
}

function placeOfAction(weighing: Weighing): string {
  return weighing.rule === null ? 'default' : `tools.${weighing.rule.key}.action`;
}

function deny(weighing: Weighing, where: string, says: string, reason: string = says): Verdict {
  note(weighing, where, says, true);
  return { kind: 'deny', reason, trace: trace(weighing, reason) };
}

function note(weighing: Weighing, path: string, says: string, decided = false): void {
  weighing.steps.push({ path, says, decided });
}

function trace(weighing: Weighing, reason: string | null): RuleTrace {
  const { rule, steps } = weighing;
  return {
    rule: rule?.key ?? 'default',
    risk: rule?.risk ?? null,
    severity: rule?.severity ?? null,
    reason,
    steps,
  };
}

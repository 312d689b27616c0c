import type { Call } from '../call/call.ts';
import {
  type InexactNumber,
  type InexactValue,
  type InexactValues,
  isExactThroughout,
  MOST_INEXACT,
} from '../call/inexact.ts';
import type { Condition } from './condition.ts';
import type { Path, PathRoot } from './path.ts';
import type { Limit, Policy, ToolRule } from './policy.ts';
import { isHidden, ruleFor } from './rule.ts';
import type { RuleTrace } from './verdict.ts';
import { suspended, watchedBy } from './watch.ts';

/** A value that readers could take for different ones, and who would have to judge it. */
export interface JudgedInexact {
  /** JSON pointer into the message; null: there are more such values than are looked at. */
  readonly pointer: string | null;
  readonly kind: InexactValue['kind'];
  /** `tools.transfer.ask_if[0]`, `tools.transfer.limits[0].by`, or an approver. */
  readonly judge: string;
}

/**
 * The first inexact value that a condition or a limit of this policy would judge; null: none does. Such a call is
 * refused before its verdict (P1): whichever way it was judged, its server might read something else. A call that is
 * denied whatever its arguments are is not refused but denied, so nothing is found for it.
 */
export function judgedInexact(policy: Policy, call: Call, inexact: InexactValues): JudgedInexact | null {
  if (isExactThroughout(inexact) || isHidden(policy, call.tool)) return null;
  const rule = ruleFor(policy, call.tool);
  const by = watchedBy(policy, rule);
  if (by === null) return firstJudged(policy, rule, inexact);
  const enforced = suspended(policy, rule, by);
  return firstJudged(enforced.policy, enforced.rule, inexact);
}

/** The same of a call that is only watched, were everything enforced: it would be refused. Null: it would not. */
export function overlookedInexact(policy: Policy, call: Call, inexact: InexactValues): JudgedInexact | null {
  if (isExactThroughout(inexact)) return null;
  const rule = ruleFor(policy, call.tool);
  return watchedBy(policy, rule) === null ? null : firstJudged(policy, rule, inexact);
}

function firstJudged(policy: Policy, rule: ToolRule | null, inexact: InexactValues): JudgedInexact | null {
  if ((rule?.action ?? policy.default) === 'deny') return null;
  for (const { where, path } of judgements(policy, rule)) {
    const found = inexact.list.find((value) => touches(path, value));
    if (found !== undefined) return { pointer: found.pointer, kind: found.kind, judge: where };
    if (inexact.more) return { pointer: null, kind: inexact.list[0]!.kind, judge: where };
  }
  return null;
}

/** The trace of a call that is refused because of such a value, before any condition is looked at. */
export function inexactTrace(policy: Policy, call: Call, judged: JudgedInexact): RuleTrace {
  const rule = ruleFor(policy, call.tool);
  const { why } = inexactWords(judged);
  return {
    rule: rule?.key ?? 'default',
    risk: rule?.risk ?? null,
    severity: rule?.severity ?? null,
    reason: why,
    steps: [{ path: judged.judge, says: why, decided: true }],
  };
}

/** The first inexact value of a call that a person is asked about; null: there is none. */
export function shownInexact({ list }: InexactValues): JudgedInexact | null {
  const [first] = list;
  return first === undefined ? null : { pointer: first.pointer, kind: first.kind, judge: 'an approver' };
}

/** A place of a policy that looks at the value of a path. */
interface Judgement {
  readonly where: string;
  readonly path: Path;
}

function* judgements(policy: Policy, rule: ToolRule | null): Generator<Judgement> {
  for (const checks of [rule, policy.allTools]) {
    if (checks === null) continue;
    for (const clause of [...checks.denyIf, ...checks.require, ...checks.askIf]) {
      for (const path of judgedPaths(clause.condition)) yield { where: clause.where, path };
    }
    for (const limit of checks.limits) yield* amountOf(limit);
  }
}

function* amountOf({ where, by }: Limit): Generator<Judgement> {
  if ('from' in by) yield { where: `${where}.by`, path: by.from };
}

/** Whether something is there does not depend on its value, so `exists` judges none. */
function* judgedPaths(condition: Condition): Generator<Path> {
  switch (condition.kind) {
    case 'test':
      if (condition.test.op !== 'exists') yield condition.path;
      return;
    case 'all':
    case 'any':
      for (const part of condition.of) yield* judgedPaths(part);
      return;
    case 'after':
    case 'always':
      return;
    default:
      condition satisfies never;
  }
}

const PREFIX: Readonly<Record<PathRoot, readonly string[]>> = {
  args: ['params', 'arguments'],
  params: ['params'],
  meta: ['params', '_meta'],
};

/** Whether a path leads to the value, to something that holds it, or past a name that is inexact. */
function touches(path: Path, { steps }: InexactValue): boolean {
  const prefix = PREFIX[path.root];
  const length = Math.min(prefix.length + path.steps.length, steps.length);
  for (let i = 0; i < length; i++) {
    const there = steps[i];
    const step = path.steps[i - prefix.length];
    const name = i < prefix.length ? prefix[i] : step?.kind === 'member' ? step.name : null;
    if (name !== null && there !== null && name !== there) return false;
  }
  return true;
}

const NUMBER_FAULTS = {
  number: 'has more digits than a double keeps',
  too_large: 'is too large for a double',
  too_small: 'is too near to 0 for a double',
} as const satisfies Record<InexactNumber, string>;

/** What to tell about it, and what to do: two sentences for the agent. */
export function inexactWords({ pointer, kind, judge }: JudgedInexact): { readonly why: string; readonly mend: string } {
  const seen = judge === 'an approver' ? `what ${judge} sees` : `what ${judge} judges`;
  if (pointer === null) {
    const why = `the call has more than ${MOST_INEXACT} values that cannot be kept exactly, so ${seen} might not be what runs`;
    return { why, mend: 'Send numbers that a double cannot hold as strings, and text as whole Unicode characters.' };
  }
  if (kind !== 'text') {
    const why = `the number at ${pointer} ${NUMBER_FAULTS[kind]}, so ${seen} might not be what runs`;
    return { why, mend: `Send it as a string, with all its digits, and call again.` };
  }
  const why = `the text at ${pointer} holds half of a surrogate pair (a lone \\ud800 to \\udfff) and cannot be kept exactly, so ${seen} might not be what runs`;
  return { why, mend: `Send ${pointer} as whole Unicode characters, and call again.` };
}

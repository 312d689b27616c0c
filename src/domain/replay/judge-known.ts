import type { Call } from '../call/call.ts';
import type { Condition } from '../policy/condition.ts';
import { evaluate } from '../policy/evaluate.ts';
import { NO_HISTORY } from '../policy/history.ts';
import type { LimitRule } from '../policy/limit.ts';
import type { Checks, Clause, Limit, Policy, ToolRule } from '../policy/policy.ts';
import { ruleFor } from '../policy/rule.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { KnownCall } from './known-call.ts';
import { type Unknown, unknownAt } from './unknown-places.ts';

/** What a policy says of a call of which not everything may be known. */
export type KnownVerdict =
  | {
      readonly kind: 'allow' | 'ask' | 'deny';
      /** The rule that governs it, and the place in the policy that decided. */
      readonly rule: string;
      readonly where: string;
      readonly limits: readonly LimitRule[];
    }
  /** It depends on what is not known; `because`: of the first such thing. */
  | { readonly kind: 'unknown'; readonly because: Unknown };

/**
 * What this policy says of the call, and says whether or not it is only watched. The policy is asked twice: with every
 * condition on something unknown answered as strictly as it could be, and as mildly. Conditions only ever push one way, so
 * where both agree nothing unknown matters; where they do not, nothing is guessed.
 */
export function judgeKnown(policy: Policy, known: KnownCall): KnownVerdict {
  const call = asCall(known);
  const found = new Set<Unknown>();
  const strict = evaluate(resolved(policy, known, 'strict', found), call, NO_HISTORY);
  const mild = found.size === 0 ? strict : evaluate(resolved(policy, known, 'mild', found), call, NO_HISTORY);
  if (strict.kind !== mild.kind) return { kind: 'unknown', because: [...found][0]! };
  return {
    kind: mild.kind,
    rule: mild.trace.rule,
    where: decidedAt(mild),
    limits: mild.kind === 'deny' ? [] : mild.limits,
  };
}

function decidedAt({ trace }: Verdict): string {
  return trace.steps.findLast((step) => step.decided)?.path ?? trace.rule;
}

/** The call as it is kept. */
export function asCall({ server, tool, grant, owner, session, kept }: KnownCall): Call {
  const args = kept?.arguments ?? {};
  const params = { ...kept?.sent.params, name: tool, arguments: args, _meta: kept?.sent.meta ?? {} };
  const principal = { grant, owner, selfApproval: false };
  return { principal, server, tool, args, session: session ?? null, params };
}

type Leaning = 'strict' | 'mild';

/** The policy as far as it is about this call, with every condition on something unknown answered. */
function resolved(policy: Policy, known: KnownCall, leaning: Leaning, found: Set<Unknown>): Policy {
  const rule = ruleFor(policy, known.tool);
  const of = <T extends Checks>(checks: T): T => ({
    ...checks,
    denyIf: clauses(checks.denyIf, known, leaning === 'strict', found),
    require: clauses(checks.require, known, leaning === 'mild', found),
    askIf: clauses(checks.askIf, known, leaning === 'strict', found),
    limits: checks.limits.map((limit) => limitOf(limit, known, leaning, found)),
  });
  const { mode: _, drifted: __, ...file } = policy;
  const { mode: ___, ...enforced } = (rule ?? {}) as ToolRule;
  return {
    ...file,
    allTools: of(policy.allTools),
    exact: rule === null ? new Map() : new Map([[known.tool, of(enforced)]]),
    globs: [],
  };
}

/** `met`: what a condition on something unknown is taken to answer. */
function clauses(list: readonly Clause[], known: KnownCall, met: boolean, found: Set<Unknown>): Clause[] {
  return list.map((clause) => ({ ...clause, condition: answered(clause.condition, known, met, found) }));
}

const NEVER: Condition = { kind: 'any', of: [] };
const ALWAYS: Condition = { kind: 'always' };

function answered(condition: Condition, known: KnownCall, met: boolean, found: Set<Unknown>): Condition {
  const either = (because: Unknown): Condition => {
    found.add(because);
    return met ? ALWAYS : NEVER;
  };
  switch (condition.kind) {
    case 'test': {
      const because = unknownAt(known, condition.path);
      return because === null ? condition : either(because);
    }
    case 'all':
    case 'any':
      return { ...condition, of: condition.of.map((part) => answered(part, known, met, found)) };
    case 'after':
      return either('earlier');
    case 'always':
      return condition;
    default:
      return condition satisfies never;
  }
}

/** An amount that is not known might not be readable, which denies, or might take nothing. */
function limitOf(limit: Limit, known: KnownCall, leaning: Leaning, found: Set<Unknown>): Limit {
  if ('fixed' in limit.by) return limit;
  const because = unknownAt(known, limit.by.from);
  if (because === null) return limit;
  found.add(because);
  return leaning === 'mild' ? { ...limit, by: { fixed: '0' } } : { ...limit, by: { from: NOWHERE } };
}

/** No call has a value there. */
const NOWHERE = { text: 'nothing', root: 'args', steps: [{ kind: 'each' }], many: false } as const;

import type { Risk } from '../tool/risk.ts';
import type { Condition, Quantifier } from './condition.ts';
import { type Glob, matchesGlob } from './glob.ts';
import { type After, type AfterPhase, type History, phaseOf, type RememberedCalls } from './history.ts';
import { type Checks, type Clause, type Policy, rulesOf, type ToolRule } from './policy.ts';
import { ruleFor } from './rule.ts';

/** The earlier calls that a condition found, in words: `ca_… at 2026-11-30T12:00:00.000Z`. Empty: none. */
export function earlierWords(condition: Condition, quantifier: Quantifier, history: History): string {
  const found = aftersIn(condition).flatMap((after) => {
    const earlier = history.earlier(after, phaseOf(quantifier));
    return earlier === null || earlier === 'unknown' ? [] : [`${earlier.ref} at ${earlier.at.toISOString()}`];
  });
  return [...new Set(found)].join(', ');
}

/** All conditions on earlier calls in one condition. */
export function aftersIn(condition: Condition): After[] {
  switch (condition.kind) {
    case 'after':
      return [condition.after];
    case 'all':
    case 'any':
      return condition.of.flatMap(aftersIn);
    case 'test':
    case 'always':
      return [];
    default:
      return condition satisfies never;
  }
}

/** A condition on earlier calls, and what has to be true of them. */
export interface AfterUse {
  readonly after: After;
  readonly phase: AfterPhase;
}

function usesIn({ denyIf, askIf, require }: Checks): AfterUse[] {
  const of = (clauses: Checks['denyIf'], phase: AfterPhase): AfterUse[] =>
    clauses.flatMap(({ condition }) => aftersIn(condition).map((after) => ({ after, phase })));
  return [...of(denyIf, 'begun'), ...of(askIf, 'begun'), ...of(require, 'succeeded')];
}

const BY_POLICY = new WeakMap<Policy, readonly AfterUse[]>();

/** All that a policy asks about earlier calls. */
export function afterUses(policy: Policy): readonly AfterUse[] {
  const known = BY_POLICY.get(policy);
  if (known !== undefined) return known;
  const found = [...rulesOf(policy), policy.allTools].flatMap(usesIn);
  BY_POLICY.set(policy, found);
  return found;
}

/** What is asked about earlier calls when this tool is called; empty for nearly all tools, and found at once. */
export function aftersFor(policy: Policy, tool: string): readonly AfterUse[] {
  if (afterUses(policy).length === 0) return [];
  const rule = ruleFor(policy, tool);
  return [...(rule === null ? [] : usesIn(rule)), ...usesIn(policy.allTools)];
}

/** The first clause that may ask because of earlier calls when a call of this rule comes; null: none does. */
export function asksOfEarlier({ allTools }: Pick<Policy, 'allTools'>, rule: Checks | null): Clause | null {
  const clauses = [...(rule?.askIf ?? []), ...allTools.askIf];
  return clauses.find(({ condition }) => aftersIn(condition).length > 0) ?? null;
}

/** What is remembered of calls: by this text, whichever policy wants it. `server`: that of the policy. */
export function rememberedAs({ server: named, tool, risk }: RememberedCalls, server: string): string {
  return JSON.stringify([named ?? server, tool?.text ?? null, risk]);
}

/** A call as it may have to be remembered. */
export interface RememberedCall {
  /** The names of all servers that lead to the same upstream, its own first. */
  readonly servers: readonly string[];
  readonly tool: string;
  /** What the rule of its own policy says. */
  readonly risk: Risk | null;
  /** What rules say under all names of its upstream, in any letter case; absent: nothing else. */
  readonly risks?: ReadonlySet<Risk>;
}

/** The risks of whatever a server may take this tool for: the rule of its very name, else all that fit in any letter case. */
export function risksLike(policy: Policy, tool: string): Risk[] {
  const own = policy.exact.get(tool);
  if (own !== undefined) return own.risk === null ? [] : [own.risk];
  const lower = tool.toLowerCase();
  const named = lowerNames(policy).get(lower) ?? [];
  const loose = policy.globs.find(({ glob }) => matchesGlob(inLowerCase(glob), lower))?.rule;
  return [ruleFor(policy, tool), loose, ...named].flatMap((rule) => rule?.risk ?? []);
}

const LOWER_NAMES = new WeakMap<Policy['exact'], ReadonlyMap<string, readonly ToolRule[]>>();

function lowerNames({ exact }: Policy): ReadonlyMap<string, readonly ToolRule[]> {
  const known = LOWER_NAMES.get(exact);
  if (known !== undefined) return known;
  const found = Map.groupBy(exact.values(), ({ key }) => key.toLowerCase());
  LOWER_NAMES.set(exact, found);
  return found;
}

function inLowerCase({ text, prefix }: Glob): Glob {
  return { text: text.toLowerCase(), prefix: prefix.toLowerCase() };
}

/**
 * Whether a call is one of those. As one that has begun it is recognised under each name of its upstream, in any letter
 * case, and by the risk that any of these has, because its server may take it so; as one that has succeeded only by its exact names.
 */
export function isRemembered(
  { server, tool, risk }: RememberedCalls,
  of: string,
  call: RememberedCall,
  phase: AfterPhase,
): boolean {
  const strict = phase === 'succeeded';
  const named = server ?? of;
  const servers = strict ? call.servers.slice(0, 1) : call.servers;
  if (named !== '*' && !servers.includes(named)) return false;
  if (risk !== null && risk !== call.risk && (strict || !call.risks?.has(risk))) return false;
  if (tool === null) return true;
  if (strict) return matchesGlob(tool, call.tool);
  return matchesGlob(inLowerCase(tool), call.tool.toLowerCase());
}

/** A history as somebody states it, to try a policy: the calls, and how many ms ago each began or succeeded. */
export interface StatedCall {
  readonly call: RememberedCall;
  readonly agoMs: number;
  readonly succeeded: boolean;
  readonly sameSession: boolean;
}

/** The history that consists of these calls. `server`: that of the policy; `now`: when they are looked back on. */
export function statedHistory(calls: readonly StatedCall[], server: string, now: Date): History {
  return {
    earlier({ calls: wanted, withinMs, scope }, phase) {
      const found = calls
        .filter(
          ({ call, agoMs, succeeded, sameSession }) =>
            agoMs <= withinMs &&
            (phase === 'begun' || succeeded) &&
            (scope === 'grant' || sameSession) &&
            isRemembered(wanted, server, call, phase),
        )
        .toSorted((one, other) => one.agoMs - other.agoMs)[0];
      if (found === undefined) return null;
      return { ref: `${found.call.servers[0]}.${found.call.tool}`, at: new Date(now.getTime() - found.agoMs) };
    },
  };
}

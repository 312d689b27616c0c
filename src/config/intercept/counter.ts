import { AMOUNT_DECIMALS, compare } from '../../domain/json/decimal.ts';
import { parsePath } from '../../domain/policy/path.ts';
import type { Limit } from '../../domain/policy/policy.ts';
import { type Key, pathText } from '../document/fault.ts';
import { type FaultList, isNow } from '../document/shape.ts';
import { amountText, compileRateLimit, justBelow } from '../rule/limit.ts';
import type { InterceptConditionShape, InterceptRuleShape } from './schema.ts';

/** The bound that conditions set on a counter. */
interface Bound {
  readonly max: string;
  readonly reason: string | null;
}

/** What the functions below share while one tool's rules are read. */
interface CounterReading {
  readonly rules: readonly InterceptRuleShape[];
  readonly tool: readonly Key[];
  /** How conditions name this tool's counters: its key, or `_global`. */
  readonly scope: string;
  readonly faults: FaultList;
}

/**
 * Translates Intercept's counters into limits. A `state` block and the `lt` or `lte` conditions on its counter become
 * one limit over all callers of the server, which is how Intercept counts. A counter without a bound limits nothing and
 * is left out. A bound on another tool's counter, or with another operator, cannot be translated.
 */
export function counterLimits(
  rules: readonly InterceptRuleShape[],
  key: string,
  tool: readonly Key[],
  faults: FaultList,
): Limit[] {
  const reading: CounterReading = { rules, tool, scope: key === '*' ? '_global' : key, faults };
  const bounds = boundsOf(reading);
  const made: Limit[] = [];
  for (const [index, rule] of rules.entries()) {
    const at = [...tool, 'rules', index];
    made.push(...shorthandLimit(rule, reading, [...at, 'rate_limit']));
    if (rule.state === undefined) continue;
    const bound = bounds.get(rule.state.counter);
    const by = increment(rule.state, [...at, 'state'], faults);
    if (bound === undefined || by === null) continue;
    made.push({
      where: pathText([...at, 'state']),
      counter: `${reading.scope}.${rule.state.counter}`,
      window: { calendar: rule.state.window },
      scope: 'server',
      by,
      ...bound,
    });
  }
  return made;
}

/**
 * `5/hour` counts all callers, as Intercept does; `{ max, window }` counts one agent session, as PolicyLayer documents.
 */
function shorthandLimit(rule: InterceptRuleShape, reading: CounterReading, at: readonly Key[]): Limit[] {
  const reason = rule.on_deny ?? rule.reason ?? null;
  return compileRateLimit(rule.rate_limit, reading.scope, at, reading.faults).map((limit) => {
    if (!('calendar' in limit.window)) return { ...limit, reason };
    return { ...limit, reason, scope: 'server', counter: `${reading.scope}._rate_${limit.window.calendar}` };
  });
}

/** The lowest bound on each counter. */
function boundsOf(reading: CounterReading): Map<string, Bound> {
  const bounds = new Map<string, Bound>();
  for (const [index, rule] of reading.rules.entries()) {
    if ((rule.action ?? 'evaluate') !== 'evaluate') continue;
    for (const [place, condition] of (rule.conditions ?? []).entries()) {
      if (condition.path !== 'state' && !condition.path.startsWith('state.')) continue;
      const at = [...reading.tool, 'rules', index, 'conditions', place];
      const counter = ownCounter(condition, at, reading);
      const max = counter === null ? null : maxOf(condition, counter, at, reading);
      if (counter === null || max === null) continue;
      const known = bounds.get(counter);
      if (known === undefined || compare(max, known.max) < 0) {
        bounds.set(counter, { max, reason: rule.on_deny ?? rule.reason ?? null });
      }
    }
  }
  return bounds;
}

/** The counter's name, if it is this tool's own and a rule counts it; else null and a fault. */
function ownCounter(condition: InterceptConditionShape, at: readonly Key[], reading: CounterReading): string | null {
  const prefix = `state.${reading.scope}.`;
  const counter = condition.path.startsWith(prefix) ? condition.path.slice(prefix.length) : null;
  if (counter === null) {
    const own = `one of this tool's own counters, ${prefix}<counter>`;
    reading.faults.add([...at, 'path'], 'cannot be translated: it reads a counter of another tool', own);
    return null;
  }
  if (reading.rules.some((rule) => rule.state?.counter === counter)) return counter;
  reading.faults.add([...at, 'path'], 'no rule of this tool counts it', `a state block with counter ${counter}`);
  return null;
}

/** The most that `lte` or `lt` allows. */
function maxOf(
  condition: InterceptConditionShape,
  counter: string,
  at: readonly Key[],
  reading: CounterReading,
): string | null {
  const { op, value } = condition;
  if (op !== 'lt' && op !== 'lte') {
    reading.faults.add([...at, 'op'], `cannot be translated: ${op} on a counter`, 'lt or lte');
    return null;
  }
  if (typeof value !== 'number') {
    reading.faults.add([...at, 'value'], value === undefined ? 'is missing' : isNow(value), 'a number');
    return null;
  }
  const bound = amountText(value, [...at, 'value'], reading.faults);
  if (bound === null || op === 'lte') return bound;
  const state = reading.rules.find((rule) => rule.state?.counter === counter)?.state;
  const steps = state?.increment_from === undefined && Number.isInteger(Number(state?.increment ?? 1));
  // Amounts have at most 12 decimals, so "below the bound" means at most the last amount before it.
  const below = justBelow(bound, steps);
  if (below === null)
    reading.faults.add([...at, 'value'], isNow(value), `more than 0 (${AMOUNT_DECIMALS} decimals at most)`);
  return below;
}

function increment(
  state: NonNullable<InterceptRuleShape['state']>,
  at: readonly Key[],
  faults: FaultList,
): Limit['by'] | null {
  if (state.increment_from === undefined) {
    // Intercept treats an increment of 0 as absent, and counts 1.
    const fixed = amountText(state.increment || 1, [...at, 'increment'], faults);
    return fixed === null ? null : { fixed };
  }
  const path = parsePath(state.increment_from);
  if (path !== null && !path.many) return { from: path };
  faults.add([...at, 'increment_from'], isNow(state.increment_from), 'the path of an argument such as args.amount');
  return null;
}

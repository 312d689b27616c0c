import { AMOUNT_DECIMALS, amount, compare, decimal } from '../../domain/json/decimal.ts';
import { type CalendarWindow, type Sharing, WINDOWS } from '../../domain/policy/limit.ts';
import { insteadOfPath, parsePath } from '../../domain/policy/path.ts';
import type { Limit } from '../../domain/policy/policy.ts';
import { type Key, pathText } from '../document/fault.ts';
import { type FaultList, isNow } from '../document/shape.ts';
import type { LimitShape, RateShape } from './schema.ts';

/** Compiles limits. */
export function compileLimits(
  shapes: readonly LimitShape[] | undefined,
  at: readonly Key[],
  faults: FaultList,
): Limit[] {
  const made: Limit[] = [];
  for (const [index, shape] of (shapes ?? []).entries()) {
    const path = [...at, index];
    const max = amountText(shape.max, [...path, 'max'], faults);
    const by = taken(shape, path, faults);
    if (max === null || by === null) continue;
    made.push({
      where: pathText(path),
      counter: shape.counter,
      window: { calendar: shape.window },
      max,
      scope: shape.scope ?? 'grant',
      ...(shape.shared === undefined ? {} : { shared: sharingOf(shape, path, faults) }),
      by,
      reason: shape.reason ?? null,
    });
  }
  return made;
}

/** `rate_limit: { max, window }` counts calls of one agent session; `5/hour` does so in a calendar window. */
export function compileRateLimit(
  rate: RateShape | undefined,
  key: string,
  at: readonly Key[],
  faults: FaultList,
): Limit[] {
  if (rate === undefined) return [];
  const own = { where: pathText(at), counter: `rate_limit:${key}`, scope: 'session', by: { fixed: '1' } } as const;
  if (typeof rate !== 'string') return [{ ...own, window: { seconds: rate.window }, max: String(rate.max) }];
  const short = parseRate(rate);
  if (short !== null) return [{ ...own, window: { calendar: short.window }, max: short.max }];
  faults.add(at, isNow(rate), 'count/window such as 5/hour, or { max: calls, window: seconds }');
  return [];
}

/** Parses `5/hour`; null when it is something else. */
export function parseRate(text: string): { readonly max: string; readonly window: CalendarWindow } | null {
  const parts = /^([1-9]\d{0,14})\/([a-z]+)$/.exec(text);
  const window = WINDOWS.find((name) => name === parts?.[2]);
  return parts === null || window === undefined ? null : { max: parts[1]!, window };
}

/** Adds a fault for each counter that one call would take from twice. */
export function refuseDoubleCounting(
  own: readonly Limit[],
  others: readonly Limit[],
  at: readonly Key[],
  faults: FaultList,
): void {
  const seen = new Set(others.map(counterKey));
  for (const limit of own) {
    const key = counterKey(limit);
    if (seen.has(key))
      faults.add(at, `${limit.counter} would count one call twice`, 'each counter once, all_tools included');
    seen.add(key);
  }
}

function counterKey(limit: Limit): string {
  return JSON.stringify([limit.counter, limit.scope, limit.shared ?? 'server', limit.window]);
}

function sharingOf({ shared, scope }: LimitShape, at: readonly Key[], faults: FaultList): Sharing {
  if (scope === 'owner' || scope === 'global') {
    faults.addKey([...at, 'shared'], `has no meaning with scope ${scope}, which crosses servers`, 'no such key');
  }
  if (shared === 'upstream' && scope === 'session') {
    faults.addKey([...at, 'shared'], 'cannot hold for a session, which is of one server', 'scope grant');
  }
  return shared ?? 'server';
}

function taken(shape: LimitShape, at: readonly Key[], faults: FaultList): Limit['by'] | null {
  const given = (['by', 'increment_from', 'increment'] as const).filter((key) => shape[key] !== undefined);
  const [key, second] = given;
  if (key === undefined) return { fixed: '1' };
  if (second !== undefined) {
    faults.add([...at, second], `is given together with ${key}`, 'one of by, increment_from, increment');
    return null;
  }
  const value = shape[key]!;
  const path = typeof value === 'string' ? parsePath(value) : null;
  const instead = typeof value === 'string' ? insteadOfPath(value) : null;
  if (instead !== null) {
    faults.add([...at, key], isNow(value), instead);
    return null;
  }
  if (path !== null && key !== 'increment') {
    if (!path.many) return { from: path };
    faults.add([...at, key], isNow(value), 'the path of one argument, without *');
    return null;
  }
  if (key === 'increment_from') {
    faults.add([...at, key], isNow(value), 'the path of an argument such as args.amount');
    return null;
  }
  const fixed = amountText(value, [...at, key], faults);
  return fixed === null ? null : { fixed };
}

/** A number of a policy file as exact text; null and a fault when it cannot be one. */
export function amountText(value: string | number, at: readonly Key[], faults: FaultList): string | null {
  const read = amount(value);
  if ('amount' in read) return read.amount;
  faults.add(at, isNow(value), 'a number that is not negative');
  return null;
}

/**
 * The largest amount below `bound`, so that `lt` becomes a `max`. `whole`: amounts are integers. Null: there is none.
 */
export function justBelow(bound: string, whole: boolean): string | null {
  if (compare(bound, '0') <= 0) return null;
  const scale = whole ? 0 : AMOUNT_DECIMALS;
  const [units = '0', fraction = ''] = bound.split('.');
  const scaled = BigInt(units + fraction.slice(0, scale).padEnd(scale, '0'));
  const cut = fraction.length > scale && /[1-9]/.test(fraction.slice(scale));
  const below = (cut ? scaled : scaled - 1n).toString().padStart(scale + 1, '0');
  return scale === 0 ? below : decimal(`${below.slice(0, -scale)}.${below.slice(-scale)}`);
}

import type { Call } from '../call/call.ts';
import { fingerprintMaterial } from '../call/fingerprint.ts';
import { bringsAnswers } from '../call/sent.ts';
import { isObject, type Json, type JsonObject } from '../json/json.ts';
import type { WordedBound } from '../policy/allowance-rule.ts';
import { answer, kindOf } from '../policy/condition.ts';
import { type Path, valueAt } from '../policy/path.ts';

/** Kinds of values that may vary: single ones, whose whole content a condition can judge. */
const SINGLE: ReadonlySet<string> = new Set(['string', 'number', 'boolean']);

/**
 * What a fingerprint is made over that is the same for all calls like this one: everything that the call's own is made
 * over, without the values at `mayVary`, of which path and kind count instead. Null: no other call is like it, because one
 * of these values is missing, is no single value, or because the call answers what a server asked.
 */
export function likenessMaterial(call: Call, mayVary: readonly Path[]): JsonObject | null {
  if (bringsAnswers(call)) return null;
  const material = fingerprintMaterial(call);
  let rest: Json = material.arguments ?? {};
  const varied: Json[] = [];
  for (const path of mayVary) {
    const value = valueAt(call, path);
    const names = path.steps.map((step) => (step.kind === 'member' ? step.name : null));
    if (value === undefined || !SINGLE.has(kindOf(value)) || names.includes(null)) return null;
    const left = without(rest, names as string[]);
    if (left === null) return null;
    rest = left;
    varied.push([path.text, kindOf(value)]);
  }
  // No fingerprint of a call has a member of this name, so neither is ever taken for the other.
  return { ...material, ...(Object.hasOwn(material, 'arguments') ? { arguments: rest } : {}), varied };
}

/** Whether every condition says yes of the call. What is missing, mistyped or unclear is out of bounds. */
export function liesWithin(call: Call, bounds: readonly WordedBound[]): boolean {
  return bounds.every(({ condition }) => answer(condition, call, 'every') === 'yes');
}

/** The same value without this member, which is there; null: there is a list on the way, or nothing. */
function without(value: Json, [name, ...rest]: readonly string[]): JsonObject | null {
  if (!isObject(value) || name === undefined || !Object.hasOwn(value, name)) return null;
  const copy: Record<string, Json> = Object.create(null);
  for (const [key, each] of Object.entries(value)) {
    if (key !== name) copy[key] = each;
    else if (rest.length > 0) {
      const inner = without(each, rest);
      if (inner === null) return null;
      copy[key] = inner;
    }
  }
  return copy;
}

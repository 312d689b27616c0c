import { decimal } from '../../domain/json/decimal.ts';
import { aftersIn } from '../../domain/policy/after.ts';
import { type Condition, kindOf, type Scalar, type Test } from '../../domain/policy/condition.ts';
import { insteadOfPath, type Path, parsePath } from '../../domain/policy/path.ts';
import { type Place, parsePlace } from '../../domain/policy/path-under.ts';
import type { Clause } from '../../domain/policy/policy.ts';
import { type Key, pathText } from '../document/fault.ts';
import { type FaultList, isNow } from '../document/shape.ts';
import { compileAfter } from './after.ts';
import { compilePattern, patternSteps } from './pattern.ts';
import type { ConditionShape } from './schema.ts';

export const PATH_FORM =
  'a path such as args.role, args.items[0].id, args.items[*].id, params.options or meta["acme.com/tenant"]';
const DEEPEST = 8;

/** Compiles conditions, with their wording and places. One with a fault is left out; the file is refused anyway. */
export function compileClauses(
  shapes: readonly ConditionShape[] | undefined,
  at: readonly Key[],
  faults: FaultList,
): Clause[] {
  const made: Clause[] = [];
  for (const [index, shape] of (shapes ?? []).entries()) {
    const path = [...at, index];
    const read = condition(shape, path, faults, 0);
    if (read !== null) made.push({ where: pathText(path), reason: shape.reason ?? null, ...read });
  }
  return made;
}

/** The same for what may look at the call itself only: a condition on earlier calls is a fault there. */
export function compileOwnClauses(
  shapes: readonly ConditionShape[] | undefined,
  at: readonly Key[],
  faults: FaultList,
): Clause[] {
  const made = compileClauses(shapes, at, faults);
  for (const [index, { condition: compiled }] of made.entries()) {
    if (aftersIn(compiled).length > 0)
      faults.add([...at, index], 'looks at earlier calls (after)', 'a condition on the call itself');
  }
  return made;
}

/** A compiled condition, and its wording. */
export interface WordedCondition {
  readonly condition: Condition;
  readonly says: string;
}

function condition(
  shape: ConditionShape,
  at: readonly Key[],
  faults: FaultList,
  depth: number,
): WordedCondition | null {
  const forms = [shape.path ?? shape.op, shape.all, shape.any, shape.after].filter((form) => form !== undefined);
  if (forms.length !== 1 || depth > DEEPEST) {
    faults.add(
      at,
      depth > DEEPEST ? 'nested too deeply' : 'not one condition',
      'path and op, or all, or any, or after',
    );
    return null;
  }
  if (shape.all !== undefined) return group('all', shape.all, [...at, 'all'], faults, depth);
  if (shape.any !== undefined) return group('any', shape.any, [...at, 'any'], faults, depth);
  if (shape.after !== undefined) {
    const read = compileAfter(shape.after, [...at, 'after'], faults);
    return read === null ? null : { condition: { kind: 'after', after: read.after }, says: read.says };
  }
  return compileTest(shape, at, faults);
}

function group(
  kind: 'all' | 'any',
  shapes: readonly ConditionShape[],
  at: readonly Key[],
  faults: FaultList,
  depth: number,
): WordedCondition | null {
  const parts: WordedCondition[] = [];
  for (const [index, shape] of shapes.entries()) {
    const part = condition(shape, [...at, index], faults, depth + 1);
    if (part !== null) parts.push(part);
  }
  return parts.length < shapes.length ? null : combined(kind, parts);
}

/** Combines conditions into one. */
export function combined(kind: 'all' | 'any', parts: readonly WordedCondition[]): WordedCondition {
  const [only, second] = parts;
  if (only !== undefined && second === undefined) return only;
  const word = kind === 'all' ? ' and ' : ' or ';
  return {
    condition: { kind, of: parts.map((part) => part.condition) },
    says: `(${parts.map((part) => part.says).join(word)})`,
  };
}

/** Compiles one test of one path. */
export function compileTest(shape: ConditionShape, at: readonly Key[], faults: FaultList): WordedCondition | null {
  const path = compilePath(shape.path, [...at, 'path'], faults);
  if (shape.op === undefined) faults.add([...at, 'op'], 'is missing', 'an operator');
  if (path === null || shape.op === undefined) return null;
  const test = testOf(shape.op, shape.value, [...at, 'value'], faults);
  if (test === null) return null;
  return { condition: { kind: 'test', path, test }, says: `${path.text} ${worded(shape.op, shape.value)}` };
}

export function compilePath(text: string | undefined, at: readonly Key[], faults: FaultList): Path | null {
  const path = text === undefined ? null : parsePath(text);
  if (text === undefined) faults.add(at, 'is missing', PATH_FORM);
  else if (path === null) faults.add(at, isNow(text), insteadOfPath(text) ?? PATH_FORM);
  return path;
}

function testOf(op: Test['op'], value: unknown, at: readonly Key[], faults: FaultList): Test | null {
  const wrong = (expected: string): null => {
    faults.add(at, value === undefined ? 'is missing' : isNow(value), expected);
    return null;
  };
  switch (op) {
    case 'eq':
    case 'neq':
    case 'contains':
      return isScalar(value) ? { op, value } : wrong('text, a number, true, false or null');
    case 'in':
    case 'not_in': {
      if (!Array.isArray(value) || value.length === 0) return wrong('a list of values');
      const strange = value.findIndex((item) => !isScalar(item));
      if (strange < 0) return { op, values: new Set(value), kinds: new Set(value.map(kindOf)) };
      faults.add([...at, strange], isNow(value[strange]), 'text, a number, true, false or null');
      return null;
    }
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte': {
      const bound = typeof value === 'number' || typeof value === 'string' ? decimal(value) : null;
      return bound === null ? wrong('a number, or a decimal as text') : { op, value: bound };
    }
    case 'regex': {
      if (typeof value !== 'string') return wrong('a pattern');
      if (!faults.takePattern(patternSteps(value))) return wrong('fewer patterns in this file, or simpler ones');
      const compiled = compilePattern(value);
      return compiled.ok ? { op, matcher: compiled.matcher } : wrong(`a pattern in RE2 syntax (${compiled.why})`);
    }
    case 'starts_with':
      return typeof value === 'string' && value !== '' ? { op, value } : wrong('text');
    case 'path_under':
      return pathUnder(value, at, faults);
    case 'exists':
      return value === undefined || typeof value === 'boolean' ? { op, value: value ?? true } : wrong('true or false');
    default:
      return op satisfies never;
  }
}

const PLACE_FORM =
  'an absolute path without . and .. such as /srv/data or C:\\data, or **/NAME for any folder, or a list of these';

function pathUnder(value: unknown, at: readonly Key[], faults: FaultList): Test | null {
  const given = Array.isArray(value) ? value : [value];
  const places = given.map((text) => (typeof text === 'string' ? parsePlace(text) : null));
  const wrong = given.length === 0 ? 0 : places.indexOf(null);
  if (wrong < 0) return { op: 'path_under', places: places as Place[] };
  const place = Array.isArray(value) && value.length > 0 ? [...at, wrong] : at;
  const text = given[wrong];
  faults.add(place, text === undefined ? 'is missing' : isNow(text), PLACE_FORM);
  return null;
}

function isScalar(value: unknown): value is Scalar {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function worded(op: Test['op'], value: unknown): string {
  const text = JSON.stringify(value);
  switch (op) {
    case 'eq':
      return `is ${text}`;
    case 'neq':
      return `is not ${text}`;
    case 'in':
      return `is one of ${listed(value)}`;
    case 'not_in':
      return `is none of ${listed(value)}`;
    case 'lt':
      return `is below ${value}`;
    case 'lte':
      return `is at most ${value}`;
    case 'gt':
      return `is above ${value}`;
    case 'gte':
      return `is at least ${value}`;
    case 'regex':
      return `matches /${value}/`;
    case 'contains':
      return `contains ${text}`;
    case 'starts_with':
      return `starts with ${text}`;
    case 'path_under':
      return `is under ${listed(Array.isArray(value) ? value : [value])}`;
    case 'exists':
      return value === false ? 'is absent' : 'is present';
    default:
      return op satisfies never;
  }
}

const LISTED = 20;

function listed(value: unknown): string {
  const all = value as unknown[];
  const shown = all.slice(0, LISTED).map((item) => JSON.stringify(item));
  return all.length > LISTED ? `${shown.join(', ')} and ${all.length - LISTED} more` : shown.join(', ');
}

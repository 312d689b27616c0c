import { compare, decimal } from '../json/decimal.ts';
import type { Json } from '../json/json.ts';
import { type After, answerAfter, type History, UNREAD_HISTORY } from './history.ts';
import { type Path, type Reachable, valueAt, valuesAt } from './path.ts';
import { isUnder, type Place } from './path-under.ts';

export type Scalar = string | number | boolean | null;

/** A compiled pattern. The config room compiles it with a linear-time engine; the domain only runs it. */
export interface Matcher {
  test(text: string): boolean;
}

/** A test of one value. */
export type Test =
  | { readonly op: 'eq' | 'neq'; readonly value: Scalar }
  | { readonly op: 'in' | 'not_in'; readonly values: ReadonlySet<Scalar>; readonly kinds: ReadonlySet<string> }
  | { readonly op: 'lt' | 'lte' | 'gt' | 'gte'; readonly value: string }
  | { readonly op: 'regex'; readonly matcher: Matcher }
  | { readonly op: 'contains'; readonly value: Scalar }
  | { readonly op: 'starts_with'; readonly value: string }
  | { readonly op: 'path_under'; readonly places: readonly Place[] }
  | { readonly op: 'exists'; readonly value: boolean };

export const OPERATORS = [
  'eq',
  'neq',
  'in',
  'not_in',
  'lt',
  'lte',
  'gt',
  'gte',
  'regex',
  'contains',
  'starts_with',
  'path_under',
  'exists',
] as const satisfies readonly Test['op'][];

export type Condition =
  | { readonly kind: 'test'; readonly path: Path; readonly test: Test }
  | { readonly kind: 'all' | 'any'; readonly of: readonly Condition[] }
  /** On what was called before, not on the call itself. */
  | { readonly kind: 'after'; readonly after: After }
  | { readonly kind: 'always' };

/**
 * `missing`, `mistyped`, `unclear` (a path that can be read in more than one way) and `unread` (what was called before could not be read) are neither yes nor no: what is
 * required then counts as unmet, and what is forbidden counts as met. So an argument that is left out, or wrapped in a list, never slips through.
 */
export type ConditionResult = 'yes' | 'no' | 'missing' | 'mistyped' | 'unclear' | 'unread';

/** Over many values: `every` for what is required, `some` for what is forbidden or asked about. */
export type Quantifier = 'every' | 'some';

/** The most characters that a pattern or a comparison of paths is run over, in one text or in several; more counts as mistyped. */
export const LONGEST_SUBJECT = 65_536;

/** Whether a call meets a condition. Total: any JSON gets an answer. */
export function answer(
  condition: Condition,
  call: Reachable,
  quantifier: Quantifier,
  history: History = UNREAD_HISTORY,
): ConditionResult {
  switch (condition.kind) {
    case 'test':
      return answerTest(condition.path, condition.test, call, quantifier);
    case 'all':
      return gather(condition.of, { call, quantifier, history }, 'no', 'yes');
    case 'any':
      return gather(condition.of, { call, quantifier, history }, 'yes', 'no');
    case 'after':
      return answerAfter(condition.after, quantifier, history);
    case 'always':
      return 'yes';
    default:
      return condition satisfies never;
  }
}

/** Kleene's three-valued logic: one decisive answer decides; else one unknown makes it unknown; else the rest. */
function gather(
  of: readonly Condition[],
  {
    call,
    quantifier,
    history,
  }: { readonly call: Reachable; readonly quantifier: Quantifier; readonly history: History },
  decisive: ConditionResult,
  otherwise: ConditionResult,
): ConditionResult {
  let so: ConditionResult = otherwise;
  for (const condition of of) {
    const one = answer(condition, call, quantifier, history);
    if (one === decisive) return one;
    if (one !== otherwise) so = one;
  }
  return so;
}

function answerTest(path: Path, test: Test, call: Reachable, quantifier: Quantifier): ConditionResult {
  if (!path.many) return ask(test, valueAt(call, path));
  const values = valuesAt(call, path);
  // Nothing in an empty list breaks a rule; nothing in it exists either.
  if (values.length === 0 && test.op === 'exists') return ask(test, undefined);
  if (BY_SIZE.has(test.op) && sizeOf(values) > LONGEST_SUBJECT) return 'mistyped';
  const [decisive, otherwise] = quantifier === 'every' ? (['no', 'yes'] as const) : (['yes', 'no'] as const);
  let so: ConditionResult = otherwise;
  for (const value of values) {
    const one = ask(test, value);
    if (one === decisive) return one;
    if (one !== otherwise) so = one;
  }
  return so;
}

/** What takes time by the length of a text. */
const BY_SIZE: ReadonlySet<Test['op']> = new Set(['regex', 'path_under']);

/** Characters in all texts together: the pattern's total work is bounded, not only that for each text. */
function sizeOf(values: readonly (Json | undefined)[]): number {
  return values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 1), 0);
}

function ask(test: Test, value: Json | undefined): ConditionResult {
  if (test.op === 'exists') return yes((value !== undefined && value !== null) === test.value);
  if (value === undefined) return 'missing';
  switch (test.op) {
    case 'eq':
      return kindOf(value) === kindOf(test.value) ? yes(value === test.value) : 'mistyped';
    case 'neq':
      return kindOf(value) === kindOf(test.value) ? yes(value !== test.value) : 'mistyped';
    case 'in':
      return test.kinds.has(kindOf(value)) ? yes(test.values.has(value as Scalar)) : 'mistyped';
    case 'not_in':
      return test.kinds.has(kindOf(value)) ? yes(!test.values.has(value as Scalar)) : 'mistyped';
    case 'regex':
      return typeof value === 'string' && value.length <= LONGEST_SUBJECT ? yes(test.matcher.test(value)) : 'mistyped';
    case 'starts_with':
      return typeof value === 'string' ? yes(value.startsWith(test.value)) : 'mistyped';
    case 'path_under':
      return typeof value === 'string' ? isUnder(value, test.places) : 'mistyped';
    case 'contains':
      return contains(value, test.value);
    default:
      return ordered(test.op, value, test.value);
  }
}

/** A list contains an element, a text a text. In a list of mixed types the element might be hidden in the others. */
function contains(value: Json, wanted: Scalar): ConditionResult {
  if (Array.isArray(value)) {
    if (value.includes(wanted)) return 'yes';
    return value.every((item) => kindOf(item) === kindOf(wanted)) ? 'no' : 'mistyped';
  }
  return typeof value === 'string' && typeof wanted === 'string' ? yes(value.includes(wanted)) : 'mistyped';
}

/** Compares numbers, and decimals that were sent as text because a double cannot represent them. */
function ordered(op: 'lt' | 'lte' | 'gt' | 'gte', value: Json, bound: string): ConditionResult {
  const size = decimal(value);
  if (size === null) return 'mistyped';
  const order = compare(size, bound);
  switch (op) {
    case 'lt':
      return yes(order < 0);
    case 'lte':
      return yes(order <= 0);
    case 'gt':
      return yes(order > 0);
    case 'gte':
      return yes(order >= 0);
    default:
      return op satisfies never;
  }
}

export function kindOf(value: Json): string {
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value;
}

function yes(so: boolean): ConditionResult {
  return so ? 'yes' : 'no';
}

import { z } from 'zod';
import { isObject } from '../../domain/json/json.ts';
import { cut } from '../../text/cut.ts';
import { nearestWord } from '../../text/nearest.ts';
import type { Document } from './document.ts';
import { inexactFault } from './exact.ts';
import type { Fault, Key } from './fault.ts';

/** Steps that the patterns of one document have together. Each call is matched against all of its tool's. */
const MOST_PATTERN_STEPS = 100_000;

/** Collects everything that is wrong with one document. */
export class FaultList {
  readonly #found: Fault[] = [];
  readonly #document: Document;
  #patternSteps = 0;

  /**
   * `mayBeInexact`: paths of values that only travel through, such as a test case's arguments. Anywhere else a number
   * that a double cannot keep is a fault: a rule that compared with the rounded number would not be what was written.
   */
  constructor(document: Document, mayBeInexact: (path: readonly Key[]) => boolean = () => false) {
    this.#document = document;
    for (const place of document.inexact) {
      const { message, expected } = inexactFault(place);
      if (!mayBeInexact(place.path)) this.add(place.path, message, expected);
    }
  }

  /** In the order of the text. */
  get list(): readonly Fault[] {
    return [...this.#found].sort((a, b) => a.line - b.line || a.column - b.column);
  }

  add(path: readonly Key[], message: string, expected: string | null): void {
    this.#found.push(this.#document.fault(path, message, expected));
  }

  /** Takes steps of a pattern's program from what all patterns of one document may have. false: there are not so many left. */
  takePattern(steps: number): boolean {
    this.#patternSteps += steps;
    return this.#patternSteps <= MOST_PATTERN_STEPS;
  }

  /** Adds a fault about the key itself, not about its value. */
  addKey(path: readonly Key[], message: string, expected: string | null): void {
    this.#found.push(this.#document.fault(path, message, expected, true));
  }
}

/**
 * Checks a value against a schema and reports every fault at its path; null when there is one. A schema's `error` says
 * what would be right: `a tool name`.
 */
export function checkShape<T extends z.ZodType>(
  schema: T,
  value: unknown,
  at: readonly Key[],
  faults: FaultList,
): z.infer<T> | null {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) report(issue, schema, at, faults);
  return null;
}

/**
 * The members of a map that are right by themselves, so that their contents are checked even if a neighbour is wrong.
 */
export function salvage<T extends z.ZodObject>(schema: T, value: unknown): Partial<z.infer<T>> {
  const kept: Record<string, unknown> = {};
  if (!isObject(value)) return kept as Partial<z.infer<T>>;
  for (const [name, member] of Object.entries(schema.shape)) {
    if (!Object.hasOwn(value, name)) continue;
    const parsed = z.safeParse(member, value[name]);
    if (parsed.success) kept[name] = parsed.data;
  }
  return kept as Partial<z.infer<T>>;
}

/** The own entries of a map; none, and a fault, if it is no map. Any key may be a name, `__proto__` included. */
export function entriesOf(
  value: unknown,
  at: readonly Key[],
  expected: string,
  faults: FaultList,
): [string, unknown][] {
  if (isObject(value)) return Object.entries(value);
  if (value !== undefined) faults.add(at, isNow(value), expected);
  return [];
}

/** A map of texts; a value that is no text is left out, with a fault. */
export function textsOf(value: unknown, at: readonly Key[], faults: FaultList): Record<string, string> {
  const texts: Record<string, string> = Object.create(null);
  for (const [name, text] of entriesOf(value, at, 'a map of texts', faults)) {
    if (typeof text === 'string') texts[name] = text;
    else faults.add([...at, name], isNow(text), 'text; put numbers and booleans in quotes');
  }
  return texts;
}

function report(issue: z.core.$ZodIssue, schema: z.ZodType, at: readonly Key[], faults: FaultList): void {
  const inner = issue.path as Key[];
  const path = [...at, ...inner];
  if (issue.code === 'unrecognized_keys') {
    const allowed = keysAt(schema, inner);
    for (const key of issue.keys) {
      const meant = nearestWord(key, allowed);
      faults.addKey(
        [...path, key],
        meant === null ? 'unknown key' : `unknown key, perhaps ${meant} is meant`,
        `one of ${allowed.join(', ')}`,
      );
    }
    return;
  }
  if (issue.code === 'invalid_union') {
    const branch = likeliest(issue.errors);
    if (branch !== null) {
      const option = optionAt(schema, inner, branch.index) ?? schema;
      for (const below of branch.issues) report(below, option, path, faults);
      return;
    }
  }
  faults.add(path, issue.input === undefined ? 'is missing' : isNow(issue.input), expectedBy(issue));
}

/** The branch of a union that was probably meant: its kind is right, and something inside it is wrong. */
function likeliest(errors: readonly z.core.$ZodIssue[][]): { index: number; issues: z.core.$ZodIssue[] } | null {
  const index = errors.findIndex((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  );
  const issues = errors[index];
  return issues === undefined ? null : { index, issues };
}

function expectedBy(issue: z.core.$ZodIssue): string {
  if (!/^(Invalid|Too|Unrecognized)/.test(issue.message)) return issue.message;
  switch (issue.code) {
    case 'invalid_value':
      return issue.values.length === 1 ? JSON.stringify(issue.values[0]) : `one of ${issue.values.join(', ')}`;
    case 'invalid_type':
      return KINDS[issue.expected] ?? issue.expected;
    case 'too_small':
      return `at least ${issue.minimum}${issue.origin === 'array' ? ' entries' : ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'array' ? ' entries' : ''}`;
    default:
      return issue.message;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

/** Says what a value is, on one line. */
export function isNow(value: unknown): string {
  if (value === null) return 'is empty';
  if (Array.isArray(value)) return 'is a list';
  if (typeof value === 'object') return 'is a map';
  const text = JSON.stringify(value) ?? String(value);
  return `is ${cut(text, 60)}`;
}

function keysAt(schema: z.ZodType, path: readonly Key[]): string[] {
  const found = schemaAt(schema, path);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

function optionAt(schema: z.ZodType, path: readonly Key[], index: number): z.ZodType | null {
  const found = schemaAt(schema, path);
  return found instanceof z.ZodUnion ? ((found.options[index] as z.ZodType | undefined) ?? null) : null;
}

function schemaAt(schema: z.ZodType, path: readonly Key[]): z.ZodType | null {
  const bare = unwrapped(schema);
  const [step, ...rest] = path;
  if (step === undefined) return bare;
  if (bare instanceof z.ZodObject) {
    const below = (bare.shape as Record<string, z.ZodType>)[String(step)];
    return below === undefined ? null : schemaAt(below, rest);
  }
  if (bare instanceof z.ZodArray) return schemaAt(bare.element as z.ZodType, rest);
  if (bare instanceof z.ZodUnion) {
    for (const option of bare.options) {
      const found = schemaAt(option as z.ZodType, path);
      if (found !== null) return found;
    }
  }
  return null;
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return unwrapped(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodLazy) return unwrapped(schema.unwrap() as z.ZodType);
  return schema;
}

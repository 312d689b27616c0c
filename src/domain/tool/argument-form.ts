import { exactJson } from '../json/exact-json.ts';
import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import { REDACTED } from '../json/redact.ts';

/** How one argument is edited. `lines`: a list of texts, one a line. `choice`: one of the schema's values. */
export type FieldKind = 'text' | 'number' | 'integer' | 'boolean' | 'choice' | 'lines';

export interface ArgumentField {
  readonly name: string;
  readonly kind: FieldKind;
  /** What the schema calls it, cut; empty: nothing. */
  readonly about: string;
  readonly required: boolean;
  /** What the call says now, as it is typed; null: it is not there. */
  readonly now: string | null;
  /** JSON texts, where `kind` is `choice` or `boolean`. */
  readonly options: readonly string[];
}

/** A form in which a person changes the arguments of a call. */
export interface ArgumentForm {
  readonly fields: readonly ArgumentField[];
  /** Arguments without a field of their own, edited as one JSON text; null: there is no such text. */
  readonly rest: JsonObject | null;
  /** Names of arguments that stay as they are: something in them is hidden, or they are too long for a form. */
  readonly kept: readonly string[];
}

/** Slack's limits, which are the narrowest: fields, characters of one, options of a choice and characters of each. */
const MOST_FIELDS = 20;
export const LONGEST_TYPED = 3_000;
const MOST_OPTIONS = 100;
const LONGEST_OPTION = 70;
const LONGEST_NAME = 100;
const LONGEST_ABOUT = 150;

/** The form for a call, from its tool's schema (null: it is not known) and what is shown of its arguments. */
export function argumentForm(schema: JsonObject | null, args: JsonObject): ArgumentForm {
  const kept = Object.keys(args).filter((name) => isKept(args[name]!));
  const known = schema === null ? undefined : member(schema, 'properties');
  const properties = isObject(known) ? known : {};
  const listed = schema === null ? undefined : member(schema, 'required');
  const required: readonly Json[] = Array.isArray(listed) ? (listed as readonly Json[]) : [];
  const names = [...new Set([...Object.keys(properties), ...Object.keys(args)])].filter((name) => !kept.includes(name));
  const fields: ArgumentField[] = [];
  const rest = new Map<string, Json>();
  for (const name of names) {
    const now = member(args, name);
    const field = fields.length < MOST_FIELDS ? fieldOf(name, member(properties, name), now) : null;
    if (field !== null) fields.push({ ...field, required: required.includes(name) });
    else if (now !== undefined) rest.set(name, now);
  }
  // What was not listed can still be added where nobody knows the schema, or has more than the fields show.
  const more = names.some((name) => !fields.some((field) => field.name === name));
  const open = schema === null || rest.size > 0 || more;
  return { fields, rest: open ? Object.fromEntries(rest) : null, kept };
}

/** Something in it is hidden, or it is longer than can be typed. */
function isKept(value: Json): boolean {
  const text = JSON.stringify(value);
  return text.length > LONGEST_TYPED || text.toLowerCase().includes(REDACTED);
}

function fieldOf(
  name: string,
  schema: Json | undefined,
  now: Json | undefined,
): Omit<ArgumentField, 'required'> | null {
  if (name === '' || name.length > LONGEST_NAME) return null;
  const about = aboutOf(schema);
  const values = choicesOf(schema);
  if (values !== null) {
    if (now !== undefined && !values.includes(JSON.stringify(now))) return null;
    return { name, kind: 'choice', about, now: now === undefined ? null : JSON.stringify(now), options: values };
  }
  const type = typeOf(schema, now);
  switch (type) {
    case 'string':
      return fits(now, 'string') ? { name, kind: 'text', about, now: (now as string) ?? null, options: [] } : null;
    case 'number':
    case 'integer':
      return fits(now, 'number')
        ? { name, kind: type, about, now: now === undefined ? null : JSON.stringify(now), options: [] }
        : null;
    case 'boolean':
      return fits(now, 'boolean')
        ? { name, kind: 'boolean', about, now: now === undefined ? null : String(now), options: ['true', 'false'] }
        : null;
    case 'strings':
      return areLines(now)
        ? { name, kind: 'lines', about, now: now === undefined ? null : (now as string[]).join('\n'), options: [] }
        : null;
    default:
      return null;
  }
}

function fits(now: Json | undefined, type: 'boolean' | 'number' | 'string'): boolean {
  return now === undefined || typeof now === type;
}

/** A line break in a text, or an empty one, would be taken for others. */
function areLines(now: Json | undefined): boolean {
  if (now === undefined) return true;
  return (
    Array.isArray(now) &&
    now.length > 0 &&
    now.every((item) => typeof item === 'string' && /^[^\r\n]+$/.test(item) && item.trim() === item)
  );
}

function choicesOf(schema: Json | undefined): readonly string[] | null {
  const values = member(schema, 'enum');
  if (!Array.isArray(values) || values.length === 0 || values.length > MOST_OPTIONS) return null;
  const texts = (values as readonly Json[]).map((value) => JSON.stringify(value));
  return texts.every((text) => text.length <= LONGEST_OPTION) ? [...new Set(texts)] : null;
}

function typeOf(schema: Json | undefined, now: Json | undefined): string {
  const type = member(schema, 'type');
  if (type === 'array')
    return member(member(schema, 'items'), 'type') === 'string' && choicesOf(member(schema, 'items')) === null
      ? 'strings'
      : 'other';
  if (typeof type === 'string') return type;
  // Where the schema says nothing, the value does.
  if (schema !== undefined && (isObject(schema) ? Object.keys(schema).length > 0 : true)) return 'other';
  return Array.isArray(now) ? 'strings' : typeof now;
}

function aboutOf(schema: Json | undefined): string {
  const words = member(schema, 'title') ?? member(schema, 'description');
  return typeof words === 'string' ? words.replaceAll(/\s+/g, ' ').trim().slice(0, LONGEST_ABOUT).toWellFormed() : '';
}

/** What was typed into one field; null or empty: nothing. */
export interface TypedField {
  readonly name: string;
  readonly kind: FieldKind;
  readonly text: string | null;
}

export type TypedArguments =
  | { readonly kind: 'typed'; readonly args: JsonObject }
  /** By the field's name; null: the JSON text. */
  | { readonly kind: 'wrong'; readonly faults: readonly { readonly name: string | null; readonly why: string }[] };

/**
 * The arguments that a filled-in form means. What was shown and has neither a field nor stands in the JSON text stays
 * where it is kept, and is left out else. An empty field leaves its argument out, unless that was an empty text before.
 */
export function argumentsTyped(shown: JsonObject, typed: readonly TypedField[], json: string | null): TypedArguments {
  const faults: { name: string | null; why: string }[] = [];
  const args = new Map<string, Json>();
  for (const name of Object.keys(shown)) if (isKept(shown[name]!)) args.set(name, shown[name]!);
  for (const { name, kind, text } of typed) {
    if (args.has(name)) continue;
    const value = (text?.length ?? 0) > LONGEST_TYPED ? { why: TOO_LONG } : valueTyped(kind, text, member(shown, name));
    if (value === null) continue;
    if ('why' in value) faults.push({ name, why: value.why });
    else args.set(name, value.value);
  }
  if (json !== null && json.length > LONGEST_TYPED) faults.push({ name: null, why: TOO_LONG });
  else if (json !== null && json.trim() !== '') {
    const read = exactJson(json);
    if (read.kind === 'inexact') faults.push({ name: null, why: `Not taken: ${read.why}.` });
    else if (!isObject(read.value)) faults.push({ name: null, why: 'Write one JSON object: {"name": value}.' });
    else {
      for (const [name, value] of Object.entries(read.value)) {
        if (args.has(name))
          faults.push({ name: null, why: `${name.slice(0, 60)} has a field of its own, or stays as it is.` });
        else args.set(name, value);
      }
    }
  }
  if (faults.length > 0) return { kind: 'wrong', faults };
  // In the order of the call, so that a difference is a difference.
  const order = [
    ...Object.keys(shown).filter((name) => args.has(name)),
    ...[...args.keys()].filter((name) => !Object.hasOwn(shown, name)),
  ];
  return { kind: 'typed', args: Object.fromEntries(order.map((name) => [name, args.get(name)!])) };
}

const CUT_CHARACTER = 'This text is cut within a character.';
const TOO_LONG = `At most ${LONGEST_TYPED} characters, of which some signs take two. Write less, or use the console.`;

/** null: it is left out. */
function valueTyped(
  kind: FieldKind,
  text: string | null,
  before: Json | undefined,
): { readonly value: Json } | { readonly why: string } | null {
  if (text === null || text === '') return before === '' ? { value: '' } : null;
  switch (kind) {
    case 'text':
      // Forms write line breaks in their own way.
      if (typeof before === 'string' && sameLines(before, text)) return { value: before };
      return text.isWellFormed() ? { value: text } : { why: CUT_CHARACTER };
    case 'lines': {
      if (!text.isWellFormed()) return { why: CUT_CHARACTER };
      return { value: text.split(/\r?\n/).filter((line) => line !== '') };
    }
    case 'number':
    case 'integer': {
      const read = exactJson(text.trim());
      if (read.kind === 'inexact') return { why: `Not taken: ${read.why}.` };
      const whole = kind === 'number' || Number.isInteger(read.value);
      return typeof read.value === 'number' && whole
        ? { value: read.value }
        : { why: kind === 'integer' ? 'Write a whole number.' : 'Write a number.' };
    }
    case 'boolean':
    case 'choice': {
      const read = exactJson(text);
      return read.kind === 'exact' ? { value: read.value } : { why: `Not taken: ${read.why}.` };
    }
    default:
      return kind satisfies never;
  }
}

function sameLines(one: string, other: string): boolean {
  return one.replaceAll(/\r\n?/g, '\n') === other.replaceAll(/\r\n?/g, '\n');
}

import type { Sent } from '../call/sent.ts';
import { isObject, type Json, type JsonObject } from '../json/json.ts';
import { REDACTED } from '../json/redact.ts';
import { insteadOfPath, type Path, parsePath, type Reachable, valueAt } from './path.ts';
import type { SummaryFault } from './summary.ts';

/** Arguments with places for values of the call: a text that is one place becomes the value itself, of any type. */
export type ArgsTemplate =
  | null
  | boolean
  | number
  | { readonly text: string }
  | { readonly value: Path }
  | { readonly parts: readonly (string | Path)[] }
  | { readonly list: readonly ArgsTemplate[] }
  | { readonly members: readonly (readonly [string, ArgsTemplate])[] };

/** A tool that is called to see how things stand before the call: `{ tool: list_keys, args: { team: "{args.team}" } }`. */
export interface PreviewRule {
  readonly tool: string;
  readonly args: ArgsTemplate;
}

/** `values`: how many values a template may have in all. `depth`: of objects and lists. `units`: UTF-16 units of a filled text. */
const TEMPLATE_BOUNDS = { values: 50, depth: 5, units: 4_096 } as const;

const PLACE = /\{([^{}]*)\}/g;
const EXPECTED = 'a value, or a path in braces such as {args.path}';

/** Reads the arguments of a preview. */
export function parseArgsTemplate(value: Json): ArgsTemplate | SummaryFault {
  const count = { left: TEMPLATE_BOUNDS.values };
  try {
    return templateOf(value, 0, count);
  } catch (fault) {
    if (fault instanceof TemplateFault) return { wrong: fault.message, expected: fault.expected };
    throw fault;
  }
}

class TemplateFault extends Error {
  readonly expected: string;

  constructor(wrong: string, expected: string) {
    super(wrong);
    this.expected = expected;
  }
}

function templateOf(value: Json, depth: number, count: { left: number }): ArgsTemplate {
  count.left -= 1;
  if (count.left < 0) throw new TemplateFault('has too many values', `at most ${TEMPLATE_BOUNDS.values}`);
  if (depth > TEMPLATE_BOUNDS.depth)
    throw new TemplateFault('is nested too deeply', `at most ${TEMPLATE_BOUNDS.depth} levels`);
  if (typeof value === 'string') return textTemplate(value);
  if (Array.isArray(value))
    return { list: (value as readonly Json[]).map((item) => templateOf(item, depth + 1, count)) };
  if (isObject(value)) {
    return {
      members: Object.entries(value).map(([name, item]) => [name, templateOf(item, depth + 1, count)] as const),
    };
  }
  return value as null | boolean | number;
}

function textTemplate(text: string): ArgsTemplate {
  const parts: (string | Path)[] = [];
  let at = 0;
  for (const found of text.matchAll(PLACE)) {
    if (found.index > at) parts.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const path = parsePath(found[1]!);
    if (path === null || path.many) {
      throw new TemplateFault(`names ${found[0]}`, (path === null ? insteadOfPath(found[1]!) : null) ?? EXPECTED);
    }
    parts.push(path);
  }
  if (at < text.length) parts.push(text.slice(at));
  if (parts.every((part) => typeof part === 'string')) return { text };
  const [only] = parts;
  return parts.length === 1 && typeof only === 'object' ? { value: only } : { parts };
}

/** The arguments for one call, or why there are none, in words without a full stop. */
export type FilledArgs = { readonly args: JsonObject } | { readonly why: string };

class NoValue extends Error {}

/**
 * Fills the places with values of the call as they are shown: what is hidden of the call never gets to another tool, nor
 * into what that says.
 */
export function filledArgs(
  template: ArgsTemplate,
  shown: { readonly arguments: Json; readonly sent: Sent },
): FilledArgs {
  const { params, meta } = shown.sent;
  try {
    const args = filled(template, {
      args: isObject(shown.arguments) ? shown.arguments : {},
      params: { ...params, _meta: meta },
    });
    return isObject(args) ? { args } : { why: 'its arguments are no object' };
  } catch (error) {
    if (error instanceof NoValue) return { why: error.message };
    throw error;
  }
}

function filled(template: ArgsTemplate, call: Reachable): Json {
  if (typeof template !== 'object' || template === null) return template;
  if ('text' in template) return template.text;
  if ('value' in template) return valueFor(template.value, call);
  if ('list' in template) return template.list.map((item) => filled(item, call));
  if ('members' in template)
    return Object.fromEntries(template.members.map(([name, item]) => [name, filled(item, call)]));
  const text = template.parts.map((part) => (typeof part === 'string' ? part : scalar(part, call))).join('');
  if (text.length > TEMPLATE_BOUNDS.units) throw new NoValue('one of its arguments would be too long');
  return text;
}

function scalar(path: Path, call: Reachable): string {
  const value = valueFor(path, call);
  if (typeof value === 'object') throw new NoValue(`${path.text} is no single value`);
  return String(value);
}

function valueFor(path: Path, call: Reachable): Json {
  const value = valueAt(call, path);
  if (value === undefined) throw new NoValue(`the call has no ${path.text}`);
  const text = JSON.stringify(value);
  if (text.includes(REDACTED)) throw new NoValue(`${path.text} is hidden`);
  if (text.length > TEMPLATE_BOUNDS.units) throw new NoValue(`${path.text} is too long`);
  return value;
}

import { cut } from '../../text/cut.ts';
import { leftToRight, visible } from '../../text/visible.ts';
import type { ShownCall } from '../call/redact-call.ts';
import type { Json } from '../json/json.ts';
import { REDACTED } from '../json/redact.ts';
import { insteadOfPath, type Path, parsePath, type Reachable, valueAt } from './path.ts';

/** Most characters of a template as the policy has it. */
export const LONGEST_SUMMARY = 300;
/** Most values that a template may name. */
export const MOST_SUMMARY_VALUES = 10;
/** Most characters of one value in a summary; the arguments beside it show it whole. */
const LONGEST_VALUE = 80;

/** A sentence about a call, with places for its values: `Create an API key "{args.name}" with role {args.role}`. */
export interface SummaryTemplate {
  /** As the policy has it. */
  readonly text: string;
  readonly parts: readonly (string | Path)[];
}

/** A piece of a summary: the policy's own words, or what a call says. */
export type SummaryPart = { readonly text: string } | { readonly value: string };

/** What is wrong with a template, and what would be right. */
export interface SummaryFault {
  readonly wrong: string;
  readonly expected: string;
}

const PLACE = /\{([^{}]*)\}/g;
/** What Slack or a browser could take for more than text. An underscore is markup where a word begins or ends with it. */
const MARKUP = /[<>`*~|\\]|(?<![\p{L}\p{N}_])_|_(?![\p{L}\p{N}_])/u;
const PATH_EXPECTED =
  'a path to one value in braces, such as {args.name}, {params.workspace} or {meta["acme.com/tenant"]}';

/** Reads a template. The text must be plain: one line, without markup. */
export function parseSummary(text: string): SummaryTemplate | SummaryFault {
  if (text.trim() === '') return { wrong: 'is empty', expected: 'a sentence about the call' };
  if (text.length > LONGEST_SUMMARY) {
    return { wrong: `has ${text.length} characters`, expected: `at most ${LONGEST_SUMMARY} characters` };
  }
  const parts: (string | Path)[] = [];
  let at = 0;
  for (const found of text.matchAll(PLACE)) {
    if (found.index > at) parts.push(text.slice(at, found.index));
    at = found.index + found[0].length;
    const path = parsePath(found[1]!);
    if (path === null || path.many) {
      const instead = path === null ? insteadOfPath(found[1]!) : null;
      return { wrong: `names ${found[0]}`, expected: instead ?? PATH_EXPECTED };
    }
    parts.push(path);
  }
  if (at < text.length) parts.push(text.slice(at));
  return faultOf(parts) ?? { text, parts };
}

function faultOf(parts: readonly (string | Path)[]): SummaryFault | null {
  const words = parts.filter((part) => typeof part === 'string');
  if (parts.length - words.length > MOST_SUMMARY_VALUES) {
    return { wrong: 'names too many values', expected: `at most ${MOST_SUMMARY_VALUES} values` };
  }
  for (const word of words) {
    const brace = /[{}]/.exec(word)?.[0];
    if (brace !== undefined) return { wrong: `has a single ${brace}`, expected: PATH_EXPECTED };
    const mark = MARKUP.exec(word)?.[0];
    if (mark !== undefined) return { wrong: `has markup (${mark})`, expected: 'plain words' };
    if (visible(word) !== word)
      return { wrong: 'has characters that do not show', expected: 'one line of plain words' };
  }
  return null;
}

/**
 * What a template says of a call, from what is shown of it: what is hidden stays hidden. A value is cut at 80 characters.
 * Also where nothing marks it as the call's, it cannot pass for the policy's words or for ours: unless it is one word, or
 * the template has quotes around it, it stands in quotes, and a quote inside it is escaped.
 */
export function summaryOf(template: SummaryTemplate, shown: Pick<ShownCall, 'arguments' | 'sent'>): SummaryPart[] {
  const { params, meta } = shown.sent;
  const call: Reachable = { args: shown.arguments, params: { ...params, _meta: meta } };
  return template.parts.map((part, index, parts) =>
    typeof part === 'string'
      ? { text: part }
      : { value: valueText(valueAt(call, part), standsInQuotes(parts[index - 1], parts[index + 1])) },
  );
}

function standsInQuotes(before: string | Path | undefined, after: string | Path | undefined): boolean {
  return typeof before === 'string' && before.endsWith('"') && typeof after === 'string' && after.startsWith('"');
}

/** A summary as one text. */
export function summaryText(parts: readonly SummaryPart[]): string {
  return parts.map((part) => ('text' in part ? part.text : part.value)).join('');
}

/** What reads as one word whatever stands beside it: a name, a path, an address, an escape. */
const ONE_WORD = /^[\p{L}\p{M}\p{N}_.:/\\@#%&?=+…-]+$/u;
/** How what is said in place of a value begins. */
const OURS = '(';

function valueText(value: Json | undefined, inQuotes: boolean): string {
  if (value === undefined) return '(absent)';
  if (Array.isArray(value)) return counted(value.length, 'item');
  if (typeof value === 'object' && value !== null) return counted(Object.keys(value).length, 'member');
  if (typeof value !== 'string') return String(value);
  if (value === '') return '(empty)';
  // More than is shown is not looked at, but one character, which tells that there is more.
  const text = cut(plainQuotes(leftToRight(JSON.stringify(cut(value, LONGEST_VALUE)).slice(1, -1))), 2 * LONGEST_VALUE);
  const isPlain = value === REDACTED || (inQuotes ? !value.startsWith(OURS) : isOneWord(value, text));
  return isPlain ? text : `"${text}"`;
}

/** What could be taken for the quotes around a value is escaped, like these themselves. */
function plainQuotes(text: string): string {
  return text.replace(
    /[\u00ab\u00bb\u02ba\u02dd\u02ee\u02f5\u02f6\u05f4\u201c-\u201f\u2033\u2036\u275d\u275e\u301d-\u301f\uff02]/g,
    (quote) => `\\u${quote.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function isOneWord(value: string, text: string): boolean {
  return ONE_WORD.test(text) && !/\s/.test(value);
}

function counted(count: number, what: string): string {
  return `(${count} ${what}${count === 1 ? '' : 's'})`;
}

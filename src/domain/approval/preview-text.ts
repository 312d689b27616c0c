import { beginning } from '../../text/cut.ts';
import { counted } from '../../text/plural.ts';
import { exactJson } from '../json/exact-json.ts';
import { isObject, type Json } from '../json/json.ts';
import { REDACTED, type Redaction, redactedCopy } from '../json/redact.ts';
import { secretName } from '../json/secret-name.ts';
import type { SummaryPart } from '../policy/summary.ts';
import { PREVIEW_BOUNDS, type Preview } from './facts.ts';

/** UTF-16 units of a text that are looked at for secrets by their names; what comes after is not shown. A longer one is not read as JSON. */
const LOOKED_AT = 4 * PREVIEW_BOUNDS.units;

/**
 * What of a server's text may be kept: what stands under names of secrets is replaced, in JSON by its members and in
 * texts where they are followed by `:` or `=`; then it is cut. In doubt more is replaced. Not yet safe to show.
 */
export function previewText(text: string, redaction: Redaction): { readonly text: string; readonly omitted: number } {
  const { kept, left } = withoutSecrets(text, redaction);
  const short = beginning(kept, PREVIEW_BOUNDS.units);
  return { text: short, omitted: kept.length - short.length + left };
}

/** What stands beside a preview: whose word it is and what is left out of it, or why there is none. Without a full stop. */
export function previewSays(preview: Preview): readonly SummaryPart[] {
  const { kind, tool } = preview;
  if (kind === 'none') {
    return tool === '' ? [{ text: preview.why }] : [{ value: tool }, { text: ` was not shown: ${preview.why}` }];
  }
  const failed = preview.failed ? ', which it calls an error' : '';
  const omitted = preview.omitted === 0 ? '' : `, without its last ${counted(preview.omitted, 'character')}`;
  return [{ text: 'the server says by ' }, { value: tool }, { text: `, unverified${failed}${omitted}` }];
}

/** `left`: UTF-16 units that were not looked at, and are not kept. */
function withoutSecrets(text: string, { byName }: Redaction): { readonly kept: string; readonly left: number } {
  if (!byName) return { kept: text, left: 0 };
  // Reading all of a long text as JSON takes a second, and no more of it is shown.
  const value = text.length <= LOOKED_AT ? jsonIn(text) : null;
  if (value !== null) return { kept: jsonWithout(text, value), left: 0 };
  const looked = beginning(text, LOOKED_AT);
  return { kept: withoutNamed(looked), left: text.length - looked.length };
}

/** The text as it came where nothing of it is secret. */
function jsonWithout(text: string, value: Json): string {
  const copy = redactedCopy(value, { byName: true, paths: [] }, 'args');
  const pairs = withoutPairs(copy.value, false);
  let changed = copy.byName > 0 || pairs !== copy.value;
  const withTexts = (_: string, inner: unknown): unknown => {
    if (typeof inner !== 'string' || inner === REDACTED) return inner;
    const kept = withoutNamed(inner);
    changed ||= kept !== inner;
    return kept;
  };
  const kept = JSON.stringify(pairs, withTexts, 2);
  return changed ? kept : text;
}

/** Members that say what their object is about, and those that say its value; in lower case, without what parts words. */
const NAMING: ReadonlySet<string> = new Set(['name', 'key', 'id', 'variable', 'var', 'field', 'parameter', 'setting']);
const VALUES: ReadonlySet<string> = new Set(['val', 'values', 'v', 'content', 'data', 'text', 'plaintext', 'default']);

function isNaming(name: string): boolean {
  return NAMING.has(plainName(name));
}

/** `value`, `stringValue`, `default`. */
function isValueName(name: string): boolean {
  const plain = plainName(name);
  return VALUES.has(plain) || plain.endsWith('value');
}

function plainName(name: string): string {
  return name.length > 64 ? '' : name.toLowerCase().replace(/[_.-]/g, '');
}

/**
 * Without the value of an object that a member beside it names as a secret, `{"name": "DB_PASSWORD", "value": …}`, or that a
 * secret's name stands above, whatever the value is. The same object where nothing is hidden. It is at most 60 levels deep.
 */
function withoutPairs(value: Json, secret: boolean): Json {
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    const list = items.map((item) => withoutPairs(item, secret));
    return list.some((item, at) => item !== items[at]) ? list : items;
  }
  if (!isObject(value)) return value;
  const entries = Object.entries(value);
  const named =
    secret || entries.some(([name, said]) => typeof said === 'string' && isNaming(name) && secretName(said) !== null);
  let changed = false;
  const kept = entries.map(([name, said]): [string, Json] => {
    const inner =
      named && isValueName(name) && said !== null ? REDACTED : withoutPairs(said, secretName(name) !== null);
    changed ||= inner !== said;
    return [name, inner];
  });
  return changed ? Object.fromEntries(kept) : value;
}

/** Only what says the same when it is written again. */
function jsonIn(text: string): Json | null {
  if (!/^\s*[[{]/.test(text)) return null;
  const exact = exactJson(text);
  return exact.kind === 'exact' ? exact.value : null;
}

/** A name, and what parts it from its value. */
const NAMED = /([A-Za-z][\w.-]{0,63})(\\*["']?[ \t]{0,8}([:=])[ \t]{0,8}\\*)/g;
/** In quotes; where these do not end, the line; lines that belong to `|` or `>`. */
const QUOTED = /"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S]|'')*'/y;
const OPEN = /["'][^\n]*/y;
const BLOCK = /[|>][-+0-9]*[ \t]*(?:\n[ \t]+[^\n]*)+/y;
/** A word, after `=`; words, after `:`; all of a line that begins with the name. */
const WORD = /[^\s,;"'}]+/y;
const WORDS = /[^\n,;}]+/y;
const LINE = /[^\n]+/y;
/** A list, to where it ends or the text does. */
const LIST = /\[[^\]]*\]?/y;
const LINE_BEGINS = /^[ \t]*(?:[-*][ \t]+)?["']?$/;
/** Units before a name within which its line has to begin. */
const BEFORE_NAME = 256;
/** What a naming member says, and units behind it within which the value of that name stands. */
const SAID = /\\*["']?([A-Za-z][\w.-]{0,63})/y;
const NEAR = 256;
/** Quotes that do not end, each looked for to the end of the text: behind so many everything is replaced. */
const MOST_OPEN = 16;

const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(?:[\s\S]*?-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|[\s\S]*)/g;
const BEARER = /\b(bearer|basic)[ \t]+[\w.~+/=-]{8,}/gi;
const IN_ADDRESS = /(:\/\/[^\s/?#@:"']{0,256}:)[^\s/?#@"']{1,1024}(?=@)/g;

function withoutNamed(text: string): string {
  const plain = text
    .replace(PRIVATE_KEY, REDACTED)
    .replace(BEARER, (_, scheme: string) => `${scheme} ${REDACTED}`)
    .replace(IN_ADDRESS, (_, before: string) => `${before}${REDACTED}`);
  const parts: string[] = [];
  let at = 0;
  let open = 0;
  /** Where a secret was named last whose value stands beside its name: `name: DB_PASSWORD`. */
  let named = Number.NEGATIVE_INFINITY;
  NAMED.lastIndex = 0;
  for (let found = NAMED.exec(plain); found !== null; found = NAMED.exec(plain)) {
    const name = found[1]!;
    const from = NAMED.lastIndex;
    const isNamed = from - named <= NEAR && isValueName(name);
    // Behind a name that is no secret's, the next name may be one.
    if (secretName(name) === null && !isNamed) {
      if (isNaming(name)) named = saysSecret(plain, from) ? from : Number.NEGATIVE_INFINITY;
      continue;
    }
    const value = valueEnd(plain, from, found[3] === '=' ? WORD : beginsLine(plain, found.index) ? LINE : WORDS);
    if (value.end === from) continue;
    parts.push(plain.slice(at, from), REDACTED);
    if (value.open) open += 1;
    at = open < MOST_OPEN ? value.end : plain.length;
    NAMED.lastIndex = at;
  }
  parts.push(plain.slice(at));
  return parts.join('');
}

function saysSecret(text: string, from: number): boolean {
  SAID.lastIndex = from;
  const said = SAID.exec(text)?.[1];
  return said !== undefined && secretName(said) !== null;
}

/** `open`: it begins with a quote that does not end. */
function valueEnd(text: string, from: number, otherwise: RegExp): { readonly end: number; readonly open: boolean } {
  for (const value of [QUOTED, OPEN, BLOCK]) {
    const end = endOf(value, text, from);
    if (end > from) return { end, open: value === OPEN };
  }
  return { end: Math.max(endOf(otherwise, text, from), endOf(LIST, text, from)), open: false };
}

function endOf(value: RegExp, text: string, from: number): number {
  value.lastIndex = from;
  return value.test(text) ? value.lastIndex : from;
}

function beginsLine(text: string, at: number): boolean {
  const begins = Math.max(0, at - BEFORE_NAME - 1);
  const before = text.slice(begins, at);
  const line = before.lastIndexOf('\n') + 1;
  return (line > 0 || begins === 0) && LINE_BEGINS.test(before.slice(line));
}

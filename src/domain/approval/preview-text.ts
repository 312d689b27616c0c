import { beginning } from '../../text/cut.ts';
import { counted } from '../../text/plural.ts';
import { exactJson } from '../json/exact-json.ts';
import type { Json } from '../json/json.ts';
import { REDACTED, type Redaction, redactedCopy } from '../json/redact.ts';
import { secretName } from '../json/secret-name.ts';
import type { SummaryPart } from '../policy/summary.ts';
import { PREVIEW_BOUNDS, type Preview } from './facts.ts';

/** UTF-16 units of a text that are looked at for secrets by their names; what comes after is not shown. */
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
  const value = jsonIn(text);
  const kept = value === null ? null : jsonWithout(text, value);
  if (kept !== null) return { kept, left: 0 };
  const looked = beginning(text, LOOKED_AT);
  return { kept: withoutNamed(looked), left: text.length - looked.length };
}

/** The text as it came where nothing of it is secret. */
function jsonWithout(text: string, value: Json): string {
  const copy = redactedCopy(value, { byName: true, paths: [] }, 'args');
  let changed = copy.byName > 0;
  const withTexts = (_: string, inner: unknown): unknown => {
    if (typeof inner !== 'string' || inner === REDACTED) return inner;
    const kept = withoutNamed(inner);
    changed ||= kept !== inner;
    return kept;
  };
  const kept = JSON.stringify(copy.value, withTexts, 2);
  return changed ? kept : text;
}

/** Only what says the same when it is written again. */
function jsonIn(text: string): Json | null {
  if (!/^\s*[[{]/.test(text)) return null;
  const exact = exactJson(text);
  return exact.kind === 'exact' ? exact.value : null;
}

/** A name, and what parts it from its value. */
const NAMED = /([A-Za-z][\w.-]{0,63})(\\*["']?[ \t]{0,8}([:=])[ \t]{0,8}\\*)/g;
/** In quotes, and where these do not end, the line; lines that belong to `|` or `>`. */
const QUOTED = /"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S]|'')*'|["'][^\n]*|[|>][-+0-9]*[ \t]*(?:\n[ \t]+[^\n]*)+/y;
/** A word, after `=`; words, after `:`; all of a line that begins with the name. */
const WORD = /[^\s,;"'}]+/y;
const WORDS = /[^\n,;}]+/y;
const LINE = /[^\n]+/y;
const LINE_BEGINS = /^[ \t]*(?:[-*][ \t]+)?["']?$/;

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
  NAMED.lastIndex = 0;
  for (let found = NAMED.exec(plain); found !== null; found = NAMED.exec(plain)) {
    // Behind a name that is no secret's, the next name may be one.
    if (secretName(found[1]!) === null) continue;
    const from = NAMED.lastIndex;
    const end = valueEnd(plain, from, found[3] === '=' ? WORD : beginsLine(plain, found.index) ? LINE : WORDS);
    if (end === from) continue;
    parts.push(plain.slice(at, from), REDACTED);
    at = end;
    NAMED.lastIndex = end;
  }
  parts.push(plain.slice(at));
  return parts.join('');
}

function valueEnd(text: string, from: number, otherwise: RegExp): number {
  for (const value of [QUOTED, otherwise]) {
    value.lastIndex = from;
    if (value.test(text)) return value.lastIndex;
  }
  return from;
}

function beginsLine(text: string, at: number): boolean {
  const line = text.lastIndexOf('\n', at - 1) + 1;
  return at === 0 || (at - line <= 256 && LINE_BEGINS.test(text.slice(line, at)));
}

import { type JsonObject, member } from '../json/json.ts';
import { REDACTED } from '../json/redact.ts';
import { NAMES } from './names.ts';

/** UTF-16 units of a SQL text's leading comments that are skipped, and of a file's text that is looked at for its first lines. */
const LEADING = 4_096;
const FIRST_UNITS = 6_000;

const STATEMENT =
  /^(?:select|insert|update|delete|create|alter|drop|truncate|with|grant|revoke|merge|begin|commit|rollback|call|explain|vacuum|do|set|copy|replace|use|show|analyze|pragma|attach|reindex|refresh|lock|comment|declare|exec|execute)\b/i;

/** Whether a text begins as SQL does, behind comments. */
export function looksLikeSql(text: string): boolean {
  let at = 0;
  while (at < Math.min(text.length, LEADING)) {
    const rest = text.slice(at, at + LEADING);
    const blank = /^[\s;(]+/.exec(rest)?.[0].length ?? 0;
    if (blank > 0) at += blank;
    else if (rest.startsWith('--')) at = endOf(text, '\n', at);
    else if (rest.startsWith('/*')) at = endOf(text, '*/', at);
    else return STATEMENT.test(rest.slice(0, 24));
  }
  return false;
}

function endOf(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from + 2);
  return at === -1 ? text.length : at + end.length;
}

/** Names beside a command that may hold the rest of it. */
const REST = ['args', 'arguments', 'argv', 'params', 'parameters', 'flags', 'options'];

/**
 * What is run: a text as it is, or the words of a list, each as a shell would have to be told it; null: it is neither, or a
 * part of it may stand elsewhere: no part is shown as the command.
 */
export function commandText(object: JsonObject, name: string): string | null {
  const value = object[name];
  const names = name === 'argv' ? [...REST, ...NAMES.command] : REST;
  const rest = names.filter((one) => one !== name && holdsWords(member(object, one)));
  if (typeof value === 'string') {
    if (value === '' || value.includes(REDACTED)) return null;
    if (rest.length === 0) return value;
    const args = rest.length === 1 && rest[0] === 'args' ? member(object, 'args') : null;
    return isWords(args) && !/\s/.test(value) ? [value, ...args].map(shellWord).join(' ') : null;
  }
  return rest.length === 0 && isWords(value) && value.length > 0 ? value.map(shellWord).join(' ') : null;
}

function holdsWords(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return typeof value === 'string' && value !== '';
}

const MOST_WORDS = 1_000;

function isWords(value: unknown): value is readonly string[] {
  return (
    Array.isArray(value) &&
    value.length <= MOST_WORDS &&
    value.every((word) => typeof word === 'string' && !word.includes(REDACTED))
  );
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A file as a call writes it. */
export interface PastFile {
  /** The member that holds the content. */
  readonly member: string;
  /** null: it is called by several names, and which of them counts only its server knows. */
  readonly name: string | null;
  /** Bytes of the content. */
  readonly octets: number;
  /** The content or its beginning; null: it is no text. */
  readonly text: string | null;
  /** The text is not all of it. */
  readonly cut: boolean;
  /** It is sent as base64. */
  readonly packed: boolean;
}

/**
 * A content with a path or a name beside it; null: there is none, or there are several, of which only the server knows
 * which one it writes. `text`: a member that is a text and not hidden.
 */
export function pastFile(object: JsonObject, text: (name: string) => string | null): PastFile | null {
  const names = new Set(NAMES.path.flatMap((name) => text(name) ?? []));
  if (names.size === 0) return null;
  const isOneHidden = NAMES.path.some((one) => typeof member(object, one) === 'string' && text(one) === null);
  const name = names.size === 1 && !isOneHidden ? [...names][0]! : null;
  if (CONTENTS.filter((one) => isContent(member(object, one))).length > 1) return null;
  const encoding = member(object, 'encoding');
  const packedName = NAMES.base64.find((one) => isBase64(text(one)));
  const named = NAMES.content.find((one) => text(one) !== null);
  if (named !== undefined && encoding === 'base64' && isBase64(text(named)))
    return packedFile(named, name, text(named)!);
  if (packedName !== undefined && packedName !== named) return packedFile(packedName, name, text(packedName)!);
  if (named === undefined) return null;
  const content = text(named)!;
  // A short text beside a name may be anything.
  if (!content.includes('\n') && content.length < 120) return null;
  const first = content.slice(0, FIRST_UNITS);
  return {
    member: named,
    name,
    octets: octetsOf(content),
    text: first,
    cut: first.length < content.length,
    packed: false,
  };
}

const CONTENTS = [...new Set<string>([...NAMES.content, ...NAMES.base64])];

function isContent(value: unknown): boolean {
  return typeof value === 'string' ? value !== '' : typeof value === 'object' && value !== null;
}

function isBase64(text: string | null): text is string {
  return text !== null && text.length >= 4 && text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function packedFile(content: string, name: string | null, text: string): PastFile {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const octets = (text.length / 4) * 3 - padding;
  const bytes = Uint8Array.from(atob(text.slice(0, FIRST_UNITS)), (unit) => unit.charCodeAt(0));
  const cut = text.length > FIRST_UNITS;
  return { member: content, name, octets, text: printable(bytes, cut), cut, packed: true };
}

/** The text of bytes, all of it; null where they are none. `cut`: the last character may be torn. */
function printable(bytes: Uint8Array, cut: boolean): string | null {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: cut });
  return /[\u0000-\u0008\u000e-\u001f\ufffd]/.test(text) ? null : text;
}

export function octetsOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

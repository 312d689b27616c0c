import { percentDecoded } from '../../text/percent.ts';
import { pathReadings } from './path-readings.ts';

/** Longest URI, in UTF-16 units, that a section judges; a longer one is denied where there is a section. */
export const LONGEST_JUDGED_URI = 8_192;
/** How often a URI may be percent-encoded over again; more than that is denied where there is a section. */
const MOST_DECODINGS = 4;

/** The forms in which a server may read a URI, all of them percent-decoded. */
export interface UriReadings {
  /** As sent, as a browser's parser writes it, decoded again, and with its `..` resolved: policy has to allow each. */
  readonly strict: readonly string[];
  /** Without query, fragment and user: policy has to allow these too, unless the key that allows names such a part. */
  readonly bare: readonly string[];
  /**
   * Without a closing slash, without what some servers leave out or fold together (invisible characters, other forms of
   * Unicode, dots and blanks at the end of names, `;parameters`), and for files without case: only a key that denies such
   * a form by itself counts.
   */
  readonly loose: readonly string[];
}

/**
 * URIs that every reader takes alike; most are such, and lists have thousands. Hosts of http and the like may be numbers
 * in disguise, so theirs are not.
 */
const PLAIN =
  /^(?:file:\/\/|(?!https?:|wss?:|ftp:|file:)[a-z][a-z0-9+.-]*:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*)(?:\/[\w-](?:[\w.-]*[\w-])?)+$/;

/**
 * Null when the URI cannot be judged: it is too long, encoded too often, or names a file in a way that servers read
 * differently. Linear in the URI's length.
 */
export function uriReadings(uri: string): UriReadings | null {
  if (uri.length > LONGEST_JUDGED_URI) return null;
  if (PLAIN.test(uri)) {
    return { strict: [uri], bare: [], loose: uri.startsWith('file:') ? [uri.toLowerCase()] : [] };
  }
  const strict = new Set<string>();
  for (const start of [uri, parsed(uri) ?? withPlainScheme(uri)]) {
    if (isUnclearFile(start)) return null;
    for (const decode of LAX.test(start) ? [percentDecoded, laxlyDecoded] : [percentDecoded]) {
      if (!addDecoded(start, decode, strict)) return null;
    }
  }
  const bare = new Set([...strict].map(bareForm).filter((form) => !strict.has(form)));
  return { strict: [...strict], bare: [...bare], loose: [...new Set([...strict, ...bare].flatMap(looseForms))] };
}

/** Adds what a URI is after each decoding, as it stands and resolved. False: it is encoded too often. */
function addDecoded(start: string, decode: (text: string) => string, strict: Set<string>): boolean {
  let text = decode(start);
  for (let times = 1; ; times += 1) {
    for (const form of [text, resolved(text)]) strict.add(form);
    const plain = withoutDisguise(text);
    if (plain !== text && DOT_NAME.test(plain)) strict.add(resolved(plain));
    for (const ascii of inAscii(text)) if (DOT_NAME.test(ascii)) strict.add(resolved(ascii));
    const decoded = decode(text);
    if (decoded === text) return true;
    if (times === MOST_DECODINGS) return false;
    text = decoded;
  }
}

/** Whether readers of paths disagree about a file; what follows `?` or `#` is part of a name to some. */
function isUnclearFile(uri: string): boolean {
  return /^[\0-\x20]*file:/i.test(uri) && pathReadings(uri.replaceAll(/[?#]/g, '/')) === null;
}

const DOT_NAME = /(?:^|[/\\])\.\.?(?:[/\\]|$)/;
/** Dots and slashes in more bytes than UTF-8 needs. */
const OVERLONG = /%c0%(ae|af)|%e0%80%(ae|af)|%f0%80%80%(ae|af)/gi;

/** What only lax decoders decode, perhaps encoded again. */
const LAX = /%(?:25)*(?:c0|c1|e0|f0|u)/i;

/** Decoded as lax decoders do: overlong dots and slashes, `%c1%9c` for a backslash, `%u002e`. */
function laxlyDecoded(text: string): string {
  if (!text.includes('%')) return text;
  const lax = text
    .replace(OVERLONG, (run) => (/ae$/i.test(run) ? '.' : '/'))
    .replace(/%c1%9c/gi, '\\')
    .replace(/%u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return percentDecoded(lax);
}

/** Text in which nothing is disguised. */
const PLAIN_TEXT = /^[!-:<-~]*$/;
/** Controls, and what leaves no ink; some servers drop them. */
const DROPPED = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** What a name is to a server that drops the invisible, resolves compatibility forms and Java's path parameters. */
function withoutDisguise(text: string): string {
  if (PLAIN_TEXT.test(text)) return text;
  return text
    .replace(DROPPED, '')
    .normalize('NFKC')
    .replace(/[\u2044\u2215]/g, '/')
    .replace(/[\u2216\u29f5]/g, '\\')
    .replace(/;[^/\\?#]*/g, '')
    .replace(/(?<=\.)\s+(?=[/\\]|$)|(?<=[/\\])\s+(?=\.)/g, '');
}

/** What a text is to servers that leave out what is not ASCII, or accents alone. */
function inAscii(text: string): readonly string[] {
  return PLAIN_TEXT.test(text) ? [] : [text, text.normalize('NFKD')].map((form) => form.replace(/[^\0-\x7f]/g, ''));
}

/** Texts that differ in this form only are one name to some: composed or not, the host in any case, and for files all of it. */
export function foldedUri(uri: string): string {
  const compatible = PLAIN_TEXT.test(uri) ? uri : uri.normalize('NFKC');
  // A fullwidth star in a key must not become a wildcard.
  const text = countOf(compatible) === countOf(uri) ? compatible : uri.normalize('NFC');
  return /^file:/i.test(uri) ? text.toLowerCase() : withPlainHost(text);
}

function countOf(text: string): number {
  return text.match(/[*?]/g)?.length ?? 0;
}

/**
 * The forms of a glob over URIs, which no parser takes. Scheme, and the host where hosts have no case, in lower case.
 */
export function globReadings(pattern: string): string[] {
  const plain = /^(https?|wss?|ftp|file):/i.test(pattern)
    ? pattern.replace(/^[^:]*:(\/\/[^/?#]*)?/, (head) => head.toLowerCase())
    : withPlainScheme(pattern);
  return [...new Set([pattern, plain].map(percentDecoded))];
}

/** As the WHATWG parser writes it, which most servers use: case of scheme and host, default port, `.` and `..`. */
function parsed(uri: string): string | null {
  try {
    return new URL(uri).href;
  } catch {
    return null;
  }
}

function withPlainScheme(uri: string): string {
  return uri.replace(/^[A-Za-z][A-Za-z0-9+.-]*:/, (scheme) => scheme.toLowerCase());
}

/**
 * What a server makes of it that joins paths: backslashes are slashes, repeated slashes one, and `.` and `..` are
 * resolved, also behind a `?`, which means nothing to a file system.
 */
function resolved(uri: string): string {
  const [head] = /^(?:[A-Za-z][A-Za-z0-9+.-]*:)?(?:[/\\]{2}[^/\\?#]*)?/.exec(uri) ?? [''];
  const kept: string[] = [];
  const rest = uri.slice(head.length).replaceAll('\\', '/');
  for (const segment of rest.split('/')) {
    // Controls are dropped by some parsers, so they must not hide a `..`.
    const name = segment.replace(/[\0-\x20]+/g, '');
    if (name === '..') kept.pop();
    else if (name !== '.' && segment !== '') kept.push(segment);
  }
  const path = kept.join('/');
  const closing = path !== '' && rest.endsWith('/') ? '/' : '';
  return `${head.replaceAll('\\', '/')}${rest.startsWith('/') ? '/' : ''}${path}${closing}`;
}

function bareForm(uri: string): string {
  return uri.replace(/[?#].*$/s, '').replace(/^([A-Za-z][A-Za-z0-9+.-]*:\/\/)[^/@]*@/, '$1');
}

function looseForms(uri: string): string[] {
  const open = uri.replace(/(?<=[^/])\/+$/, '');
  const plain = withoutDisguise(open);
  // A disguised `?` ends the path too, and a disguised slash beside another is one with it.
  const plains = plain === open ? [plain] : [plain, resolved(plain), resolved(bareForm(plain))];
  const forms = [open, foldedUri(uri), foldedUri(open), ...plains.map((form) => foldedUri(trimmed(form)))];
  return forms.filter((form) => form !== uri);
}

/** Hosts have no case (RFC 3986, 6.2.2.1), also where a browser's parser keeps it. */
function withPlainHost(uri: string): string {
  return uri.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/, (head) => head.toLowerCase());
}

/** As Windows and DNS read it: without dots and blanks at the end of names, and for files without `:streams`. */
function trimmed(uri: string): string {
  const head = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[/\\]*[A-Za-z]:)?/.exec(uri)?.[0] ?? '';
  const rest = uri.slice(head.length);
  const names = /^file:/i.test(uri) ? rest.replace(/:[^/\\?#]*/g, '') : rest;
  return head + names.replace(/(?<=[^/\\. ])[. ]+(?=[/\\?#]|$)/g, '');
}

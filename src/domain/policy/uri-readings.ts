import { percentDecoded } from '../../text/percent.ts';

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
  /** Without a closing slash, and for files without case: only a key that denies such a form by itself counts. */
  readonly loose: readonly string[];
}

/**
 * URIs that every reader takes alike; most are such, and lists have thousands. Hosts of http and the like may be numbers
 * in disguise, so theirs are not.
 */
const PLAIN = /^(?:file:\/\/|(?!https?:|wss?:|ftp:|file:)[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+)(?:\/[\w~-][\w.~-]*)+$/;

/** Null when the URI is too long or encoded too often to be judged. Linear in the URI's length. */
export function uriReadings(uri: string): UriReadings | null {
  if (uri.length > LONGEST_JUDGED_URI) return null;
  if (PLAIN.test(uri)) {
    return { strict: [uri], bare: [], loose: uri.startsWith('file:') ? [uri.toLowerCase()] : [] };
  }
  const strict = new Set<string>();
  for (const start of [uri, parsed(uri) ?? withPlainScheme(uri)]) {
    let text = percentDecoded(start);
    for (let times = 1; ; times += 1) {
      strict.add(text);
      strict.add(resolved(text));
      const decoded = percentDecoded(text);
      if (decoded === text) break;
      if (times === MOST_DECODINGS) return null;
      text = decoded;
    }
  }
  const bare = new Set([...strict].map(bareForm).filter((form) => !strict.has(form)));
  return { strict: [...strict], bare: [...bare], loose: [...new Set([...strict, ...bare].flatMap(looseForms))] };
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
  const forms = /^file:/i.test(uri) ? [uri.toLowerCase(), open.toLowerCase()] : [];
  return open === uri ? forms : [open, ...forms];
}

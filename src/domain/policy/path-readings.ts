/** A path as one kind of reader takes it: where it begins, and its names without `.` and `..`. */
export interface PathReading {
  readonly anchor: PathAnchor;
  readonly names: readonly string[];
  /** Read as Windows does: names in any case, without dots and blanks at their end. */
  readonly windows: boolean;
}

export type PathAnchor =
  | { readonly kind: 'posix' }
  /** `c:` in lower case, or `//host/share` in lower case. */
  | { readonly kind: 'windows'; readonly volume: string }
  /** Two slashes at the beginning: the root to most, a host and its share (the first two names) to Windows. */
  | { readonly kind: 'twofold'; readonly volume: string | null }
  /** A relative path, `~`, a drive without a slash, or another scheme than `file`: nobody here knows where it begins. */
  | { readonly kind: 'unknown' };

/** Longest path that is read, in UTF-16 units. Linux refuses longer ones. */
const LONGEST_PATH = 4_096;
/** How often a path may be percent-encoded over and over. */
const MOST_DECODINGS = 4;

/**
 * Controls, invisible characters, line separators, what a decoder puts in place of what it cannot read, and fraction and
 * division slashes, which are slashes to some converters.
 */
const UNREADABLE =
  /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\u2800\ufffd\u2044\u2215\u2216\u29f5\u29f8\u29f9]/u;
/** Blanks of other kinds beside a dot or at either end of a name: some readers leave them out, and `..` is left. */
const ODD_BLANK = /(?<=^|[/\\.])(?! )\p{Zs}|(?! )\p{Zs}(?=$|[/\\.])/u;
/** What readers leave out that write paths in ASCII. */
const NOT_ASCII = /[^\0-\x7f]/g;
/** `..`, and names that lead nowhere. */
const CLIMBING = /(?<=^|[/\\]) *\.\. *(?=$|[/\\?#])/g;
const STAYING = /(?<=^|[/\\]) *(?:\. *)?(?=$|[/\\])/g;
/** What separates, climbs or begins; compared before and after compatibility forms (fullwidth dots) are resolved. */
const SPECIAL = /[./\\%:~?#*]/g;
const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]+):/;
const DRIVE = /^([A-Za-z]):/;
/** What Windows leaves out at the end of a name. */
const TRAILING = /[. ]+$/;
/** A name that Windows may have made up for a longer one, in any folder: `SSH~1`, `SECRET~1.TXT`. */
const SHORT_NAME = /^[^.~]{1,6}~\d{1,6}(?:\.[^.]{0,3})?$/;
/** Names that are no files on Windows, in whichever folder. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/**
 * All the ways in which a reader could take a path: percent-encoded (once, or over and over) or not, backslashes as
 * separators or not, with or without Java's path parameters (`..;v=1`), as Windows trims names or not, as a file URI. Null: there is a reader who would take it for
 * something that cannot be foreseen (controls, invisible characters, escapes that decoders read differently, names of
 * dots and blanks only, Windows' short names and devices). Symbolic links are not seen.
 */
export function pathReadings(path: string): readonly PathReading[] | null {
  const spellings = spellingsOf(path);
  if (spellings === null) return null;
  const readings: PathReading[] = [];
  for (const spelling of spellings) {
    const place = withoutScheme(spelling);
    if (place === null) return null;
    for (const [text, windows] of formsOf(place)) {
      const reading = readPath(text, windows);
      if (reading === null) return null;
      readings.push(reading);
    }
  }
  return readings;
}

/** The path as it is, and as it is after each decoding; null when it can be spelt in a way that nobody can read. */
function spellingsOf(path: string): Set<string> | null {
  const spellings = new Set<string>();
  let here: string | null = path;
  for (let decoded = 0; here !== null && !spellings.has(here); decoded++) {
    if (decoded > MOST_DECODINGS || !isReadable(here)) return null;
    spellings.add(here);
    here = decodedOnce(here);
  }
  return here === null ? null : spellings;
}

function isReadable(path: string): boolean {
  if (path === '' || path.length > LONGEST_PATH || !path.isWellFormed() || UNREADABLE.test(path)) return false;
  if (ODD_BLANK.test(path)) return false;
  const compatible = path.normalize('NFKC');
  return (compatible === path || specials(compatible) === specials(path)) && !climbsForSome(path);
}

/**
 * Whether `..` has an effect for some readers that it has not for others. To those that leave out what is not ASCII, or
 * accents alone, `.` with a letter between it and another `.` is `..`, and a name of such letters only is none, so that a
 * `..` after it leads further up. To those that take a path for a URL, `..?` and `..#` are `..`.
 */
function climbsForSome(path: string): boolean {
  if (/(?:^|[/\\])\.\.[?#]/.test(path)) return true;
  if (path.search(NOT_ASCII) < 0) return false;
  const climbs = countOf(path, CLIMBING);
  return [path, path.normalize('NFKD')].some((form) => {
    const kept = form.replace(NOT_ASCII, '');
    return countOf(kept, CLIMBING) !== climbs || (climbs > 0 && countOf(kept, STAYING) !== countOf(path, STAYING));
  });
}

function countOf(path: string, pattern: RegExp): number {
  return path.match(pattern)?.length ?? 0;
}

function specials(path: string): string {
  return (path.match(SPECIAL) ?? []).join('');
}

/** Null when an escape is malformed: decoders differ about those. */
function decodedOnce(path: string): string | null {
  if (!path.includes('%')) return path;
  if (/%u[0-9a-f]{4}/i.test(path)) return null;
  try {
    return path.replace(/(?:%[0-9a-f]{2})+/gi, (run) => decodeURIComponent(run));
  } catch {
    return null;
  }
}

/** A file URI's path; any other text as it is; null for file URIs whose end readers see differently. */
function withoutScheme(text: string): string | null {
  const scheme = SCHEME.exec(text)?.[1];
  if (scheme?.toLowerCase() !== 'file') return text;
  if (/[?#]/.test(text)) return null;
  const parts = /^(?:\/\/([^/\\]*))?([/\\].*)$/s.exec(text.slice(scheme.length + 1));
  if (parts === null) return null;
  const [, host = '', path = ''] = parts;
  if (host !== '' && host.toLowerCase() !== 'localhost') return `//${host}${path}`;
  const drive = /^\/+([A-Za-z])[:|]([/\\].*|)$/s.exec(path);
  return drive === null ? path.replace(/^\/+/, '/') : `${drive[1]}:${drive[2] || '/'}`;
}

/** How a path may be cut into names: as it is, with backslashes as slashes, and as Windows does. */
function formsOf(text: string): readonly (readonly [string, boolean])[] {
  const slashed = text.replaceAll('\\', '/');
  if (!text.includes(';')) return plainForms(text, slashed);
  return [...plainForms(text, slashed), [slashed.replace(/;[^/]*/g, ''), false]];
}

function plainForms(text: string, slashed: string): readonly (readonly [string, boolean])[] {
  // What begins as only Windows begins it means nothing else.
  if (/^(?:[A-Za-z]:[\\/]|\\\\)/.test(text)) return [[slashed, true]];
  return slashed === text
    ? [
        [text, false],
        [slashed, true],
      ]
    : [
        [text, false],
        [slashed, false],
        [slashed, true],
      ];
}

function readPath(text: string, windows: boolean): PathReading | null {
  const drive = windows ? DRIVE.exec(text)?.[1] : undefined;
  const rest = drive === undefined ? text : text.slice(2);
  const pieces = rest.split('/');
  const anchor = anchorOf(text, drive, pieces);
  // A URL's `..` takes away the empty name between two slashes; a file system has none.
  if (anchor === null || (pieces.includes('..') && pieces.slice(1, -1).includes(''))) return null;
  const names: string[] = [];
  for (const piece of pieces) {
    if (piece === '' || piece === '.') continue;
    if (piece === '..') {
      names.pop();
      continue;
    }
    const trimmed = piece.replace(TRAILING, '');
    if (trimmed === '') return null;
    if (!windows) names.push(piece);
    else {
      if (DEVICE.test(trimmed) && anchor.kind === 'windows') return null;
      // What follows a colon names a stream of the same file.
      const file = (trimmed.split(':')[0] ?? '').replace(TRAILING, '');
      if (file === '' || SHORT_NAME.test(file) || (anchor.kind === 'windows' && /~\d/.test(file))) return null;
      names.push(file);
    }
  }
  return { anchor, names, windows };
}

function anchorOf(text: string, drive: string | undefined, pieces: readonly string[]): PathAnchor | null {
  if (drive !== undefined) {
    return text[2] === '/' ? { kind: 'windows', volume: `${drive.toLowerCase()}:` } : { kind: 'unknown' };
  }
  if (text.startsWith('//')) {
    const [, , host = '', share = ''] = pieces;
    if (host === '?' || host === '.') return null;
    return { kind: 'twofold', volume: host === '' || share === '' ? null : `//${host}/${share}`.toLowerCase() };
  }
  return text.startsWith('/') ? { kind: 'posix' } : { kind: 'unknown' };
}

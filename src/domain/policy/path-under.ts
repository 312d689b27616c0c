import { type PathReading, pathReadings } from './path-readings.ts';

/** A place in a file system, with everything below it. */
export type Place =
  /** `/srv/data`. */
  | { readonly kind: 'posix'; readonly names: readonly string[] }
  /** `C:\data`, `\\host\share\data`. */
  | { readonly kind: 'windows'; readonly volume: string; readonly names: readonly string[] }
  /** `**` and names: wherever these names follow each other. Each may have one `*`, for any run of characters. */
  | { readonly kind: 'anywhere'; readonly names: readonly string[] };

/** Parses a place of a policy: an absolute path, a file URI, or `**` and names. Null when the text is none of them. */
export function parsePlace(text: string): Place | null {
  const anywhere = /^\*\*\/(.+)$/s.exec(text)?.[1]?.split('/');
  if (anywhere !== undefined) return anywhere.every(isNamePattern) ? { kind: 'anywhere', names: anywhere } : null;
  const [reading, ...others] = pathReadings(text) ?? [];
  // A place that could be read in two ways is a mistake of its author.
  if (reading === undefined || /[*?%]|(?:^|[\\/])\.{1,2}(?:[\\/]|$)/.test(text)) return null;
  if (others.some((other) => !sameNames(reading, other))) return null;
  const { anchor, names } = reading;
  if (anchor.kind === 'posix') return { kind: 'posix', names };
  if (anchor.kind === 'windows') return { kind: 'windows', volume: anchor.volume, names };
  if (anchor.kind !== 'twofold' || anchor.volume === null || !/^(?:\\\\|file:)/i.test(text)) return null;
  return { kind: 'windows', volume: anchor.volume, names: names.slice(2) };
}

function isNamePattern(name: string): boolean {
  return name !== '' && !/^\.{1,2}$|[\\%?:]|\*.*\*|[. ]$/.test(name) && !/^\*$/.test(name);
}

function sameNames(a: PathReading, b: PathReading): boolean {
  return a.names.length === b.names.length && a.names.every((name, i) => name === b.names[i]);
}

/** Whether a path is one of the places or below one. `unclear`: two readers of the path could disagree about it. */
export function isUnder(path: string, places: readonly Place[]): 'yes' | 'no' | 'unclear' {
  const readings = pathReadings(path);
  if (readings === null) return 'unclear';
  const answers = new Set(readings.map((reading) => underAny(reading, places)));
  const [only, second] = answers;
  return only === undefined || second !== undefined ? 'unclear' : only;
}

type Answer = 'yes' | 'no' | 'unclear';

function underAny(reading: PathReading, places: readonly Place[]): Answer {
  const isPosix = reading.anchor.kind === 'posix' || reading.anchor.kind === 'twofold';
  // In a list for both systems, a path is compared with the places of the system that it is written for.
  const hasPosix = places.some(({ kind }) => kind === 'posix');
  let answer: Answer = 'no';
  for (const place of places) {
    if (place.kind === 'windows' && reading.anchor.kind === 'posix' && hasPosix) continue;
    if (place.kind === 'posix' && !isPosix && reading.anchor.kind === 'windows' && places.some(isWindows)) continue;
    const one = under(reading, place);
    if (one === 'yes') return one;
    if (one === 'unclear') answer = one;
  }
  return answer;
}

function isWindows({ kind }: Place): boolean {
  return kind === 'windows';
}

function under(reading: PathReading, place: Place): Answer {
  const { anchor, names } = reading;
  switch (place.kind) {
    case 'anywhere':
      return somewhere(reading, place.names);
    case 'posix':
      if (anchor.kind !== 'posix' && anchor.kind !== 'twofold') return 'unclear';
      return begins(names, place.names, false);
    case 'windows':
      if (anchor.kind === 'windows') return anchor.volume === place.volume ? begins(names, place.names, true) : 'no';
      if (anchor.kind !== 'twofold' || anchor.volume === null) return 'unclear';
      return anchor.volume === place.volume ? begins(names.slice(2), place.names, true) : 'no';
    default:
      return place satisfies never;
  }
}

function begins(names: readonly string[], place: readonly string[], foldsCase: boolean): Answer {
  if (names.length < place.length) return 'no';
  return all(place.map((name, i) => same(names[i]!, name, foldsCase)));
}

/** Whether the names follow each other anywhere in the path. */
function somewhere({ names, windows }: PathReading, wanted: readonly string[]): Answer {
  let answer: Answer = 'no';
  for (let from = 0; from + wanted.length <= names.length; from++) {
    const one = all(wanted.map((name, i) => same(names[from + i]!, name, windows)));
    if (one === 'yes') return one;
    if (one === 'unclear') answer = one;
  }
  return answer;
}

function all(answers: readonly Answer[]): Answer {
  if (answers.includes('no')) return 'no';
  return answers.includes('unclear') ? 'unclear' : 'yes';
}

/** File systems differ about case and about Unicode's forms, so names that are the same to some only are unclear. */
function same(name: string, wanted: string, foldsCase: boolean): Answer {
  if (fits(name, wanted)) return 'yes';
  if (!fits(folded(name), folded(wanted))) return 'no';
  return foldsCase ? 'yes' : 'unclear';
}

function fits(name: string, pattern: string): boolean {
  const star = pattern.indexOf('*');
  if (star < 0) return name === pattern;
  const [before, after] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return name.length >= before.length + after.length && name.startsWith(before) && name.endsWith(after);
}

function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase();
}

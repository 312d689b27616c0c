/** What a name may have in Holdfast: it is part of a URL, and of a file's name. */
const LONGEST = 64;

/**
 * The name under which Holdfast has a server, made from the client's: letters, digits, `_` and `-`. One that is taken gets a
 * number, also where only the case differs, because policies are files.
 */
export function serverNameFor(name: string, taken: Iterable<string>): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9_-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-+$/g, '')
    .slice(0, LONGEST);
  return numbered(plain === '' ? 'server' : plain, taken, '-', LONGEST);
}

/**
 * The variable of a server's secret: `SERVER_GITHUB_TOKEN`. The first word keeps it apart from Holdfast's own variables,
 * whatever server and secret are called.
 */
export function secretVariableFor(server: string, secret: string, taken: Iterable<string>): string {
  const words = `SERVER_${server}_${secret}`
    .toUpperCase()
    .replace(/[^A-Z0-9]+/g, '_')
    .replace(/_+$/, '');
  return numbered(words.slice(0, LONGEST_VARIABLE), taken, '_', LONGEST_VARIABLE);
}

const LONGEST_VARIABLE = 120;

function numbered(name: string, taken: Iterable<string>, between: string, longest: number): string {
  const known = new Set([...taken].map((each) => each.toLowerCase()));
  for (let number = 1; ; number++) {
    const tail = number === 1 ? '' : `${between}${number}`;
    const tried = `${name.slice(0, longest - tail.length)}${tail}`;
    if (!known.has(tried.toLowerCase())) return tried;
  }
}

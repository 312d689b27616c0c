import type { MiddlewareHandler } from 'hono';

/** Characters of one part of a path. Ids and names are far shorter. */
const LONGEST_PART = 256;
/** Characters of one value of a query. */
const LONGEST_VALUE = 4_096;

/**
 * Refuses with 400, before anybody looks anything up, an address that names nothing: bytes that are not UTF-8, a NUL, or a
 * part that is longer than any id. A database would refuse them too, and whoever asked would be told of an outage.
 */
export const readableUrl: MiddlewareHandler = async (c, next) => {
  const why = whyUnreadable(c.req.url);
  return why === null ? next() : c.json({ error: 'bad_request', reason: why }, 400);
};

/** What is wrong with an address, in words; null: nothing. */
export function whyUnreadable(url: string): string | null {
  const end = url.indexOf('#') < 0 ? url.length : url.indexOf('#');
  const query = url.indexOf('?') < 0 ? end : Math.min(url.indexOf('?'), end);
  for (const part of url.slice(0, query).split('/').slice(3)) {
    const why = fault(part, LONGEST_PART);
    if (why !== null) return `A part of the path ${why}.`;
  }
  for (const pair of url.slice(query + 1, end).split('&')) {
    const [name = '', ...rest] = pair.split('=');
    const why =
      fault(name.replaceAll('+', ' '), LONGEST_PART) ?? fault(rest.join('=').replaceAll('+', ' '), LONGEST_VALUE);
    if (why !== null) return `A value of the query ${why}.`;
  }
  return null;
}

function fault(text: string, longest: number): string | null {
  let read: string;
  try {
    read = decodeURIComponent(text);
  } catch {
    return 'has percent signs that encode no UTF-8 text; a percent sign itself is written %25';
  }
  if (read.includes('\0')) return 'holds a NUL byte (%00); leave it out';
  if (read.length > longest) return `has ${read.length} characters; at most ${longest} are accepted`;
  return null;
}

import { parseDuration } from '../../config/document/duration.ts';
import { Misuse } from '../parse/misuse.ts';

/** What `--since 5m` and `--since 2026-11-22T10:00` mean, as the API takes it. `now`: ms since the epoch. */
export function instantIn(option: string, text: string, now: number): string {
  const ago = parseDuration(text.replace(/ ago$/, ''));
  if (ago !== null && ago <= now) return new Date(now - ago).toISOString();
  // A point in time without a zone is UTC, as everywhere in the log.
  const isInstant = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/i.test(text);
  const at = text.replace(' ', 'T');
  const zoned = /(?:Z|[+-]\d\d:\d\d)$/i.test(at.slice(10)) ? at : `${at}${at.length === 10 ? 'T00:00' : ''}Z`;
  if (isInstant && !Number.isNaN(Date.parse(zoned))) return new Date(zoned).toISOString();
  throw new Misuse(`--${option} is a time ago such as 5m, 2h or 3d, or a time such as 2026-11-22T10:00 (UTC)`);
}

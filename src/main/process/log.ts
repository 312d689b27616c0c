import { pino } from 'pino';
import type { Log } from '../../ports.ts';
import { scrub } from './scrub.ts';

/** JSON lines on stderr; stdout belongs to the command. No secret is in them, however deep it stood. */
export function processLog(
  level = process.env.HOLDFAST_LOG ?? 'info',
  destination = pino.destination({ fd: 2, sync: true }),
): Log {
  return pino({ level, formatters: { log: scrub } }, destination);
}

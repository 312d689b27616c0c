import { pino } from 'pino';
import type { Log } from '../../ports.ts';
import { scrub } from './scrub.ts';

/** Logs JSON lines to stderr; stdout belongs to the command. Secrets are removed at any depth. */
export function processLog(
  level = process.env.HOLDFAST_LOG ?? 'info',
  destination = pino.destination({ fd: 2, sync: true }),
): Log {
  return pino({ level, formatters: { log: scrub } }, destination);
}

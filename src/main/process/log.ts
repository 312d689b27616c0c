import { pino } from 'pino';
import type { Log } from '../../ports.ts';
import { lineMadeVisible } from '../../text/visible.ts';
import { scrub } from './scrub.ts';

/**
 * Logs JSON lines to stderr; stdout belongs to the command. Secrets are removed at any depth, and what servers, agents
 * and errors say is escaped as JSON escapes it, so that a terminal shows it and does not obey it.
 */
export function processLog(
  level = process.env.HOLDFAST_LOG ?? 'info',
  destination: pino.DestinationStream = pino.destination({ fd: 2, sync: true }),
): Log {
  return pino(
    { level, formatters: { log: scrub } },
    { write: (line) => void destination.write(lineMadeVisible(line)) },
  );
}

import { pino } from 'pino';
import type { Log } from '../ports.ts';

/** Members whose values never reach a log line, wherever they stand. */
const SECRET = ['token', 'secret', 'authorization', 'password', 'arguments', 'headers', 'url'];

/** JSON lines on stderr; stdout belongs to the command. */
export function processLog(level = process.env.HOLDFAST_LOG ?? 'info'): Log {
  const paths = SECRET.flatMap((name) => [name, `*.${name}`]);
  return pino({ level, redact: { paths, censor: '[redacted]' } }, pino.destination({ fd: 2, sync: true }));
}

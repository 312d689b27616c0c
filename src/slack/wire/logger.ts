import { type Logger, LogLevel } from '@slack/bolt';
import type { Log } from '../../ports.ts';

/**
 * Passes what Slack's libraries log to our log: warnings and errors only, and only their text. At finer levels the
 * libraries log whole requests, tokens included.
 */
export function slackLogger(log: Log): Logger {
  return {
    debug() {},
    info() {},
    warn: (...words: unknown[]) => log.warn({ from: 'slack library' }, text(words)),
    error: (...words: unknown[]) => log.error({ from: 'slack library' }, text(words)),
    setLevel() {},
    getLevel: () => LogLevel.WARN,
    setName() {},
  };
}

function text(words: readonly unknown[]): string {
  return words
    .map((word) => (word instanceof Error ? word.message : typeof word === 'string' ? word : ''))
    .join(' ')
    .trim();
}

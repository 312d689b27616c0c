import { type Logger, LogLevel } from '@slack/bolt';
import type { Log } from '../../ports.ts';

/**
 * Slack's libraries into our log: warnings and errors only, and of those only the text. At finer levels they write
 * whole requests, tokens among them.
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

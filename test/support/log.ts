import type { Log } from '../../src/ports.ts';

export const quiet: Log = { info() {}, warn() {}, error() {} };

export interface WrittenLog {
  readonly log: Log;
  readonly lines: string[];
}

/** A log that keeps its lines for tests to read. */
export function writtenLog(): WrittenLog {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (fields: object, message: string): void =>
      void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, log: { info: write('info'), warn: write('warn'), error: write('error') } };
}

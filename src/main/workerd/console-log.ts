import type { Log } from '../../ports.ts';
import { visible } from '../../text/visible.ts';

/** Logs JSON lines through `console`, where there is no file descriptor. Of an error only the message is logged. */
export function consoleLog(): Log {
  const line = (level: string) => (fields: object, message: string) =>
    console.log(visible(JSON.stringify({ level, time: Date.now(), ...plain(fields), msg: message })));
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

function plain(fields: object): object {
  const entries = Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : value]);
  return Object.fromEntries(entries);
}

import type { Log } from '../../ports.ts';

/** JSON lines through `console`, where there is no file descriptor to write to. Errors are told by their words only. */
export function consoleLog(): Log {
  const line = (level: string) => (fields: object, message: string) =>
    console.log(JSON.stringify({ level, time: Date.now(), ...plain(fields), msg: message }));
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

function plain(fields: object): object {
  const told = Object.entries(fields).map(([name, value]) => [name, value instanceof Error ? value.message : value]);
  return Object.fromEntries(told);
}

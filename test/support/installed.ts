import { accessSync, constants, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { available } from './store/servers.ts';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** The path of a Chromium on this machine, or null. */
export function chromium(): string | null {
  const places = (process.env.PATH ?? '').split(delimiter);
  return places.flatMap((place) => BROWSERS.map((name) => join(place, name))).find(isProgram) ?? null;
}

/** What the full run needs and this machine lacks, by its common names. */
export function notInstalled(): string[] {
  const { redis, postgres, pgbouncer } = available();
  return [
    ...(redis ? [] : ['Redis']),
    ...(postgres ? [] : ['Postgres']),
    ...(pgbouncer ? [] : ['pgbouncer']),
    ...(chromium() ? [] : ['Chromium']),
    ...(isProgram('/usr/bin/bwrap') ? [] : ['bubblewrap']),
    ...(isProgram('/usr/bin/python3') ? [] : ['Python']),
    ...(fakeTime() ? [] : ['faketime']),
    ...(['/usr/sbin/ip', '/usr/bin/ip', '/sbin/ip'].some(isProgram) ? [] : ['iproute2']),
  ];
}

/** Debian's library that gives a process another clock; null: it is not installed. */
export function fakeTime(): string | null {
  return globSync('/usr/lib/*/faketime/libfaketime.so.1')[0] ?? null;
}

/** Whether servers can be given users and sandboxes here. */
export function canConfine(): boolean {
  return process.getuid?.() === 0 && isProgram('/usr/bin/bwrap') && isProgram('/usr/bin/python3');
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

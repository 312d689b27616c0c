import { createHash } from 'node:crypto';
import { resolve } from 'node:path';

/**
 * Names the database as the settings do, without its user and password: host, port and database, or the data directory.
 * What is at that place may change, the name does not. 32 hex digits.
 */
export function databasePlace(databaseUrl: string | null, data: string): string {
  const url = databaseUrl === null ? null : URL.parse(databaseUrl);
  const name = url === null ? `directory ${resolve(data)}` : `${url.hostname}:${url.port || '5432'}${url.pathname}`;
  return createHash('sha256').update(name).digest('hex').slice(0, 32);
}

import { explainUnreachable } from '../main/process/out-of-reach.ts';
import type { Terminal } from '../main/process/terminal.ts';
import { terminalSecret } from '../main/process/terminal-secret.ts';
import { openQueueSchema } from '../queue/sql-schema.ts';
import { migrateDatabase } from '../sql/connection/postgres.ts';
import { postgresPool, termsOf } from '../sql/connection/postgres-pool.ts';
import { joined, printed, printedJson } from '../text/printed.ts';
import { Misuse } from './parse/misuse.ts';

/**
 * `migrate`: brings the schema in Postgres up to date, and that of the queue where it is in SQL too. For databases in which
 * the gateway's own user may not: `DATABASE_URL` names the owner here, and the other user at the start.
 */
export async function migrateCommand({ json }: { readonly json: boolean }, terminal: Terminal): Promise<number> {
  const url = terminalSecret(terminal, 'DATABASE_DIRECT_URL') ?? terminalSecret(terminal, 'DATABASE_URL');
  if (url === null) {
    throw new Misuse('DATABASE_URL is not set. The embedded database is brought up to date by each start.');
  }
  const inSql = terminalSecret(terminal, 'REDIS_URL') === null;
  try {
    const made = await migrateDatabase(url);
    if (inSql) await migrateQueue(url);
    if (json) {
      terminal.out(printed`${printedJson({ made })}\n`);
      return 0;
    }
    terminal.out(made.length === 0 ? printed`The schema is up to date.\n` : printed`Applied: ${joined(made, ', ')}.\n`);
  } catch (error) {
    throw explainUnreachable('The database', error);
  }
  terminal.out(printed`If the gateway has a user of its own, run deploy/sql/gateway-rights.sql now.\n`);
  return 0;
}

async function migrateQueue(url: string): Promise<void> {
  const settings = { url, name: 'holdfast migration', connections: 1, timed: false };
  const pool = postgresPool({ ...settings, terms: await termsOf(settings) });
  try {
    const client = await pool.connect();
    await openQueueSchema(client as never);
    client.release();
  } finally {
    await pool.end();
  }
}

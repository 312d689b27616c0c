import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, PostgresDialect } from 'kysely';
import type { Erasures, Ledger, Records, Seals } from '../../ports.ts';
import { DirectoryHeld, holdDirectory } from '../../sql/connection/directory-lock.ts';
import { postgresPool, termsOf } from '../../sql/connection/postgres-pool.ts';
import { sqlErasures } from '../../sql/erasures.ts';
import { sqlLedger } from '../../sql/ledger.ts';
import { sqlRecords } from '../../sql/records.ts';
import type { Tables } from '../../sql/table/tables.ts';
import { Misuse } from '../parse/misuse.ts';

/** A log that is open for reading. */
export interface OpenLedger {
  readonly ledger: Ledger;
  readonly records: Records;
  /** What is kept of the keys of what can be erased, as far as these seals believe it. */
  erasures(seals: Seals): Pick<Erasures, 'keys'>;
  close(): Promise<void>;
}

/** Whether there is a log to be opened. */
export function hasLedger(data: string, url: string | null): boolean {
  return url !== null || existsSync(join(data, 'sql'));
}

/**
 * Opens the log as it stands: nothing is migrated, nothing is written. `url`: Postgres; else it is in `data`. `instead`: the command
 * that does the same while a gateway runs there.
 */
export async function openLedger(data: string, url: string | null, instead: string): Promise<OpenLedger> {
  return url ? openPostgresLedger(url) : openEmbeddedLedger(data, instead);
}

async function openPostgresLedger(url: string): Promise<OpenLedger> {
  const settings = { url, name: 'holdfast audit verify', connections: 3, timed: false };
  const pool = postgresPool({ ...settings, terms: await termsOf(settings) });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  return { ...readersOf(db), close: () => db.destroy() };
}

async function openEmbeddedLedger(data: string, instead: string): Promise<OpenLedger> {
  const directory = join(data, 'sql');
  if (!existsSync(directory)) {
    throw new Misuse(`There is no log in ${data}. Set DATABASE_URL, or give --data or --export.`);
  }
  const release = await holdDirectory(data).catch((error: unknown) => {
    if (!(error instanceof DirectoryHeld)) throw error;
    throw new Error(`${data} is in use by a running gateway. Take an export of it instead:\n  ${instead}`);
  });
  const pglite = await PGlite.create({ dataDir: directory });
  const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
  return {
    ...readersOf(db),
    close: async () => {
      await pglite.close();
      await release();
    },
  };
}

function readersOf(db: Kysely<Tables>): Omit<OpenLedger, 'close'> {
  return {
    ledger: sqlLedger(db, null),
    records: sqlRecords(db, null),
    erasures: (seals) => sqlErasures(db, seals),
  };
}

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { holdDirectory } from './directory.ts';
import { migrate } from './migrations.ts';
import type { Tables } from './schema.ts';
import type { Connection } from './store.ts';

/** The embedded database, for this process alone. */
export interface Embedded extends Connection {
  /** For the queue's tables beside ours, through a pool of its own. */
  readonly pglite: PGlite;
}

/** PGlite in `directory`. Throws `DirectoryHeld` when another process has it. */
export async function openPglite(directory: string): Promise<Embedded> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const release = await holdDirectory(directory);
  try {
    const pglite = await PGlite.create({ dataDir: join(directory, 'sql') });
    const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
    await migrate(db);
    // The directory is ours alone: whoever held callers before is dead, however lately it was heard of.
    await sql`delete from holdfast.replicas`.execute(db);
    const close = async (): Promise<void> => {
      await pglite.close();
      await release();
    };
    return { db, pglite, close };
  } catch (error) {
    await release();
    throw error;
  }
}

import { mkdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { Kysely, PGliteDialect, sql } from 'kysely';
import { migrate } from '../migrations/migrate.ts';
import type { SqlConnection } from '../store.ts';
import type { Tables } from '../table/tables.ts';
import { holdDirectory } from './directory.ts';
import { watchDeath } from './pglite-death.ts';

/** The embedded database, for this process alone. */
export interface Embedded extends SqlConnection {
  /** For the queue's tables beside ours, through a pool of its own. */
  readonly pglite: PGlite;
}

/** Bytes that must find room on the disk for the store to count as there. */
const ROOM = Buffer.alloc(1024 * 1024);

/**
 * PGlite in `directory`. Throws `DirectoryHeld` when another process has it. `died`: the database ended itself, which
 * it does when its log cannot be written. From then on every statement throws; what was durable is there when it is
 * opened again.
 */
export async function openPglite(directory: string, died: (why: Error) => void = () => {}): Promise<Embedded> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const release = await holdDirectory(directory);
  try {
    const pglite = await created(join(directory, 'sql'));
    watchDeath(pglite, died);
    const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite }) });
    await migrate(db);
    // The directory is ours alone: whoever held callers before is dead, however lately it was heard of.
    await sql`delete from holdfast.replicas`.execute(db);
    const close = async (): Promise<void> => {
      await pglite.close();
      await release();
    };
    return { db, pglite, close, room: () => room(join(directory, 'room')) };
  } catch (error) {
    await release();
    throw error;
  }
}

async function created(dataDir: string): Promise<PGlite> {
  return PGlite.create({ dataDir }).catch((error: Error) => {
    throw new Error(`The embedded database in ${dataDir} does not start (${error.message}). Is its disk full?`, {
      cause: error,
    });
  });
}

/** Rejects when the disk takes no more: a database can go on reading, and writing to what it has, for long after that. */
async function room(path: string): Promise<void> {
  try {
    await writeFile(path, ROOM, { mode: 0o600 });
  } finally {
    await rm(path, { force: true });
  }
}

import { mkdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Kysely, type PGlite, PGliteDialect, sql } from 'kysely';
import { isMigrated, migrate } from '../migrations/migrate.ts';
import type { Tables } from '../table/tables.ts';
import { collectGarbage } from './collect-garbage.ts';
import type { SqlConnection } from './connection.ts';
import { holdDirectory } from './directory-lock.ts';
import type { EmbeddedDatabase } from './embedded-database.ts';
import { inTheWay, makeEmbedded } from './make-embedded.ts';
import { PgliteThread } from './pglite-thread.ts';

/** The embedded database, for this process alone. */
export interface Embedded extends SqlConnection {
  /** For the queue's tables beside ours, through a pool of its own. */
  readonly pglite: EmbeddedDatabase;
  /** For the end of a start: gives memory back that it has left, of this thread and of the database's. */
  giveBack(): Promise<void>;
}

/** What the disk must have room for: 1 MiB. */
const DISK_PROBE = Buffer.alloc(1024 * 1024);

/**
 * PGlite in `directory`. Throws `DirectoryHeld` when another process has it. `died` is called when the database ends
 * itself, which it does when its log cannot be written. From then on every statement throws; what was durable is there
 * when it is opened again.
 */
export async function openPglite(directory: string, died: (why: Error) => void = () => {}): Promise<Embedded> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const release = await holdDirectory(directory);
  try {
    const dataDir = join(directory, 'sql');
    const obstacle = inTheWay(dataDir);
    if (obstacle !== null) throw new Error(obstacle);
    await makeEmbedded(dataDir).catch(notStarted(dataDir));
    const pglite = await start(dataDir, died);
    const db = new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: pglite as unknown as PGlite }) });
    // Most starts find nothing to do, and looking at every table first takes the longest part of one.
    if (!(await isMigrated(db))) await migrate(db);
    // The directory is ours alone, so whatever replica held callers is dead, however recent its last sign of life.
    await sql`delete from holdfast.replicas`.execute(db);
    const close = async (): Promise<void> => {
      await pglite.close();
      await release();
    };
    const giveBack = async (): Promise<void> => {
      await pglite.collect();
      collectGarbage();
    };
    return { db, pglite, close, giveBack, checkDisk: () => checkDisk(join(directory, 'room')) };
  } catch (error) {
    await release();
    throw error;
  }
}

async function start(dataDir: string, died: (why: Error) => void): Promise<PgliteThread> {
  const pglite = new PgliteThread(dataDir, died);
  await pglite.waitReady.catch(notStarted(dataDir));
  return pglite;
}

function notStarted(dataDir: string): (error: Error) => never {
  return (error) => {
    throw new Error(`The embedded database in ${dataDir} does not start (${error.message}). Is its disk full?`, {
      cause: error,
    });
  };
}

/** Rejects when the disk is full: long after that a database can still read, and write to the space that it has. */
async function checkDisk(path: string): Promise<void> {
  try {
    await writeFile(path, DISK_PROBE, { mode: 0o600 });
  } finally {
    await rm(path, { force: true });
  }
}

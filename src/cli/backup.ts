import { cp, lstat, mkdir, rm, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { loadConfig } from '../config/load.ts';
import { fromDisk } from '../main/process/from-disk.ts';
import { secretsOnDisk } from '../main/process/secret-file.ts';
import type { Terminal } from '../main/process/terminal.ts';
import { DirectoryHeld, holdDirectory } from '../sql/connection/directory-lock.ts';
import { printed, printedJson } from '../text/printed.ts';
import { faultLines } from './fault-lines.ts';

interface BackupOptions {
  readonly target: string;
  readonly config?: string;
  readonly data?: string;
  readonly json: boolean;
}

/**
 * `backup`: copies the data directory of embedded mode while nobody uses it, and opens the copy to check that it is
 * complete. The copy is a data directory: to restore it, start from it. Refuses, and copies nothing, when a gateway
 * runs on the directory, when the target exists, or when the database is Postgres.
 */
export async function backupCommand({ target, json, ...flags }: BackupOptions, terminal: Terminal): Promise<number> {
  const loaded = await loadConfig({
    env: terminal.env,
    flags,
    readFile: fromDisk,
    readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
  });
  if (!loaded.ok) {
    terminal.err(faultLines(loaded.faults));
    return 1;
  }
  if (loaded.settings.store === 'postgres') {
    throw new Error(
      'DATABASE_URL is set, so everything is in Postgres: pg_dump --schema=holdfast backs it up while it runs.',
    );
  }
  const copied = await backup(resolve(loaded.settings.data), resolve(target));
  if (json) {
    terminal.out(printed`${printedJson({ target, ...copied })}\n`);
    return 0;
  }
  terminal.out(printed`Copied ${copied.approvals} approvals and ${copied.events} events to ${target}.\n`);
  terminal.out(printed`To continue from it: holdfast start --data ${target}\n`);
  if (loaded.secrets.secrets.length > 0) {
    terminal.out(
      printed`The copy does not contain HOLDFAST_SECRET. Keep it elsewhere: without it, nothing encrypted in the copy can be read.\n`,
    );
  }
  return 0;
}

/** What a copy holds. */
interface BackupContents {
  readonly approvals: number;
  readonly events: number;
}

/** Throws, with a message for the user, when it cannot be done; `to` does not exist then. */
async function backup(from: string, to: string): Promise<BackupContents> {
  if (to === from || to.startsWith(from + sep)) throw new Error(`${to} is inside the folder to copy.`);
  if ((await stat(join(from, 'sql')).catch(() => null)) === null) throw new Error(`There is no database in ${from}.`);
  const release = await holdDirectory(from).catch((error: unknown) => {
    if (!(error instanceof DirectoryHeld)) throw error;
    throw new Error(`${from} is in use. Stop Holdfast first: a copy of a running database cannot be restored.`);
  });
  try {
    // Fails when it exists: a backup never overwrites another.
    await mkdir(to, { mode: 0o700 });
    try {
      // The lock is a socket, which means nothing in a copy.
      await cp(from, to, { recursive: true, filter: async (path) => !(await lstat(path)).isSocket() });
      return await countIn(join(to, 'sql'));
    } catch (error) {
      await rm(to, { recursive: true, force: true });
      throw error;
    }
  } finally {
    await release();
  }
}

async function countIn(sql: string): Promise<BackupContents> {
  const pglite = await PGlite.create({ dataDir: sql });
  try {
    const count = async (table: string): Promise<number> => {
      const found = await pglite.query<{ count: number }>(`select count(*)::int as count from holdfast.${table}`);
      return found.rows[0]?.count ?? 0;
    };
    return { approvals: await count('approvals'), events: await count('events') };
  } finally {
    await pglite.close();
  }
}

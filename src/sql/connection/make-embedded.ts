import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { collectGarbage } from './collect-garbage.ts';
import { PGLITE_WORKER } from './pglite-thread.ts';

/** What begins the name of a folder in which a database is being made. */
const MAKING = '.making-';
/** Characters of what the process says that are told. */
const MOST_SAID = 2_000;

/**
 * Makes an empty database in `dataDir`, unless there is one. That takes half a gigabyte for some seconds, of which a
 * process that lives on would keep a sixth, so a process of its own does it. Whoever ends meanwhile, the folder is there
 * whole, or not at all (what a power cut leaves is the file system's to say):
 *
 * | ends early | what is left | the next start |
 * |---|---|---|
 * | the process that makes it | a folder beside `dataDir` | removes that, and begins anew |
 * | the gateway | the same, and the process until it notices, within seconds | begins anew, in a folder of its own; what the process leaves, a later start removes |
 * | either, after the folder has its name | the database | finds it |
 *
 * Where `dataDir` is a mount point, which cannot be renamed to, the database is made in its place.
 * Whoever calls this holds the directory's lock.
 */
export async function makeEmbedded(dataDir: string): Promise<void> {
  const [folder, prefix] = [dirname(dataDir), `${basename(dataDir)}${MAKING}`];
  for (const name of await readdir(folder)) if (name.startsWith(prefix)) await remove(join(folder, name));
  if (existsSync(join(dataDir, 'PG_VERSION'))) return;
  const making = await mkdtemp(join(folder, prefix));
  // The two together should take little more than one alone did.
  collectGarbage();
  try {
    await makeIn(making);
    await rename(making, dataDir);
  } catch (error) {
    await remove(making);
    if ((error as NodeJS.ErrnoException).code !== 'EBUSY') throw error;
    await makeIn(dataDir);
  }
}

/** Why no database can be made in this folder, with what to do; null: nothing is in the way. */
export function inTheWay(dataDir: string): string | null {
  if (!existsSync(dataDir) || readdirSync(dataDir).length === 0 || existsSync(join(dataDir, 'PG_VERSION'))) return null;
  return `${dataDir} is not empty, and no database is in it. Move it away, or name another data directory (HOLDFAST_DATA).`;
}

/** A process that was orphaned may still write there: then it is left to a later start, and fails none. */
async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 }).catch(() => undefined);
}

/** Nothing of this process's environment is the other's business. It ends when its standard input does. */
async function makeIn(directory: string): Promise<void> {
  const child = spawn(process.execPath, [PGLITE_WORKER, directory], { env: {}, stdio: ['pipe', 'ignore', 'pipe'] });
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const [how, said] = await Promise.all([ended, text(child.stderr)]);
  if (how !== 0) throw new Error(`making it ended with ${how}: ${said.trim().slice(-MOST_SAID)}`);
}

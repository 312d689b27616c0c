import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
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
 * process that lives on would keep a sixth, so a process of its own does it. The folder is there whole, or not at all:
 *
 * | ends early | what is left | the next start |
 * |---|---|---|
 * | the process that makes it | a folder beside `dataDir` | removes that, and begins anew |
 * | the gateway | the same, and the process until it notices, within seconds | the same: the process has a folder of its own |
 * | either, after the folder has its name | the database | finds it |
 *
 * Whoever calls this holds the directory's lock.
 */
export async function makeEmbedded(dataDir: string): Promise<void> {
  if (existsSync(join(dataDir, 'PG_VERSION'))) return;
  const [folder, prefix] = [dirname(dataDir), `${basename(dataDir)}${MAKING}`];
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix)) await rm(join(folder, name), { recursive: true, force: true });
  }
  const making = await mkdtemp(join(folder, prefix));
  // The two together should take little more than one alone did.
  collectGarbage();
  try {
    await makeIn(making);
    await rename(making, dataDir);
  } catch (error) {
    await rm(making, { recursive: true, force: true });
    throw error;
  }
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

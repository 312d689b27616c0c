/**
 * Databases that are migrated and empty, made once for all runs of the tests: making one takes seconds of CPU, copying it
 * a fraction of one. One is embedded, which a gateway finds as after a start that was ended before its first row; another
 * is in a cluster of Postgres.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BUILT_PROGRAM, buildProgram, commandIn } from '../gateway/built.ts';
import { available, databaseOf, makeCluster, PREPARED_CLUSTER, PREPARED_DATABASE } from './servers.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
/** Set by the runner, for the processes of its tests. */
const PLACE = 'HOLDFAST_TEST_DATABASE';

/** Puts the prepared database into the data directory of a gateway, where the runner has made one. */
export function copyPrepared(directory: string): void {
  const prepared = process.env[PLACE];
  if (prepared === undefined) return;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  cpSync(prepared, join(directory, 'sql'), { recursive: true });
}

/**
 * The variables that tell the tests of them; makes in a process of its own what `cache` does not have. `built`: the
 * program too.
 */
export function prepare(cache: string, { built }: { readonly built: boolean }): Record<string, string> {
  const digest = digestOf(['src/sql/migrations', 'src/sql/connection', 'package-lock.json']);
  const program = built ? made(cache, 'program', digestOf(['src', 'package.json', 'package-lock.json'])) : null;
  return {
    [PLACE]: made(cache, 'sql', digest),
    ...(available().postgres ? { [PREPARED_CLUSTER]: made(cache, 'cluster', digest) } : {}),
    ...(program === null ? {} : { [BUILT_PROGRAM]: commandIn(program) }),
  };
}

function made(cache: string, what: 'sql' | 'cluster' | 'program', digest: string): string {
  const place = join(cache, `${what}-${digest}`);
  if (existsSync(place)) return place;
  mkdirSync(cache, { recursive: true });
  const making = mkdtempSync(join(cache, 'making-'));
  try {
    execFileSync(process.execPath, [import.meta.filename, what, making], { stdio: 'inherit' });
    if (!existsSync(place)) renameSync(join(making, what), place);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  return place;
}

/** Of all that decides what is made: of a new database the migrations, how one is opened, and the library's version. */
function digestOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) {
    const files = path.includes('.') ? [path] : globSync(`${path}/**/*.*`, { cwd: ROOT }).sort();
    for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(ROOT, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function makeEmbedded(directory: string): Promise<void> {
  const { openPglite } = await import('../../../src/sql/connection/pglite.ts');
  const { close } = await openPglite(directory);
  await close();
}

async function makeMigrated(directory: string): Promise<void> {
  const { migrateDatabase } = await import('../../../src/sql/connection/postgres.ts');
  const { query } = await import('./backing.ts');
  await makeCluster(join(directory, 'cluster'), async (url) => {
    await query(url, `create database ${PREPARED_DATABASE}`);
    await migrateDatabase(databaseOf(url, PREPARED_DATABASE));
  });
}

if (process.argv[1] === import.meta.filename) {
  const [, , what, directory] = process.argv;
  if (what === 'program') buildProgram(join(directory!, what));
  else await (what === 'sql' ? makeEmbedded(directory!) : makeMigrated(directory!));
  process.exit(0);
}

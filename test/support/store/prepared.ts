/**
 * An embedded database that is migrated and empty, made once for all runs of the tests: making one takes seconds of
 * CPU, copying it a fraction of one. The gateway finds it as after a start that was ended before its first row.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openPglite } from '../../../src/sql/connection/pglite.ts';

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

/** The variables that tell the tests of it; makes it in a process of its own unless `cache` has it. */
export function prepare(cache: string): Record<string, string> {
  const place = join(cache, `sql-${digestOf(['src/sql/migrations', 'src/sql/connection', 'package-lock.json'])}`);
  if (!existsSync(place)) {
    mkdirSync(cache, { recursive: true });
    const making = mkdtempSync(join(cache, 'making-'));
    try {
      execFileSync(process.execPath, [import.meta.filename, making], { stdio: 'inherit' });
      if (!existsSync(place)) renameSync(join(making, 'sql'), place);
    } finally {
      rmSync(making, { recursive: true, force: true });
    }
  }
  return { [PLACE]: place };
}

/** Of all that decides what a new database is: the migrations, how one is opened, and the library's version. */
function digestOf(paths: readonly string[]): string {
  const hash = createHash('sha256');
  for (const path of paths) {
    const files = path.includes('.') ? [path] : globSync(`${path}/**/*.ts`, { cwd: ROOT }).sort();
    for (const file of files) hash.update(`${file}\n`).update(readFileSync(join(ROOT, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

if (process.argv[1] === import.meta.filename) {
  const { close } = await openPglite(process.argv[2]!);
  await close();
  process.exit(0);
}

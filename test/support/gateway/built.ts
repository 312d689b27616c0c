/**
 * The program with its own thousand modules joined into a few, made once for all runs of the tests: loading them one by
 * one is a fifth of a start, and `npm test` starts a gateway more than a hundred times. Packages stay as they are.
 * `npm test -- --all`, and files that are asked for by name, start the sources as they stand.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = new URL('../../..', import.meta.url).pathname;
/** Set by the runner: what is started instead of `src/cli/cli.ts`. */
export const BUILT_PROGRAM = 'HOLDFAST_TEST_PROGRAM';
/** As deep as the modules that look for files beside them: the console's assets, and the thread of the database. */
const PLACE = 'src/main/built';

/** The path of the command line, from the root of the repository or absolute. */
export function programPath(): string {
  return process.env[BUILT_PROGRAM] ?? 'src/cli/cli.ts';
}

/** Where `buildProgram` puts the command line. */
export function commandIn(directory: string): string {
  return join(directory, PLACE, 'cli.js');
}

export function buildProgram(directory: string): void {
  mkdirSync(join(directory, PLACE), { recursive: true });
  const entries = ['cli=src/cli/cli.ts', 'pglite-worker=src/sql/connection/pglite-worker.ts'];
  const form = ['--bundle', '--splitting', '--format=esm', '--platform=node', '--target=node24', '--packages=external'];
  const words = [...entries, ...form, `--outdir=${join(directory, PLACE)}`, '--log-level=warning'];
  execFileSync(join(ROOT, 'node_modules/.bin/esbuild'), words, { cwd: ROOT, stdio: 'inherit' });
  // Node looks for it from each file upwards, and no further than the packages' own folder.
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n');
  cpSync(join(ROOT, 'src/web/assets'), join(directory, 'src/web/assets'), { recursive: true });
}

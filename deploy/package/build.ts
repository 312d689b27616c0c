/**
 * Makes `dist`, which the published package runs: the sources as JavaScript with their types, and the console's files.
 * Node refuses to strip types inside `node_modules`. `npm pack` and `npm publish` run this first.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');

// The compiler of this repository, and not whatever `tsc` the PATH leads to: one that builds incrementally writes nothing where it
// believes that it has written everything before.
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');

rmSync(DIST, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, '--project', join(import.meta.dirname, 'tsconfig.json')], {
  cwd: ROOT,
  stdio: 'inherit',
});
cpSync(join(ROOT, 'src/web/assets'), join(DIST, 'src/web/assets'), { recursive: true });
if (!existsSync(join(DIST, 'src/cli/cli.js'))) {
  throw new Error('The compiler wrote no dist/src/cli/cli.js: a package without it could not start.');
}

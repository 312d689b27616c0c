/**
 * Makes `dist`, which the published package runs: the sources as JavaScript with their types, and the console's files.
 * Node refuses to strip types inside `node_modules`. `npm pack` and `npm publish` run this first.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
execFileSync('tsc', ['--project', join(import.meta.dirname, 'tsconfig.json')], { cwd: ROOT, stdio: 'inherit' });
cpSync(join(ROOT, 'src/web/assets'), join(ROOT, 'dist/src/web/assets'), { recursive: true });

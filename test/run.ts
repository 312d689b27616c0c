/**
 * `npm test`: all but the largest matrices, with tests of each promise. `--all`: every case of every kind, as
 * CI runs it; `--long`: the files named `.long.test.ts` as well. With arguments: the files whose path contains one of
 * them, whatever they are. Says in one line what this machine lacks; tests that need it are skipped, or fail the run
 * with HOLDFAST_TEST_REQUIRE=all.
 */
import { globSync } from 'node:fs';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { notInstalled } from './support/installed.ts';
import { isLeftToAll } from './support/left-to-all.ts';
import { prepare } from './support/store/prepared.ts';
import { together } from './support/together.ts';

/** Milliseconds that one test, and one file, may take: one that hangs must not hang the run. */
const TEST_MS = 300_000;
const FILE_MS = Number(process.env.HOLDFAST_TEST_FILE_MS ?? 600_000);
/** Files that run at once: each has processes of its own, and with more of them two cores keep all waiting. */
const AT_ONCE = Number(process.env.HOLDFAST_TEST_AT_ONCE ?? 3);
/** Fewer files than this share no process. */
const FEW = 20;
/** What is made once for all runs: an empty database, and what Node compiled. */
const CACHE = new URL('../node_modules/.cache/holdfast-test/', import.meta.url).pathname;
/** The slowest first, so that the quick ones fill the end. */
const ORDER = ['runtime', 'journey', 'contract', 'domain'];

const words = process.argv.slice(2);
const wanted = words.filter((word) => !word.startsWith('--'));
const long = words.includes('--long');
const whole = long || words.includes('--all');
const unknown = words.find((word) => word.startsWith('--') && word !== '--long' && word !== '--all');
if (unknown !== undefined) fail(`npm test knows --all and --long, and no ${unknown}.`);
const rank = (file: string): number => ORDER.indexOf(file.split('/')[1] ?? '');
const all = globSync('test/**/*.test.ts').sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
const files = all
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .filter((file) => wanted.length > 0 || (file.endsWith('.long.test.ts') ? long : whole || !isLeftToAll(file)));
if (files.length === 0) fail(`No test file's path holds ${wanted.join(' or ')}.`);

if (wanted.length === 0) {
  const longOnes = all.filter((file) => file.endsWith('.long.test.ts')).length;
  const left = all.length - files.length - (long ? 0 : longOnes);
  if (left > 0) console.log(`${left} files of ${all.length} are left to npm test -- --all, which CI runs.`);
  if (!long) console.log(`${longOnes} long files are left out; npm test -- --long runs them and all others.`);
}

const missing = notInstalled();
if (missing.length > 0) {
  const line = `Not installed: ${missing.join(', ')}; the tests that need them are skipped.`;
  if (process.env.HOLDFAST_TEST_REQUIRE === 'all') fail(`${line} HOLDFAST_TEST_REQUIRE=all makes that a failure.`);
  console.log(line);
}

const prepared = prepare(CACHE, { built: !whole && wanted.length === 0 });
// A few files have processes of their own: somebody looks at each of them.
const { paths, remove } = together(files, process.cwd(), { alone: files.length < FEW });
process.once('exit', remove);
const events = run({
  files: [...paths],
  concurrency: AT_ONCE,
  timeout: TEST_MS,
  execArgv: ['--import', new URL('support/bound.ts', import.meta.url).href],
  env: { ...process.env, ...prepared, NODE_COMPILE_CACHE: `${CACHE}compiled`, HOLDFAST_TEST_FILE_MS: String(FILE_MS) },
});
let failed = 0;
const skipped: string[] = [];
events.on('test:fail', () => {
  failed += 1;
});
events.on('test:pass', ({ name, file, skip }) => {
  if (skip !== undefined && skip !== false) skipped.push(`${file ?? ''}: ${name} (${skip})`);
});
events.compose(new spec()).pipe(process.stdout);
events.on('end', () => {
  if (failed > 0) process.exitCode = 1;
  if (skipped.length > 0 && process.env.HOLDFAST_TEST_REQUIRE === 'all') {
    for (const one of skipped) console.log(`Skipped: ${one}`);
    console.log(`${skipped.length} tests were skipped; HOLDFAST_TEST_REQUIRE=all makes that a failure.`);
    process.exitCode = 1;
  }
});

function fail(words: string): never {
  console.error(words);
  process.exit(1);
}

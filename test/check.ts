/**
 * `npm run check`: types, Biome, the arrows and the structure, the promises, the policies, the tests' honesty, what documents
 * refer to. Says what is wrong, all of it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { missingTests, wrongDecisions } from './support/documents.ts';
import { environmentReads, importsOf, roomOf, sources, textOf, wrongArrow } from './support/house.ts';
import { isLeftToAll, leftToAll } from './support/left-to-all.ts';
import { guards, PROMISES } from './support/promises.ts';
import { ambiguousNames, circles, fileGraph, wrongFloors } from './support/structure.ts';

/** Lines above which a source file is asked to be two. */
const LONG = 220;

/** What is wrong, a line each; empty: nothing is. */
type Check = () => readonly string[];

const CHECKS: Record<string, Check> = {
  types: () => program('tsc', '-p', '.'),
  biome: () => program('biome', 'ci', '--colors=off', '.'),
  arrows: () => sources('src').flatMap(wrongIn),
  structure,
  promises,
  policies,
  tests: () => sources('test').flatMap(leftOut),
  documents: () => [...missingTests(), ...wrongDecisions()],
};

/** No circle of files, no arrow up within a room, one meaning an exported name. */
function structure(): string[] {
  return [
    ...circles(fileGraph('src')).map((files) => `a circle of files: ${files.join(', ')}`),
    ...wrongFloors(),
    ...ambiguousNames().map((name) => `one name, two exports: ${name}`),
  ];
}

function program(name: string, ...args: string[]): string[] {
  const { status, stdout, stderr, error } = spawnSync(`node_modules/.bin/${name}`, args, { encoding: 'utf8' });
  if (error) return [error.message];
  return status === 0 ? [] : `${stdout}${stderr}`.trim().split('\n');
}

function wrongIn(file: string): string[] {
  const text = textOf(file);
  const arrows = importsOf(file, text).flatMap((one) => {
    const fault = wrongArrow(one);
    return fault === null ? [] : [`${file}:${one.line} ${fault}`];
  });
  const reads = roomOf(file) === 'main' ? [] : environmentReads(text);
  return [...arrows, ...reads.map((line) => `${file}:${line} only main reads the environment`)];
}

function promises(): string[] {
  const found = guards();
  const names = Object.keys(PROMISES) as (keyof typeof PROMISES)[];
  for (const name of names) {
    const mine = found.filter((guard) => guard.promise === name);
    const files = new Set(mine.map((guard) => guard.file)).size;
    const always = mine.filter((guard) => runsAlways(guard.file)).length;
    console.log(
      `  ${name.padEnd(4)} ${PROMISES[name].padEnd(22)} ${String(mine.length).padStart(3)} tests in ${files} files, ${always} in npm test`,
    );
  }
  return [
    ...names
      .filter((name) => !found.some((guard) => guard.promise === name && runsAlways(guard.file)))
      .map((name) => `${name} (${PROMISES[name]}) has no test in npm test whose name starts with it`),
    ...leftToAll()
      .filter((file) => !existsSync(file))
      .map((file) => `test/support/left-to-all.ts names ${file}, which is not there`),
  ];
}

const runsAlways = (file: string): boolean => !file.endsWith('.long.test.ts') && !isLeftToAll(file);

/** As its user would: one command over every file. */
function policies(): string[] {
  const files = globSync('policies/*.{json,yaml,yml}').sort();
  if (files.length === 0) return ['policies/ is empty'];
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/cli/cli.ts', 'policy', 'check', ...files], {
    encoding: 'utf8',
  });
  return status === 0 ? [] : `${stdout}${stderr}`.trim().split('\n');
}

const LEFT_OUT = /\b(?:test|it|describe|suite|t)\.(?:only|skip|todo)\(|\b(?:only|skip|todo): true\b/;

function leftOut(file: string): string[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, index) => (LEFT_OUT.test(line) ? [`${file}:${index + 1} a test is left out: ${line.trim()}`] : []));
}

let failed = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  const faults = check();
  failed += faults.length > 0 ? 1 : 0;
  console.log(
    faults.length === 0 ? `ok      ${name}` : `not ok  ${name}\n${faults.map((fault) => `  ${fault}`).join('\n')}`,
  );
}
for (const file of sources('src')) {
  const lines = textOf(file).split('\n').length;
  if (lines > LONG) console.log(`hint    ${file} has ${lines} lines; is it one idea?`);
}
console.log(`${Object.keys(CHECKS).length - failed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;

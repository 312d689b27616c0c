import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

const NAMED_TEST = /`((?:domain|contract|journey|runtime)\/[^`*\s]+)`/g;

/** Tests that docs/security.md names and that do not exist. */
export function missingTests(): string[] {
  const text = readFileSync('docs/security.md', 'utf8');
  const names = new Set([...text.matchAll(NAMED_TEST)].map((match) => match[1]!));
  return [...names]
    .filter((name) => !['test', 'long.test'].some((kind) => existsSync(`test/${name}.${kind}.ts`)))
    .map((name) => `docs/security.md names the test ${name}, which does not exist`);
}

/** Decisions whose row in docs/decisions/README.md is missing, has another title or date, or leads nowhere. */
export function wrongDecisions(): string[] {
  const index = readFileSync('docs/decisions/README.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ['));
  const expected = globSync('docs/decisions/[0-9]*.md').sort().map(rowOf);
  return [
    ...expected.filter((row) => !index.includes(row)).map((row) => `docs/decisions/README.md has no row ${row}`),
    ...index.filter((row) => !expected.includes(row)).map((row) => `docs/decisions/README.md: no page says ${row}`),
  ];
}

function rowOf(path: string): string {
  const file = basename(path);
  const [heading = '', , date] = readFileSync(path, 'utf8').split('\n');
  return `| [${file.slice(0, 4)}](${file}) | ${date} | ${heading.replace(/^# \d+\. /, '')} |`;
}

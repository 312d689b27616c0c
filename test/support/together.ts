/**
 * Test files that share a process. Most of what a small file takes is its process: starting Node and loading the program
 * again, half a second of a core for tests that take a few milliseconds.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Folders whose tests keep nothing outside themselves: no environment, no working directory, no clock of the process. */
const SHARING: readonly string[] = ['test/domain/'];
/** Files of them that want a process of their own, and why. */
const ALONE: Readonly<Record<string, string>> = {
  'test/domain/command-line.test.ts': 'looks at which rooms its process has loaded',
  'test/domain/short-chunks.test.ts': 'measures the memory of its process',
};
/** Files of one process: few enough that the others are not kept waiting for it at the end. */
const AT_MOST = 32;

/** Whether this file is run in one process with others, by its path from the root of the repository. */
function shares(file: string): boolean {
  return SHARING.some((folder) => file.startsWith(folder)) && ALONE[file] === undefined;
}

/** Absolute paths of what is to be run: files of their own, then files that load several. */
export interface Together {
  readonly paths: readonly string[];
  /** Removes what was written. */
  remove(): void;
}

/**
 * `files`: paths from `root`, in order. A file that loads others is named after the first and the last of them. `alone`:
 * none shares.
 */
export function together(files: readonly string[], root: string, { alone }: { readonly alone: boolean }): Together {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-together-'));
  const mayShare = (file: string): boolean => !alone && shares(file);
  const sharing = files.filter(mayShare);
  const processes = Math.ceil(sharing.length / AT_MOST);
  const each = Math.ceil(sharing.length / Math.max(1, processes));
  const loaded = Array.from({ length: processes }, (_, n) => sharing.slice(n * each, (n + 1) * each));
  const written = loaded.map((some) => {
    const path = join(folder, `${[some[0]!, some.at(-1)!].map(nameOf).join('--to--')}.test.mjs`);
    writeFileSync(
      path,
      some.map((file) => `import ${JSON.stringify(pathToFileURL(join(root, file)).href)};\n`).join(''),
    );
    return path;
  });
  const own = files.filter((file) => !mayShare(file)).map((file) => join(root, file));
  return { paths: [...own, ...written], remove: () => rmSync(folder, { recursive: true, force: true }) };
}

const nameOf = (file: string): string =>
  file
    .replace(/^test\//, '')
    .replace(/\.test\.ts$/, '')
    .replaceAll('/', '-');

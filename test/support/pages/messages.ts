/** Whether messages that a page quotes are the program's own. */
import { globSync, readFileSync } from 'node:fs';

let kept: string | null = null;

/** All of `src`, with texts joined that are written in pieces, and what is filled in as `…`. */
function source(): string {
  kept ??= globSync('src/**/*.ts')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
    .replaceAll(/['"`]\s*\+\s*['"`]/g, '')
    .replaceAll(/\\(['"`])/g, '$1');
  return kept;
}

/** The lines of a quoted message that stand nowhere in `src`. `…` stands for what the program fills in. */
export function notSaid(text: string): string[] {
  const all = source();
  return text
    .trim()
    .split('\n')
    .filter((line) => {
      const pieces = line.split(/…|\(expected |\)$/).map((piece) => piece.trim());
      const long = pieces.filter((piece) => piece.length > 5);
      return long.length === 0 || long.some((piece) => !all.includes(piece));
    });
}
notSaid.source = source;

/** What the documents show between fences and in their text. */
import { globSync, readFileSync } from 'node:fs';

/** The pages that people read; decisions are a diary. */
export const PAGES: readonly string[] = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'policies/README.md'],
  ...globSync('docs/*.md').sort(),
];

/** One fenced block. */
export interface Block {
  readonly page: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
  /** The word behind the fence; empty: none. */
  readonly kind: string;
  readonly text: string;
}

export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^( *)```(\w*)\n(.*?)^ *```$/gms)].map(
    ({ index, 1: indent = '', 2: kind = '', 3: body = '' }) => ({
      page,
      line: text.slice(0, index).split('\n').length,
      kind,
      text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

export const placeOf = ({ page, line }: Block): string => `${page}:${line}`;

/** The page without its fenced blocks. */
export function proseOf(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(/^( *)```(\w*)\n(.*?)^ *```$/gms, '');
}

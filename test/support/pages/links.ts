/** Links between pages, and the headings that they may lead to. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { proseOf } from './blocks.ts';

/** Links of a page that lead to a file or a heading that does not exist, a line each. */
export function brokenLinks(page: string): string[] {
  return [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return [];
    const [path = '', heading] = link.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(file)) return [`${page}: ${link} leads to no file`];
    if (heading === undefined || !file.endsWith('.md')) return [];
    return headingsOf(file).includes(heading) ? [] : [`${page}: ${link} leads to no heading`];
  });
}

/** As GitHub names headings in addresses. */
function headingsOf(file: string): string[] {
  const seen = new Map<string, number>();
  return [
    ...readFileSync(file, 'utf8')
      .replaceAll(/^```.*?^```$/gms, '')
      .matchAll(/^#+ (.+)$/gm),
  ].map(([, words = '']) => {
    const plain = words.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = plain.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
    const times = seen.get(slug) ?? 0;
    seen.set(slug, times + 1);
    return times === 0 ? slug : `${slug}-${times}`;
  });
}

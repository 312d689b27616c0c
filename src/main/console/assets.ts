import { createHash } from 'node:crypto';
import type { ConsoleAsset } from '../../web/console/context.ts';

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The console's files by name, ready to be served. Files of other types than css, js and svg are left out. */
export function assetsOf(files: Iterable<readonly [name: string, text: string]>): ReadonlyMap<string, ConsoleAsset> {
  const assets = new Map<string, ConsoleAsset>();
  for (const [name, body] of files) {
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)];
    if (type === undefined) continue;
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    assets.set(name, { type, body, etag });
  }
  return assets;
}

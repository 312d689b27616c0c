import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ConsoleAsset } from '../../web/console/context.ts';
import { assetsOf } from './assets.ts';

/** The console's own files, read from disk. */
export function consoleAssets(): ReadonlyMap<string, ConsoleAsset> {
  const folder = join(import.meta.dirname, '../../web/assets');
  return assetsOf(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

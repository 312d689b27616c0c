import { readFileSync, realpathSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { readDocument } from '../../config/document/document.ts';
import { inFolder } from '../../config/server.ts';
import { configPathOf } from '../../config/settings.ts';
import type { Terminal } from './terminal.ts';

/** `own`: it lies in the folder of the config itself, or the environment says which config counts. */
export interface FolderOfSecrets {
  readonly path: string;
  readonly own: boolean;
}

/** The folder that the config here names under `secrets`, for commands that load no config. null: there is none. */
export function folderOfSecrets({ env, cwd }: Pick<Terminal, 'env' | 'cwd'>): FolderOfSecrets | null {
  const config = resolve(cwd, configPathOf(env));
  try {
    const read = readDocument(readFileSync(config, 'utf8'), config);
    const named = read.ok ? (read.document.value as { secrets?: unknown } | null)?.secrets : undefined;
    if (typeof named !== 'string' || named === '') return null;
    const path = inFolder(dirname(config), named);
    const own = Boolean(env.HOLDFAST_CONFIG) || realpathSync(path).startsWith(realpathSync(dirname(config)) + sep);
    return { path, own };
  } catch {
    return null;
  }
}

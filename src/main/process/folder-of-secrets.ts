import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { readDocument } from '../../config/document/document.ts';
import { inFolder } from '../../config/server.ts';
import { configPathOf } from '../../config/settings.ts';
import type { Terminal } from './terminal.ts';

/** `own`: the secret's file lies in the folder of the config itself, by no link, or the environment says which config counts. */
export interface FolderOfSecrets {
  readonly path: string;
  readonly own: boolean;
}

/** The folder that the config here names under `secrets`, for commands that load no config. null: it has no file of this name. */
export function folderOfSecrets({ env, cwd }: Pick<Terminal, 'env' | 'cwd'>, name: string): FolderOfSecrets | null {
  const config = resolve(cwd, configPathOf(env));
  try {
    const read = readDocument(readFileSync(config, 'utf8'), config);
    const named = read.ok ? (read.document.value as { secrets?: unknown } | null)?.secrets : undefined;
    if (typeof named !== 'string' || named === '') return null;
    const path = inFolder(dirname(config), named);
    const file = realpathSync(join(path, name));
    const own = Boolean(env.HOLDFAST_CONFIG) || file.startsWith(realpathSync(dirname(config)) + sep);
    return { path, own };
  } catch {
    return null;
  }
}

import { existsSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve, sep } from 'node:path';
import type { Loaded } from '../../config/load.ts';
import { fileVariable, SECRET_NAMES } from '../../config/secret-from.ts';

/** What no server that is started here may reach. Paths are absolute, with links followed. */
export interface Guarded {
  /**
   * Directories that nothing in is seen of: the data directory, the folder of secrets, what init keeps, systemd's credentials, and with a
   * bucket those of Amazon's client.
   */
  readonly folders: readonly string[];
  /** Files of secrets, which are not read. */
  readonly secrets: readonly string[];
  /** The config, which may hold credentials. */
  readonly config: string;
  /** Files that are not written: those, and the policies. */
  readonly unwritten: readonly string[];
}

type Sources = {
  readonly settings: Pick<Loaded['settings'], 'data' | 'configPath'>;
  readonly config: Pick<Loaded['config'], 'servers' | 'variables' | 'file' | 'retention'>;
};

const AWS_FILES = [
  ...['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'AWS_WEB_IDENTITY_TOKEN_FILE'],
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
];

/** `env`: names the files of secrets. */
export function guardedPaths(
  { settings, config }: Sources,
  env: Readonly<Record<string, string | undefined>>,
): Guarded {
  const files = [...SECRET_NAMES, ...config.variables].flatMap((name) => env[fileVariable(name)] || []);
  // What the client of a bucket reads its credentials from.
  const hasBucket = config.retention?.archive?.kind === 'bucket';
  if (hasBucket) files.push(...AWS_FILES.flatMap((name) => env[name] || []));
  const secrets = [...new Set(files.map(realPath))];
  const configPath = realPath(settings.configPath);
  const policies = [...config.servers.values()].map(({ policyPath }) => realPath(policyPath));
  const own = [
    settings.data,
    config.file.secrets ?? '',
    env.CREDENTIALS_DIRECTORY ?? '',
    keptBeside(settings.configPath),
    hasBucket ? amazonFolder(env) : '',
  ];
  return {
    folders: [...new Set(own.filter((folder) => folder !== '').map(realPath))],
    secrets,
    config: configPath,
    unwritten: [...new Set([...secrets, configPath, ...policies])],
  };
}

/** Where init keeps tokens of grants and backups of clients' files, with the secrets in them, wherever the data is; '': nowhere. */
function keptBeside(configPath: string): string {
  const kept = join(dirname(resolve(configPath)), '.holdfast');
  return existsSync(kept) ? kept : '';
}

/** Where Amazon's client looks for credentials that no variable names, and keeps those of a session; '': nowhere. */
function amazonFolder({ HOME }: Readonly<Record<string, string | undefined>>): string {
  const folder = join(HOME || homedir(), '.aws');
  return existsSync(folder) ? folder : '';
}

/** The path with its links followed, as far as it exists. */
export function realPath(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(realPath(parent), absolute.slice(parent.length));
  }
}

/** Whether a path is this folder or lies in it. */
export function liesIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

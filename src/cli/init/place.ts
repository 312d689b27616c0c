import { existsSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import type { Config } from '../../config/config.ts';
import { parseConfig } from '../../config/config-file.ts';
import { faultText } from '../../config/document/fault.ts';
import { SECRET_NAMES } from '../../config/secret-from.ts';
import { readSettings } from '../../config/settings.ts';
import { keepPrivate } from '../../main/process/private-directory.ts';
import { secretsOnDisk } from '../../main/process/secret-file.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { textOf, writePrivate } from './files.ts';
import { markMadeHere } from './made-here.ts';

/** Where a gateway is set up. */
export interface SetUpPlace {
  readonly folder: string;
  readonly configPath: string;
  /** null: there is no config yet. */
  readonly existing: { readonly text: string; readonly config: Config } | null;
  /** The folder of secrets, absolute. */
  readonly secrets: string;
  /** What init keeps: tokens, copies, backups. Absolute. */
  readonly kept: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** host:port to write into a new config; null: as it is. */
  readonly writeListen: string | null;
  /** Where clients reach it, without a slash at the end. */
  readonly url: string;
  /** Something listens there already. */
  readonly busy: boolean;
}

/** The folder inside of a set-up that its owner alone may read. */
export const KEPT = '.holdfast';
const SECRETS = `${KEPT}/secrets`;
/** Ports that are tried after the usual one. */
const OTHER_PORTS = 20;

/** Throws when what is there cannot be added to. */
export async function setUpPlace(dir: string, listen: string | undefined, terminal: Terminal): Promise<SetUpPlace> {
  const folder = resolve(terminal.cwd, dir);
  const configPath = join(folder, 'holdfast.yaml');
  const existing = existingAt(configPath, terminal);
  const config = existing?.config ?? null;
  const flags = listen === undefined ? {} : { listen };
  const read = readSettings({
    env: { HOLDFAST_LISTEN: terminal.env.HOLDFAST_LISTEN, HOLDFAST_PUBLIC_URL: terminal.env.HOLDFAST_PUBLIC_URL },
    flags,
    ...(config === null ? {} : { file: config.file }),
  });
  if (!read.ok) throw new Error(read.faults.map(faultText).join('\n'));
  const { settings } = read;
  const given = listen ?? terminal.env.HOLDFAST_LISTEN ?? config?.file.listen ?? undefined;
  const wanted = settings.listen;
  const port = given === undefined && config === null ? await freePort(wanted.host, wanted.port) : wanted.port;
  if (port === 0) throw new Error('--listen needs a port here, because it is written into the client’s file');
  const host = wanted.host;
  const shown = ['0.0.0.0', '::'].includes(host)
    ? host === '::'
      ? '[::1]'
      : '127.0.0.1'
    : host.includes(':')
      ? `[${host}]`
      : host;
  const written = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const isUsual = written === '127.0.0.1:8787';
  return {
    folder,
    configPath,
    existing,
    secrets: config?.file.secrets ? resolve(terminal.cwd, config.file.secrets) : join(folder, SECRETS),
    kept: join(folder, KEPT),
    listen: { host, port },
    writeListen: listen !== undefined || (config === null && !isUsual) ? written : null,
    url: settings.publicUrl ?? `http://${shown}:${port}`,
    busy: await answers(shown.replace(/[[\]]/g, ''), port),
  };
}

function existingAt(path: string, terminal: Terminal): SetUpPlace['existing'] {
  const read = textOf(path);
  if (read.kind === 'missing') return null;
  if (read.kind === 'unreadable') throw new Error(`${path} ${read.why}`);
  const parsed = parseConfig(read.text, {
    path,
    env: null,
    readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
  });
  if (parsed.ok) return { text: read.text, config: parsed.config };
  throw new Error(
    ['The config that is here has faults, so nothing is added to it:', ...parsed.faults.map(faultText)].join('\n'),
  );
}

/** The private folder, and in it a note by which git leaves it alone. */
export function openKept({ kept }: SetUpPlace): void {
  keepPrivate(kept);
  const ignored = join(kept, '.gitignore');
  if (!existsSync(ignored)) writePrivate(ignored, '*\n');
  markMadeHere(kept);
}

/** Variables that are taken: Holdfast's own, those of the config, and the secrets that are kept. */
export function takenVariables({ secrets, existing }: SetUpPlace): ReadonlySet<string> {
  const kept = existsSync(secrets) ? readdirSync(secrets) : [];
  return new Set([...SECRET_NAMES, ...(existing?.config.variables ?? []), ...kept]);
}

async function freePort(host: string, first: number): Promise<number> {
  for (let port = first; port < first + OTHER_PORTS; port++) if (!(await answers(host, port))) return port;
  return first;
}

/** Whether something listens there. */
function answers(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect({ host, port, timeout: 1_000 });
    const end = (found: boolean) => () => {
      socket.destroy();
      done(found);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
}

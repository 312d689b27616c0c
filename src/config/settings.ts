import { notProxy } from '../domain/source.ts';
import type { FileSettings } from './config.ts';
import { AGENT_HOSTS_FORM, PROXIES_FORM } from './config-schema.ts';
import type { Fault } from './document/fault.ts';
import { isNow } from './document/shape.ts';
import { type Environment, inEnvironment, type ReportFault } from './environment.ts';
import type { ReadSecretFile } from './secret-from.ts';
import { readSecrets, type Secrets } from './secrets.ts';
import { isHttpUrl } from './server.ts';

/** How this process runs. Contains no secret, so it may be logged. */
export interface Settings {
  readonly configPath: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Without a trailing slash; null: not set. */
  readonly publicUrl: string | null;
  readonly data: string;
  /** Proxies whose `X-Forwarded-For` is believed: addresses and networks. Empty: none. */
  readonly trustedProxies: readonly string[];
  /** Further values of `Host` that agents may ask for, in lower case. */
  readonly agentHosts?: readonly string[];
  /** The most bytes that a request's body may have. */
  readonly maxBody: number;
  /** `sql`: the queue is in the store's own database. */
  readonly queue: 'redis' | 'sql';
  /** `embedded`: PGlite in the data folder. */
  readonly store: 'postgres' | 'embedded';
  /** An operator says that the secret that sealed this database's rows is lost. */
  readonly secretLost: boolean;
  readonly slack: { readonly channel: string | null; readonly apiUrl: string | null };
}

/** What the command line set. */
export interface Flags {
  readonly config?: string;
  readonly listen?: string;
  readonly publicUrl?: string;
  readonly data?: string;
  readonly maxBody?: string;
}

export type ReadSettings =
  | {
      readonly ok: true;
      readonly settings: Settings;
      readonly secrets: Secrets;
      /** What is accepted but looks like a mistake. */
      readonly warnings: readonly Fault[];
    }
  | { readonly ok: false; readonly faults: readonly Fault[] };

const NO_FILE: FileSettings = { listen: null, publicUrl: null, data: null, maxBody: null, trustedProxies: null };

/** The config file's path, which is needed before the file can be read. */
export function configPathOf(env: Environment, flags: Flags = {}): string {
  return flags.config ?? (env.HOLDFAST_CONFIG || 'holdfast.yaml');
}

/** Reads the settings from flags, environment and config file; the first that has a setting counts. */
export function readSettings(from: {
  readonly env: Environment;
  readonly readSecret?: ReadSecretFile | undefined;
  readonly flags?: Flags;
  readonly file?: FileSettings;
  readonly slackChannel?: string | null;
}): ReadSettings {
  const { env, flags = {}, file = NO_FILE } = from;
  const faults: Fault[] = [];
  const warnings: Fault[] = [];
  const wrongIn =
    (source: string, list = faults): ReportFault =>
    (name, message, expected) =>
      void list.push({ file: source, line: 0, column: 0, path: name, message, expected });
  const wrong = wrongIn('environment');
  const configPath = configPathOf(env, flags);
  /** A setting from the first place that has it, with a way to report a fault about that place. */
  const first = (
    flag: string | undefined,
    variable: string,
    name: string,
    kept: string | null,
  ): GivenSetting | null => {
    const option = `--${name.replaceAll('_', '-')}`;
    if (flag !== undefined) return { text: flag, wrong: (...what) => wrongIn('command line')(option, ...what) };
    const set = inEnvironment(env, variable);
    if (set !== null) return { text: set, wrong: (...what) => wrong(variable, ...what) };
    return kept === null ? null : { text: kept, wrong: (...what) => wrongIn(configPath)(name, ...what) };
  };
  const channel = inEnvironment(env, 'SLACK_CHANNEL') ?? from.slackChannel ?? null;
  const secrets = readSecrets({
    env,
    readSecret: from.readSecret,
    folder: file.secrets ?? null,
    channel,
    wrong,
    warn: wrongIn('environment', warnings),
  });
  const maxBody = file.maxBody === null ? null : String(file.maxBody);
  const proxies = file.trustedProxies === null ? null : file.trustedProxies.join();
  const agentHosts = file.agentHosts?.join() ?? null;
  const settings: Settings = {
    configPath,
    listen: listenOf(first(flags.listen, 'HOLDFAST_LISTEN', 'listen', file.listen)),
    publicUrl: publicUrlOf(first(flags.publicUrl, 'HOLDFAST_PUBLIC_URL', 'public_url', file.publicUrl)),
    data: first(flags.data, 'HOLDFAST_DATA', 'data', file.data)?.text ?? '.holdfast',
    trustedProxies: proxiesOf(first(undefined, 'HOLDFAST_TRUSTED_PROXIES', 'trusted_proxies', proxies)),
    agentHosts: agentHostsOf(first(undefined, 'HOLDFAST_AGENT_HOSTS', 'agent_hosts', agentHosts)),
    maxBody: maxBodyOf(first(flags.maxBody, 'HOLDFAST_MAX_BODY', 'max_body', maxBody)),
    queue: secrets.redisUrl === null ? 'sql' : 'redis',
    store: secrets.databaseUrl === null ? 'embedded' : 'postgres',
    secretLost: secretLostOf(env, wrong),
    slack: { channel, apiUrl: apiUrlOf(env, wrong) },
  };
  return faults.length > 0 ? { ok: false, faults } : { ok: true, settings, secrets, warnings };
}

/** A setting's text, with a way to report a fault under the name by which it was given. */
interface GivenSetting {
  readonly text: string;
  readonly wrong: (message: string, expected: string) => void;
}

function secretLostOf(env: Environment, wrong: ReportFault): boolean {
  const text = inEnvironment(env, 'HOLDFAST_SECRET_LOST');
  if (text !== null && text !== 'yes') wrong('HOLDFAST_SECRET_LOST', isNow(text), 'yes, or not set');
  return text === 'yes';
}

function listenOf(given: GivenSetting | null): Settings['listen'] {
  const byDefault = { host: '127.0.0.1', port: 8787 };
  if (given === null) return byDefault;
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(given.text);
  const port = Number(parts?.[3]);
  if (parts !== null && port <= 65_535) return { host: parts[1] ?? parts[2]!, port };
  given.wrong(isNow(given.text), 'host:port such as 127.0.0.1:8787 or [::1]:8787');
  return byDefault;
}

function publicUrlOf(given: GivenSetting | null): string | null {
  if (given === null) return null;
  if (isHttpUrl(given.text) && !/[?#]/.test(given.text)) return given.text.replace(/\/+$/, '');
  given.wrong(isNow(given.text), 'an http or https URL such as https://holdfast.example.com');
  return null;
}

function proxiesOf(given: GivenSetting | null): readonly string[] {
  const words = (given?.text ?? '').split(/[\s,]+/).filter((word) => word !== '');
  const wrong = notProxy(words);
  if (wrong !== undefined) given?.wrong(`has ${JSON.stringify(wrong.slice(0, 60))}`, PROXIES_FORM);
  return words;
}

/** A name or an address, with a port where it is not the scheme's own: as a client writes it into `Host`. */
const AGENT_HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::\d{1,5})?$/;
const MOST_AGENT_HOSTS = 20;

function agentHostsOf(given: GivenSetting | null): readonly string[] {
  const words = (given?.text ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  const wrong = words.find((word) => !AGENT_HOST.test(word));
  if (wrong !== undefined) given?.wrong(`has ${JSON.stringify(wrong.slice(0, 60))}`, AGENT_HOSTS_FORM);
  else if (words.length > MOST_AGENT_HOSTS) given?.wrong(`has ${words.length} entries`, `at most ${MOST_AGENT_HOSTS}`);
  return words;
}

function maxBodyOf(given: GivenSetting | null): number {
  const byDefault = 4 * 1024 * 1024;
  if (given === null) return byDefault;
  const bytes = /^\d{1,10}$/.test(given.text) ? Number(given.text) : 0;
  if (bytes >= 1_024 && bytes <= 1_073_741_824) return bytes;
  given.wrong(isNow(given.text), 'bytes, from 1024 to 1073741824');
  return byDefault;
}

function apiUrlOf(env: Environment, wrong: ReportFault): string | null {
  const text = inEnvironment(env, 'SLACK_API_URL');
  if (text !== null && !(isHttpUrl(text) && text.endsWith('/'))) {
    wrong('SLACK_API_URL', isNow(text), 'an http or https URL that ends with a slash');
  }
  return text;
}

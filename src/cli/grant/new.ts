import type { Config } from '../../config/config.ts';
import { parseConfig } from '../../config/config-file.ts';
import { parseInstant } from '../../config/document/instant.ts';
import { newGrant } from '../../config/grants.ts';
import { configPathOf, readSettings } from '../../config/settings.ts';
import { fromDisk } from '../../main/process/from-disk.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { joined, ownLines, printed, printedJson } from '../../text/printed.ts';
import { faultLines } from '../fault-lines.ts';
import { didYouMean } from '../parse/did-you-mean.ts';
import { Misuse } from '../parse/misuse.ts';

interface GrantNewOptions {
  readonly name: string;
  readonly server: readonly string[];
  /** A Slack id, a name under `people`, or `none`. */
  readonly owner: string;
  /** As the config writes it. */
  readonly expires?: string;
  readonly config?: string;
  readonly json: boolean;
}

/**
 * `grant new`: makes a token, shows it once, and prints the lines for the config. Where there is a config, a server or an
 * owner that it does not know is refused: the gateway would not start with it.
 */
export async function grantNewCommand(options: GrantNewOptions, terminal: Terminal): Promise<number> {
  const { name, server, owner, expires = null, json } = options;
  if (!/^[A-Za-z0-9][\w.-]{0,63}$/.test(name)) throw new Misuse('--name takes letters, digits and _ . -');
  const config = await configAt(options, terminal);
  checkServers(server, config);
  checkOwner(owner, config);
  if (expires !== null && !(parseInstant(expires) instanceof Date)) {
    throw new Misuse('--expires takes a date such as 2027-01-31, or 2027-01-31T12:00:00Z');
  }
  const grant = newGrant({ name, servers: server, owner: owner === 'none' ? null : owner, expires });
  if (json) {
    const { token, tokenSha256 } = grant;
    const shape = { name, token, token_sha256: tokenSha256, servers: server, owner, expires };
    terminal.out(printed`${printedJson(shape)}\n`);
    return 0;
  }
  if (config?.grants.some((known) => known.name === name)) {
    terminal.err(
      printed`The config has a grant ${name}. To change its token, put the new digest before the old: token_sha256: [new, old]\n`,
    );
  }
  const at = addressOf(config, terminal);
  const places = server.map((each) => printed`  ${at}/mcp/${each}\n`);
  terminal.out(
    printed`The agent's token. It is shown only once:\n\n  ${grant.token}\n\nAdd this under grants in holdfast.yaml. It contains only the token's SHA-256:\n\n${ownLines(grant.yaml)}\nPoint the client at\n${joined(places, '')}with the header\n  Authorization: Bearer TOKEN\n${ownLines(reachNote(at))}`,
  );
  return 0;
}

/** Where clients reach the gateway, as it is configured here. */
function addressOf(config: Config | null, { env }: Terminal): string {
  const { HOLDFAST_LISTEN, HOLDFAST_PUBLIC_URL } = env;
  const read = readSettings({
    env: { HOLDFAST_LISTEN, HOLDFAST_PUBLIC_URL },
    ...(config === null ? {} : { file: config.file }),
  });
  if (!read.ok) return DEFAULT_ADDRESS;
  const { publicUrl, listen } = read.settings;
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return publicUrl ?? `http://${EVERYWHERE.has(listen.host) ? '127.0.0.1' : host}:${listen.port}`;
}

const DEFAULT_ADDRESS = 'http://127.0.0.1:8787';
const EVERYWHERE = new Set(['0.0.0.0', '::']);

/** Only clients of this machine reach such an address. */
function reachNote(address: string): string {
  const { hostname } = new URL(address);
  return hostname === '127.0.0.1' || hostname === 'localhost' || hostname === '[::1]'
    ? 'From another machine, clients need the address under public_url (HOLDFAST_PUBLIC_URL).\n'
    : '';
}

/** The config as far as it is needed; null: there is none yet, or it has faults, which are told. */
async function configAt({ config }: GrantNewOptions, terminal: Terminal): Promise<Config | null> {
  const path = configPathOf(terminal.env, config === undefined ? {} : { config });
  const bytes = await fromDisk(path);
  if (bytes === null) {
    if (config !== undefined) throw new Error(`${path}: cannot be read`);
    return null;
  }
  const parsed = parseConfig(new TextDecoder().decode(bytes), { path, env: null });
  if (parsed.ok) return parsed.config;
  terminal.err(printed`${faultLines(parsed.faults)}The config has errors, so its servers are not checked.\n`);
  return null;
}

function checkServers(names: readonly string[], config: Config | null): void {
  for (const name of names) {
    if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)) throw new Misuse('--server takes letters, digits and _ -');
    if (config === null || config.servers.has(name)) continue;
    const known = [...config.servers.keys()];
    const has = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`;
    throw new Misuse(`the config has no server ${name}: ${has}${didYouMean(name, known)}`);
  }
}

function checkOwner(owner: string, config: Config | null): void {
  const isKnown = owner === 'none' || /^[UW][A-Z0-9]{2,20}$/.test(owner) || config?.people?.has(owner);
  if (!isKnown) throw new Misuse('--owner takes a Slack id such as U0SAM, a name under people, or none');
}

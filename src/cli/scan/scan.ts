import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Config, ServerConfig } from '../../config/config.ts';
import { parseConfig } from '../../config/config-file.ts';
import { parseDuration } from '../../config/document/duration.ts';
import type { Fault } from '../../config/document/fault.ts';
import { type ReadFile, readTextFile } from '../../config/load.ts';
import { parsePolicy } from '../../config/policy/file.ts';
import { readProxies } from '../../config/proxies.ts';
import { configPathOf } from '../../config/settings.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { type Guarded, guardedPaths } from '../../main/confine/guarded.ts';
import { secretsOnDisk } from '../../main/process/secret-file.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { takeWaysOut } from '../../main/process/ways-out.ts';
import { listTools } from '../../main/upstream/list-configured.ts';
import type { ToolListing } from '../../main/upstream/list-tools.ts';
import { type Printed, printed, printedJson } from '../../text/printed.ts';
import { faultLines } from '../fault-lines.ts';
import { Misuse } from '../parse/misuse.ts';
import { findingsOf, type ScanFindings } from './findings.ts';
import { acceptTools, writeDraft } from './policy-files.ts';
import { scanTable } from './table.ts';

interface ScanOptions {
  /** Empty: every server. */
  readonly server: readonly string[];
  /** A directory for drafts. */
  readonly write?: string;
  readonly accept: boolean;
  readonly timeout: string;
  readonly config?: string;
  readonly json: boolean;
}

interface ScannedServer {
  readonly server: ServerConfig;
  readonly listing: ToolListing;
  /** Null when the server could not be asked. */
  readonly findings: ScanFindings | null;
}

/** `scan`. 0: every server answered; 1: one did not, or a file could not be written. */
export async function scanCommand(options: ScanOptions, terminal: Terminal): Promise<number> {
  const timeoutMs = parseDuration(options.timeout);
  if (timeoutMs === null || timeoutMs < 1) throw new Misuse('--timeout is a duration such as 60s');
  const read: ReadFile = (path) => readFile(resolve(terminal.cwd, path)).catch(() => null);
  const faults: Fault[] = [];
  const config = await configOf(options, terminal, read, faults);
  if (config === null) {
    terminal.err(faultLines(faults));
    return 1;
  }
  const unknown = options.server.find((name) => !config.servers.has(name));
  if (unknown !== undefined) throw new Misuse(`no server ${unknown} in the config`);
  const servers = [...config.servers.values()];
  const chosen = options.server.length === 0 ? servers : servers.filter(({ name }) => options.server.includes(name));
  takeWaysOut(
    readProxies(terminal.env, (name, message, expected) => {
      throw new Misuse(`${name} ${message} (expected ${expected})`);
    }),
  );
  const guarded = guardedPaths({ settings: placesOf(options, config, terminal), config }, terminal.env);
  const scanned = await Promise.all(chosen.map((server) => scan(server, timeoutMs, read, terminal, guarded)));
  if (options.json) terminal.out(printed`${printedJson({ servers: scanned.map(jsonOf) }, 2)}\n`);
  else for (const each of scanned) terminal.out(textOfScan(each));
  const written = await Promise.all(scanned.map((each) => write(each, options, terminal)));
  return written.every(Boolean) && scanned.every(({ listing }) => listing.ok) ? 0 : 1;
}

async function configOf(
  { config }: ScanOptions,
  terminal: Terminal,
  read: ReadFile,
  faults: Fault[],
): Promise<Config | null> {
  const path = configPathOf(terminal.env, config === undefined ? {} : { config });
  const text = await readTextFile(path, read, faults);
  if (text === null) return null;
  const parsed = parseConfig(text, {
    path,
    env: terminal.env,
    readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
  });
  if (parsed.ok) return parsed.config;
  faults.push(...parsed.faults);
  return null;
}

/** Where the config and the data directory are. */
function placesOf({ config: path }: ScanOptions, config: Config, { env }: Terminal) {
  const configPath = configPathOf(env, path === undefined ? {} : { config: path });
  return { configPath, data: env.HOLDFAST_DATA || (config.file.data ?? '.holdfast') };
}

async function scan(
  server: ServerConfig,
  timeoutMs: number,
  read: ReadFile,
  terminal: Terminal,
  guarded: Guarded,
): Promise<ScannedServer> {
  const listing = await listTools(server, timeoutMs, guarded);
  if (!listing.ok) return { server, listing, findings: null };
  return { server, listing, findings: findingsOf(listing.tools, await policyOf(server, read, terminal)) };
}

/** The server's policy. Null when there is none yet, or when it has faults, which are printed. */
async function policyOf(
  { policyPath, mode }: ServerConfig,
  read: ReadFile,
  terminal: Terminal,
): Promise<Policy | null> {
  if ((await read(policyPath)) === null) return null;
  const faults: Fault[] = [];
  const text = await readTextFile(policyPath, read, faults);
  const parsed = text === null ? null : parsePolicy(text, { path: policyPath });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  terminal.err(faultLines(faults));
  if (parsed?.ok !== true) return null;
  return mode === undefined ? parsed.policy : { ...parsed.policy, mode };
}

function jsonOf({ server, listing, findings }: ScannedServer): object {
  if (!listing.ok) return { server: server.name, ok: false, why: listing.why };
  const { name, version } = listing;
  const mode = server.mode ?? 'enforce';
  return { server: server.name, ok: true, name, version, policy: server.policyPath, mode, ...findings };
}

function textOfScan({ server, listing, findings }: ScannedServer): Printed {
  if (!listing.ok || findings === null) {
    return printed`${server.name}: cannot be scanned: ${listing.ok ? '' : listing.why}\n\n`;
  }
  const product = `${listing.name} ${listing.version}`;
  const head = printed`${server.name}: ${product}, ${listing.tools.length} tools, policy ${server.policyPath}${server.mode === 'watch' ? ', only watched' : ''}\n`;
  return printed`${head}${scanTable(findings)}\n`;
}

/** Writes what the options ask for. False when a file could not be written. */
async function write({ server, listing }: ScannedServer, options: ScanOptions, terminal: Terminal): Promise<boolean> {
  if (!listing.ok) return true;
  if (options.accept) await acceptTools(server, listing.tools, terminal);
  return options.write === undefined || writeDraft(options.write, server, listing, terminal);
}

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Config, ServerConfig } from '../../config/config.ts';
import { parseConfig } from '../../config/config-file.ts';
import { duration } from '../../config/duration.ts';
import { type Fault, faultText } from '../../config/fault.ts';
import { textOf } from '../../config/load.ts';
import { withSeen } from '../../config/policy-accept.ts';
import { draftPolicy, printable } from '../../config/policy-draft.ts';
import { parsePolicy } from '../../config/policy-file.ts';
import { configPathOf } from '../../config/settings.ts';
import type { Policy } from '../../domain/policy.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { listTools } from '../../main/upstream/list-configured.ts';
import type { Listing } from '../../main/upstream/list-tools.ts';
import { findingsOf, type ScanFindings } from './findings.ts';
import { scanTable } from './table.ts';

const USAGE = `Usage: holdfast scan [--config F] [--server S]… [--write DIR] [--accept] [--json] [--timeout 60s]
  Lists the tools of every configured server, with the risk of each and what policy says of it.
  --write DIR   writes DIR/SERVER.yaml with sensible defaults; a file that is there is left alone
  --accept      takes over into the configured policies how their tools look now
`;

interface ScanOptions {
  readonly config?: string;
  readonly server?: string[];
  readonly write?: string;
  readonly accept?: boolean;
  readonly json?: boolean;
  readonly timeout?: string;
}

interface ScannedServer {
  readonly server: ServerConfig;
  readonly listing: Listing;
  readonly findings: ScanFindings | null;
}

/** `scan`. 0: every server answered; 1: one did not, or a file could not be written; 2: misused. */
export async function scanCommand(argv: string[], terminal: Terminal): Promise<number> {
  const options = optionsOf(argv);
  if (typeof options === 'string') return misused(terminal, options);
  const timeoutMs = duration(options.timeout ?? '60s');
  if (timeoutMs === null || timeoutMs < 1) return misused(terminal, '--timeout is a duration such as 60s');
  const read = (path: string) => readFile(resolve(terminal.cwd, path)).catch(() => null);
  const faults: Fault[] = [];
  const config = await configOf(options, terminal, read, faults);
  if (config === null) {
    terminal.err(`${faults.map(faultText).join('\n')}\n`);
    return 1;
  }
  const unknown = options.server?.find((name) => !config.servers.has(name));
  if (unknown !== undefined) return misused(terminal, `no server ${unknown} in the config`);
  const chosen = [...config.servers.values()].filter((one) => options.server?.includes(one.name) ?? true);
  const scanned = await Promise.all(chosen.map((server) => scan(server, timeoutMs, read, terminal)));
  if (options.json) terminal.out(`${JSON.stringify({ servers: scanned.map(plain) }, null, 2)}\n`);
  else for (const one of scanned) terminal.out(pageOf(one));
  const written = await Promise.all(scanned.map((one) => keep(one, options, terminal)));
  return written.every(Boolean) && scanned.every((one) => one.listing.ok) ? 0 : 1;
}

function optionsOf(argv: string[]): ScanOptions | string {
  try {
    const text = { type: 'string' } as const;
    const flag = { type: 'boolean' } as const;
    return parseArgs({
      args: argv,
      options: {
        config: text,
        server: { type: 'string', multiple: true },
        write: text,
        accept: flag,
        json: flag,
        timeout: text,
      },
    }).values;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function misused(terminal: Terminal, why: string): number {
  terminal.err(`holdfast scan: ${why}\n\n${USAGE}`);
  return 2;
}

type ReadBytes = (path: string) => Promise<Uint8Array | null>;

async function configOf(
  options: ScanOptions,
  terminal: Terminal,
  read: ReadBytes,
  faults: Fault[],
): Promise<Config | null> {
  const path = configPathOf(terminal.env, options.config === undefined ? {} : { config: options.config });
  const text = await textOf(path, read, faults);
  if (text === null) return null;
  const parsed = parseConfig(text, { path, env: terminal.env });
  if (parsed.ok) return parsed.config;
  faults.push(...parsed.faults);
  return null;
}

async function scan(
  server: ServerConfig,
  timeoutMs: number,
  read: ReadBytes,
  terminal: Terminal,
): Promise<ScannedServer> {
  const listing = await listTools(server, timeoutMs);
  if (!listing.ok) return { server, listing, findings: null };
  return { server, listing, findings: findingsOf(listing.tools, await policyOf(server, read, terminal)) };
}

/** The server's policy; null when there is none yet, or, told, when it is no good. */
async function policyOf({ policyPath }: ServerConfig, read: ReadBytes, terminal: Terminal): Promise<Policy | null> {
  if ((await read(policyPath)) === null) return null;
  const faults: Fault[] = [];
  const text = await textOf(policyPath, read, faults);
  const parsed = text === null ? null : parsePolicy(text, { path: policyPath });
  if (parsed?.ok === false) faults.push(...parsed.faults);
  for (const fault of faults) terminal.err(`${faultText(fault)}\n`);
  return parsed?.ok ? parsed.policy : null;
}

function plain({ server, listing, findings }: ScannedServer): object {
  if (!listing.ok) return { server: server.name, ok: false, why: listing.why };
  const { name, version } = listing;
  return { server: server.name, ok: true, name, version, policy: server.policyPath, ...findings };
}

function pageOf({ server, listing, findings }: ScannedServer): string {
  if (!listing.ok || findings === null) {
    return `${server.name}: cannot be scanned: ${printable(listing.ok ? '' : listing.why)}\n\n`;
  }
  const product = printable(`${listing.name} ${listing.version}`);
  const head = `${server.name}: ${product}, ${listing.tools.length} tools, policy ${server.policyPath}\n`;
  return `${head}${scanTable(findings)}\n`;
}

/** What the options ask to be written; false when it could not be. */
async function keep({ server, listing }: ScannedServer, options: ScanOptions, terminal: Terminal): Promise<boolean> {
  if (!listing.ok) return true;
  const { tools } = listing;
  if (options.accept) await accept(server, tools, terminal);
  if (options.write === undefined) return true;
  const path = join(options.write, `${server.name}.yaml`);
  const text = draftPolicy({ product: `${listing.name} ${listing.version}`, tools });
  await mkdir(resolve(terminal.cwd, dirname(path)), { recursive: true });
  try {
    await writeFile(resolve(terminal.cwd, path), text, { flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    terminal.err(`${path} is there already and was left alone; --accept takes over what changed\n`);
    return false;
  }
  terminal.err(`wrote ${path}\n`);
  return true;
}

async function accept(server: ServerConfig, tools: Parameters<typeof withSeen>[1], terminal: Terminal): Promise<void> {
  const path = resolve(terminal.cwd, server.policyPath);
  const text = await readFile(path, 'utf8').catch(() => null);
  const changed = text === null ? null : withSeen({ path, text }, tools);
  if (changed === null) return;
  await writeFile(path, changed.text);
  terminal.err(`${server.policyPath}: took over how ${changed.tools.join(', ')} look now\n`);
}

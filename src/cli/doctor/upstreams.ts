import type { ServerConfig, StdioUpstream } from '../../config/config.ts';
import type { Loaded } from '../../config/load.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import { type ConfinementFault, confinementFaults, UNCONFINED, unconfinedServers } from '../../main/confine/check.ts';
import { type Guarded, guardedPaths } from '../../main/confine/guarded.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { listTools } from '../../main/upstream/list-configured.ts';
import { missingProgram } from '../../main/upstream/missing-program.ts';
import { ANSWER_MS, type DoctorFinding, fault, isLoopback, ok, warn, without } from './finding.ts';
import { knownCause } from './known-cause.ts';
import { missingToken } from './missing-token.ts';

/** Milliseconds that a child process may take to start: `npx` may have to download it first. */
const START_MS = 30_000;

/** Asks every server for its tools, as an agent would. `path`: directories with programs, as in `PATH`. */
export async function upstreamFindings(loaded: Loaded, { env }: Pick<Terminal, 'env'>): Promise<DoctorFinding[]> {
  const { config, policies } = loaded;
  const guarded = guardedPaths(loaded, env);
  const servers = [...config.servers.values()];
  if (servers.length === 0) return [warn('servers', 'the config names no server', 'Name one under servers.')];
  const unsafe = await confinementFaults(config, guarded, env);
  const refused = new Set(unsafe.filter(({ warning }) => !warning).map(({ server }) => server));
  const all = await Promise.all(
    servers
      .filter(({ name }) => !refused.has(name))
      .map((server) => upstream(server, policies.get(server.name) ?? null, env.PATH ?? '', guarded)),
  );
  return [...all.flat(), ...unsafe.map(unsafely), ...unconfinedServers(config).map(unconfined)];
}

function unsafely({ server, what, warning }: ConfinementFault): DoctorFinding {
  return warning
    ? warn(`server ${server}`, what, 'Put credentials into secret files, or make the config unreadable for this user.')
    : fault(`server ${server}`, what, 'The gateway does not start like this: docs/operations.md.');
}

/** The loud line of a server that has neither a user nor a sandbox of its own. */
function unconfined(name: string): DoctorFinding {
  return warn(`server ${name}`, UNCONFINED, 'Give it run_as or sandbox, or run it elsewhere: docs/operations.md.');
}

async function upstream(
  server: ServerConfig,
  policy: Policy | null,
  path: string,
  guarded: Guarded,
): Promise<DoctorFinding[]> {
  const about = `server ${server.name}`;
  const missing = await missingProgram(server, path);
  if (missing !== null) return [fault(about, missing.what, missing.remedy)];
  const listing = await listTools(server, server.upstream.kind === 'stdio' ? START_MS : ANSWER_MS, guarded);
  if (!listing.ok) {
    const why = without(listing.why, secretsOf(server));
    return [tokenFinding(about, server, why, fault) ?? unreachable(about, server, why)];
  }
  const names = new Set(listing.tools.map(({ name }) => name));
  const unknown = [...(policy?.exact.keys() ?? [])].filter((name) => !names.has(name));
  const found = [ok(about, `answers with ${names.size} tools`)];
  if (unknown.length > 0) {
    const what = `its policy names tools that it does not have: ${unknown.slice(0, 5).join(', ')}${unknown.length > 5 ? ', …' : ''}`;
    found.push(warn(about, what, 'Correct the names: for tools that are not named, the policy’s default applies.'));
  }
  const token = tokenFinding(about, server, without(listing.said ?? '', secretsOf(server)), warn);
  return [...found, ...(token === null ? [] : [token]), ...inTheClear(about, server)];
}

/** A command that says that it lacks a token: it was not given one, since it inherits next to nothing. */
function tokenFinding(
  about: string,
  { name, upstream }: ServerConfig,
  said: string,
  level: typeof fault,
): DoctorFinding | null {
  if (upstream.kind !== 'stdio') return null;
  const missing = missingToken(said, upstream.env);
  if (missing === null) return null;
  const [first = 'NAME'] = missing;
  const what = `it says that it needs ${missing.length === 0 ? 'a token' : missing.join(', ')}, which it was not given: ${said.slice(0, 200)}`;
  const remedy = `Put it under servers.${name}.env, such as { ${first}: "\${${first}}" }: a command inherits no other variables than PATH, HOME and a few more (docs/operations.md).`;
  return level(about, what, remedy);
}

function unreachable(about: string, server: ServerConfig, why: string): DoctorFinding {
  if (/redirect/i.test(why)) {
    return fault(about, 'it redirects, which is not followed', 'Put the address that it redirects to into url.');
  }
  if (/\b(401|403)\b|unauthorized|forbidden/i.test(why)) {
    return fault(about, 'it refuses the credential', 'Correct its headers (or env) in the config.');
  }
  const known = knownCause(server, why);
  const said = `it does not answer as an MCP server: ${why.slice(0, 300)}`;
  if (known !== null) return fault(about, said, known);
  const remedy =
    server.upstream.kind === 'stdio'
      ? `Run the command by hand, with the same env and cwd, and see what it prints: ${byHand(server.upstream)}`
      : 'Start it, or correct its url. A firewall may be in the way.';
  return fault(about, said, remedy);
}

/** Words for a shell, with the names of the variables, not their values. */
function byHand({ command, env, cwd }: StdioUpstream): string {
  const words = command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`));
  const variables = Object.keys(env).map((name) => `${name}=… `);
  return `${cwd === null ? '' : `cd ${cwd}; `}${variables.join('')}${words.join(' ')}`.slice(0, 300);
}

function inTheClear(about: string, { upstream }: ServerConfig): DoctorFinding[] {
  if (upstream.kind !== 'http' || !('authorization' in upstream.headers)) return [];
  const url = new URL(upstream.url);
  if (url.protocol === 'https:' || isLoopback(url.hostname)) return [];
  return [warn(about, 'its credential is sent over plain http', 'Use its https address.')];
}

/** Secrets that a child process or a server may repeat in its errors. */
function secretsOf({ upstream }: ServerConfig): string[] {
  if (upstream.kind === 'stdio') return Object.values(upstream.env);
  const headers = Object.values(upstream.headers).flatMap((value) => [value, ...value.split(/\s+/)]);
  return [upstream.url, ...headers, ...new URL(upstream.url).searchParams.values()];
}

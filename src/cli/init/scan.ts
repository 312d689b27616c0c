import type { ServerConfig } from '../../config/config.ts';
import { draftPolicy } from '../../config/policy/draft.ts';
import { parsePolicy } from '../../config/policy/file.ts';
import { readProxies } from '../../config/proxies.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { takeWaysOut } from '../../main/process/ways-out.ts';
import { listTools } from '../../main/upstream/list-configured.ts';
import { plural } from '../../text/plural.ts';
import { printed } from '../../text/printed.ts';
import { findingsOf } from '../scan/findings.ts';
import type { Asking } from './asking.ts';
import type { SetUpPlace } from './place.ts';
import type { ChosenServer, LeftServer } from './take.ts';

/** Milliseconds that a server may take: npx may have to download it first. */
const SCAN_MS = 120_000;

/** A server with its first policy. */
export interface ScannedServer {
  readonly server: ChosenServer;
  readonly policy: string;
}

/** Every call of a server whose tools nobody knows is asked about. */
const UNKNOWN_TOOLS = `# Written by holdfast init, which could not list this server's tools. Once it answers: holdfast scan
version: "1"
default: require_approval
`;

/** Lists the tools of each server that is new, as `scan` does, and drafts its policy. One that does not answer stays where it is. */
export async function scanServers(
  servers: readonly ChosenServer[],
  { folder }: Pick<SetUpPlace, 'folder'>,
  terminal: Terminal,
  asking: Asking,
): Promise<{ readonly scanned: readonly ScannedServer[]; readonly left: readonly LeftServer[] }> {
  takeWaysOut(
    readProxies(terminal.env, (name, message, expected) => {
      throw new Error(`${name} ${message} (expected ${expected})`);
    }),
  );
  if (servers.length > 0)
    terminal.out(printed`\nListing the tools of ${servers.map(({ name }) => name).join(', ')} …\n`);
  const listings = await Promise.all(
    servers.map((server) => listTools(upstreamOf(server, folder, terminal), SCAN_MS, NOTHING)),
  );
  const scanned: ScannedServer[] = [];
  const left: LeftServer[] = [];
  for (const [at, server] of servers.entries()) {
    const listing = listings[at]!;
    if (listing.ok) {
      const policy = draftPolicy({ product: `${listing.name} ${listing.version}`, tools: listing.tools });
      scanned.push({ server, policy });
      const parsed = parsePolicy(policy, { path: server.name });
      const { tools } = findingsOf(listing.tools, parsed.ok ? parsed.policy : null);
      const asked = tools.filter((tool) => tool.policy === 'ask').map(({ tool }) => tool);
      const allowed = tools.filter((tool) => tool.policy === 'allow').length;
      const words =
        asked.length === 0
          ? 'none needs approval'
          : `approval is needed for ${asked.slice(0, 8).join(', ')}${asked.length > 8 ? ` and ${asked.length - 8} more` : ''}`;
      terminal.out(
        printed`  ${server.name}: ${tools.length} ${plural(tools.length, 'tool')}; ${allowed} allowed, ${words}\n`,
      );
      continue;
    }
    terminal.out(printed`  ${server.name} did not list its tools: ${listing.why}\n`);
    const question = printed`Put ${server.name} behind Holdfast anyway? Every call to it will then need approval.`;
    if (await asking.agreed(question, false, false)) scanned.push({ server, policy: UNKNOWN_TOOLS });
    else left.push({ listed: server.listed, why: `did not list its tools: ${listing.why}` });
  }
  return { scanned, left };
}

/** A server is scanned without a sandbox, so nothing is kept from it here. */
const NOTHING = { folders: [], secrets: [], config: '', unwritten: [] };

/** As the config will fill them in. */
const NAMED = /\$(\$\{)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

function upstreamOf({ name, entry, secrets }: ChosenServer, folder: string, terminal: Terminal): ServerConfig {
  const fill = (text: string): string =>
    text.replace(NAMED, (_, escaped: string | undefined, variable: string) =>
      escaped === undefined ? (secrets.get(variable) ?? terminal.env[variable] ?? '') : '${',
    );
  const filled = (texts: Readonly<Record<string, string>>): Record<string, string> => {
    return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, fill(text)]));
  };
  const upstream: ServerConfig['upstream'] =
    'url' in entry
      ? { kind: 'http', url: fill(entry.url), headers: filled(entry.headers) }
      : {
          kind: 'stdio',
          command: [fill(entry.command), ...entry.args.map(fill)],
          env: filled(entry.env),
          // Where it runs once the gateway is started in its folder.
          cwd: entry.cwd ?? folder,
          runAs: null,
          sandbox: null,
        };
  return { name, upstream, policyPath: '' };
}

import { decidersOf, stuckAsks } from '../config/deciders.ts';
import type { Loaded } from '../config/load.ts';
import { isLostLoopback, shownProxies } from '../config/proxies.ts';
import { fileVariable } from '../config/secret-from.ts';
import { unsignedCalls } from '../config/unsigned-calls.ts';
import { UNCONFINED, unconfinedServers } from '../main/confine/check.ts';
import { readableSecrets } from '../main/process/ancestors.ts';
import { missingProgram } from '../main/upstream/missing-program.ts';
import { joined, type Printed, printed, printedJson } from '../text/printed.ts';
import { decidedWithoutSlack } from './decided-without-slack.ts';

/** What whoever starts a gateway has to know: servers that reach what is the gateway's, and calls that nobody can approve. */
export function loudLines(loaded: Loaded): string[] {
  const { config } = loaded;
  const unconfined = unconfinedServers(config).map(
    (name) => `WARNING: servers.${name} ${UNCONFINED} (expected run_as or sandbox; docs/operations.md)`,
  );
  const starts = [...config.servers.values()].some(({ upstream }) => upstream.kind === 'stdio');
  const readable = starts ? readableSecrets(config) : [];
  const secrets = readable.map(
    ({ pid, program, names }) =>
      `WARNING: environment: ${names.join(', ')} can be read in process ${pid} (${program}) by the servers that are started here (expected files: ${names.map(fileVariable).join(', ')})`,
  );
  return [...unconfined, ...secrets, ...lostLoopback(loaded), ...stuckLines(loaded), ...unsignedLines(loaded)];
}

/** Calls that should be signed and are not, or that nobody can sign. */
function unsignedLines(loaded: Loaded): string[] {
  return unsignedCalls(loaded).map(({ what, remedy }) => `WARNING: ${what} (${remedy}; docs/signatures.md)`);
}

/** A line for each server whose program is not there. The others work, so the gateway starts. `path`: as in `PATH`. */
export async function missingLines({ config }: Loaded, path: string): Promise<string[]> {
  const lines = [...config.servers.values()].map(async (server) => {
    const missing = await missingProgram(server, path);
    return missing === null
      ? []
      : [`WARNING: servers.${server.name} cannot be started: ${missing.what}. ${missing.remedy}`];
  });
  return (await Promise.all(lines)).flat();
}

/** Loopback is no exception by itself, and a proxy elsewhere cannot reach it. */
function lostLoopback({ config, secrets }: Loaded): string[] {
  return [...config.servers].flatMap(([name, { upstream }]) =>
    upstream.kind === 'http' && isLostLoopback(secrets.proxies, upstream.url)
      ? [
          `warning: servers.${name} is on this machine but is reached through a proxy (expected NO_PROXY with its host; docs/operations.md)`,
        ]
      : [],
  );
}

/** One line a grant and server: there may be many rules. */
function stuckLines(loaded: Loaded): string[] {
  const deciders = decidersOf(loaded);
  if (deciders.kind === 'nobody')
    return [`WARNING: nobody can approve the calls that need approval. ${deciders.remedy}`];
  return loaded.config.grants.flatMap((grant) =>
    [...Map.groupBy(stuckAsks(grant, loaded), ({ server }) => server).values()].map(([first, ...others]) => {
      const { server, what, quorum, people } = first!;
      const more = others.length > 0 ? ` and ${others.length} more` : '';
      return `WARNING: nobody can approve ${server}.${what}${more} for ${grant.name}: it needs ${quorum}, and ${people} could (holdfast doctor)`;
    }),
  );
}

/** What a gateway says when it listens: lines for people. */
export function banner(loaded: Loaded, url: string): Printed {
  const { config, settings, secrets } = loaded;
  const { console: page, api } = placesOf(loaded, url);
  const proxies = shownProxies(secrets.proxies);
  const lines = [
    printed`holdfast is listening on ${url}`,
    ...[...config.servers.keys()].map((name) => printed`  ${url}/mcp/${name}`),
    printed`  store: ${settings.store}; queue: ${settings.queue}`,
    ...(proxies.length > 0 ? [printed`  servers and Slack are reached through ${proxies.join(', ')}`] : []),
    ...(config.oauth ? [printed`  agents sign in at ${config.oauth.issuer}, or use a grant’s own token`] : []),
    secrets.slackBotToken === null
      ? printed`  Slack: not set up; ${decidedWithoutSlack(loaded)}`
      : printed`  Slack: ${String(settings.slack.channel)} (${secrets.slackAppToken === null ? `clicks at ${url}/slack/events` : 'Socket Mode'})`,
    page === null
      ? printed`  console and API: closed (HOLDFAST_ADMIN_TOKEN is not set)`
      : printed`  console: ${page}   API: ${String(api)}`,
  ];
  return printed`${joined(lines, '\n')}\n`;
}

/** The same on one line of JSON, for programs. The blank after the address lets it be found by a search for words. */
export function bannerJson(loaded: Loaded, url: string): Printed {
  const { config, settings, secrets } = loaded;
  const slack = secrets.slackBotToken === null ? null : settings.slack.channel;
  const said = {
    msg: `holdfast is listening on ${url} (store ${settings.store}, queue ${settings.queue})`,
    url,
    servers: Object.fromEntries([...config.servers.keys()].map((name) => [name, `${url}/mcp/${name}`])),
    store: settings.store,
    queue: settings.queue,
    proxies: shownProxies(secrets.proxies),
    slack,
    ...(config.oauth && { oauth: config.oauth.issuer }),
    approvals: slack === null ? decidedWithoutSlack(loaded) : 'calls are approved in Slack',
    ...placesOf(loaded, url),
  };
  return printed`${printedJson(said)}\n`;
}

/** null: closed. */
function placesOf({ config, settings, secrets }: Loaded, url: string): { console: string | null; api: string | null } {
  if (secrets.adminToken === null && !config.oidc) return { console: null, api: null };
  return { console: `${settings.publicUrl ?? url}/`, api: `${url}/api/approvals` };
}

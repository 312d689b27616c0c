import { type Loaded, loadConfig } from '../config/load.ts';
import { isLostLoopback, shownProxies } from '../config/proxies.ts';
import { fileVariable } from '../config/secret-from.ts';
import type { Flags } from '../config/settings.ts';
import { UNCONFINED, unconfinedServers } from '../main/confine/check.ts';
import { startNode } from '../main/node.ts';
import { readableSecrets } from '../main/process/ancestors.ts';
import { faultInjection } from '../main/process/fault-injection.ts';
import { fromDisk } from '../main/process/from-disk.ts';
import { processLog } from '../main/process/log.ts';
import { secretsOnDisk } from '../main/process/secret-file.ts';
import type { Terminal } from '../main/process/terminal.ts';
import { watchConfig } from '../main/reload.ts';
import { joined, type Printed, printed } from '../text/printed.ts';
import { faultLines } from './fault-lines.ts';

/** `start`: runs until SIGTERM or SIGINT. */
export async function startCommand(flags: Flags, terminal: Terminal): Promise<number> {
  const sources = {
    env: terminal.env,
    flags,
    readFile: fromDisk,
    readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
  };
  const loaded = await loadConfig(sources);
  if (!loaded.ok) {
    terminal.err(faultLines(loaded.faults));
    return 1;
  }
  for (const warning of loaded.warnings ?? []) terminal.err(printed`warning: ${faultLines([warning])}`);
  warnAboutServers(loaded, terminal);
  warnAboutProxies(loaded, terminal);
  const log = processLog();
  const running = await startNode(loaded, log, faultInjection(terminal.env), { out: terminal.out });
  // Listen for signals before the banner: whoever waits for the banner may stop the process at once.
  const stopped = stopSignal();
  const stopReloading = watchConfig(running, sources, log);
  terminal.out(banner(loaded, running.url));
  await stopped;
  stopReloading();
  terminal.out(printed`stopping: held calls get the pending result, calls under way may finish\n`);
  await running.stop();
  return 0;
}

/** The loud lines: servers that could reach what is the gateway's, and secrets that they would find above it. */
function warnAboutServers({ config }: Loaded, terminal: Terminal): void {
  for (const name of unconfinedServers(config)) {
    terminal.err(printed`WARNING: servers.${name} ${UNCONFINED} (expected run_as or sandbox; docs/operations.md)\n`);
  }
  if (![...config.servers.values()].some(({ upstream }) => upstream.kind === 'stdio')) return;
  for (const { pid, program, names } of readableSecrets(config)) {
    terminal.err(
      printed`WARNING: environment: ${names.join(', ')} can be read in process ${pid} (${program}) by the servers that are started here (expected files: ${names.map(fileVariable).join(', ')})\n`,
    );
  }
}

/** Loopback is no exception by itself, and a proxy elsewhere cannot reach it. */
function warnAboutProxies({ config, secrets }: Loaded, terminal: Terminal): void {
  for (const [name, { upstream }] of config.servers) {
    if (upstream.kind !== 'http' || !isLostLoopback(secrets.proxies, upstream.url)) continue;
    terminal.err(
      printed`warning: servers.${name} is on this machine, and is reached through a proxy (expected NO_PROXY with its host; docs/operations.md)\n`,
    );
  }
}

function banner({ config, settings, secrets }: Loaded, url: string): Printed {
  const proxies = shownProxies(secrets.proxies);
  const lines = [
    printed`holdfast is listening on ${url}`,
    ...[...config.servers.keys()].map((name) => printed`  ${url}/mcp/${name}`),
    printed`  store: ${settings.store}; queue: ${settings.queue}`,
    ...(proxies.length > 0 ? [printed`  servers and Slack are reached through ${proxies.join(', ')}`] : []),
    secrets.slackBotToken === null
      ? printed`  Slack: not configured; approvals are decided over the API`
      : printed`  Slack: ${String(settings.slack.channel)} (${secrets.slackAppToken === null ? `clicks at ${url}/slack/events` : 'Socket Mode'})`,
    secrets.adminToken === null
      ? printed`  console and API: closed (HOLDFAST_ADMIN_TOKEN is not set)`
      : printed`  console: ${settings.publicUrl ?? url}/   API: ${url}/api/approvals`,
  ];
  return printed`${joined(lines, '\n')}\n`;
}

function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}

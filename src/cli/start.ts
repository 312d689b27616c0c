import { type Loaded, loadConfig } from '../config/load.ts';
import type { Flags } from '../config/settings.ts';
import { startNode } from '../main/node.ts';
import { auditWebhook } from '../main/process/audit-webhook.ts';
import { faultInjection } from '../main/process/fault-injection.ts';
import { fromDisk } from '../main/process/from-disk.ts';
import { processLog } from '../main/process/log.ts';
import type { Terminal } from '../main/process/terminal.ts';
import { watchConfig } from '../main/reload.ts';
import { joined, type Printed, printed } from '../text/printed.ts';
import { faultLines } from './fault-lines.ts';

/** `start`: runs until SIGTERM or SIGINT. */
export async function startCommand(flags: Flags, terminal: Terminal): Promise<number> {
  const sources = { env: terminal.env, flags, readFile: fromDisk };
  const loaded = await loadConfig(sources);
  if (!loaded.ok) {
    terminal.err(faultLines(loaded.faults));
    return 1;
  }
  for (const warning of loaded.warnings ?? []) terminal.err(printed`warning: ${faultLines([warning])}`);
  const log = processLog();
  const sink = auditWebhook(loaded.secrets, { now: () => new Date() });
  const running = await startNode(loaded, log, faultInjection(terminal.env), { sink, out: terminal.out });
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

function banner({ config, settings, secrets }: Loaded, url: string): Printed {
  const lines = [
    printed`holdfast is listening on ${url}`,
    ...[...config.servers.keys()].map((name) => printed`  ${url}/mcp/${name}`),
    printed`  store: ${settings.store}; queue: ${settings.queue}`,
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

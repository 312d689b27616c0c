import { type Loaded, loadConfig } from '../../config/load.ts';
import { SLACK_ID } from '../../config/people.ts';
import { quietChannels } from '../../config/quiet-channels.ts';
import { fromDisk } from '../../main/process/from-disk.ts';
import { secretsOnDisk } from '../../main/process/secret-file.ts';
import type { Terminal } from '../../main/process/terminal.ts';
import { takeWaysOut } from '../../main/process/ways-out.ts';
import { channelsOf } from '../../slack/place/routing.ts';
import { checkAppToken, checkSlack } from '../../slack/setup/check.ts';
import { cardFaults } from '../../slack/setup/check-cards.ts';
import { fatal, type SetupFault, weak } from '../../slack/setup/fault.ts';
import { SAMPLE_FREEZE } from '../../slack/setup/sample-cards.ts';
import { stopView } from '../../slack/stop/stop-view.ts';
import { slackClient } from '../../slack/wire/client.ts';
import { printed, printedJson } from '../../text/printed.ts';
import { faultLines } from '../fault-lines.ts';
import type { DoctorFinding } from './finding.ts';

const QUIET = { info() {}, warn() {}, error() {} };
/** Milliseconds that our own public address may take to answer. */
const ANSWER_MS = 5_000;

/**
 * `doctor slack`: checks everything that a click needs, and gives a remedy for each fault. 0: approvals can be decided
 * in Slack.
 */
export async function doctorSlackCommand(
  { json, ...flags }: { readonly config?: string; readonly json: boolean },
  terminal: Terminal,
): Promise<number> {
  const loaded = await loadConfig({
    env: terminal.env,
    flags,
    readFile: fromDisk,
    readSecret: secretsOnDisk(terminal.env.CREDENTIALS_DIRECTORY),
  });
  if (!loaded.ok) {
    terminal.err(faultLines(loaded.faults));
    return 1;
  }
  return diagnose(loaded, terminal, json);
}

/** Prints what is wrong and what to do. 1 when approvals cannot be decided in Slack, or Slack did not answer. */
export async function diagnose(loaded: Loaded, terminal: Terminal, json = false): Promise<number> {
  const { settings, secrets } = loaded;
  takeWaysOut(secrets.proxies);
  if (secrets.slackBotToken === null || settings.slack.channel === null) {
    return report([fatal('Slack is not configured', NOT_CONFIGURED)], '', terminal, json);
  }
  const ready = `cards go to ${settings.slack.channel}, clicks come ${routeOf(loaded)}`;
  return report(await slackFaults(loaded), ready, terminal, json);
}

/** Everything that is wrong with the Slack setup; empty when Slack is not configured. */
export async function slackFaults(loaded: Loaded): Promise<SetupFault[]> {
  const { config, settings, secrets } = loaded;
  if (secrets.slackBotToken === null || settings.slack.channel === null) return [];
  const apiUrl = settings.slack.apiUrl ?? undefined;
  const clientOf = (token: string) => slackClient({ token, apiUrl, log: QUIET });
  const groups = [...config.approvers.values()];
  const { channel } = settings.slack;
  const faults = await checkSlack(clientOf(secrets.slackBotToken), {
    channel,
    channels: channelsOf({
      channel,
      ...config.slack.channels,
      fallback: config.slack.fallback ?? undefined,
      quiet: quietChannels(loaded),
    }),
    userGroups: groups.flatMap((group) => group.userGroups),
    people: groups.flatMap((group) => group.people).filter((id) => SLACK_ID.test(id)),
    team: config.slack.team ?? undefined,
    enterprise: config.slack.enterprise ?? undefined,
    app: config.slack.app ?? undefined,
    direct: config.slack.direct !== 'off',
  });
  const stops = { servers: ['prometheus'], grants: ['release-bot'], freezes: [SAMPLE_FREEZE] };
  const windows = [{ what: 'the window for freezes', view: stopView(stops, null) }];
  faults.push(...(await cardFaults(clientOf(secrets.slackBotToken), settings.publicUrl, windows)));
  faults.push(...(await routeFaults(loaded, clientOf)));
  return faults;
}

function routeOf({ secrets, settings }: Loaded): string {
  return secrets.slackAppToken === null ? `to ${settings.publicUrl}/slack/events` : 'over Socket Mode';
}

/** Whether a click can reach us at all. */
async function routeFaults(
  { settings, secrets }: Loaded,
  clientOf: (token: string) => ReturnType<typeof slackClient>,
): Promise<SetupFault[]> {
  if (secrets.slackAppToken !== null) return checkAppToken(clientOf(secrets.slackAppToken));
  const { publicUrl } = settings;
  if (publicUrl === null) {
    const remedy =
      'Set HOLDFAST_PUBLIC_URL to the https address of this gateway, or use Socket Mode (SLACK_APP_TOKEN).';
    return [fatal('Slack has no address to send clicks to', remedy)];
  }
  if (await answersAsOurs(`${publicUrl}/slack/events`)) return [];
  const remedy = 'Start the gateway and check that the address leads to it; Slack must reach it from outside.';
  return [weak(`nothing of ours answers at ${publicUrl}/slack/events from here`, remedy)];
}

/** Holdfast refuses a request that Slack did not sign, with a text of its own. */
async function answersAsOurs(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'payload=%7B%7D',
      redirect: 'manual',
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return response.status === 401 && (await response.text()).startsWith('not from Slack');
  } catch {
    return false;
  }
}

const MARKS = { fatal: '✖', weak: '!', unknown: '?' } as const;

const NOT_CONFIGURED = 'Run `holdfast init slack`, then set SLACK_BOT_TOKEN and slack.channel.';

function report(faults: readonly SetupFault[], ready: string, terminal: Terminal, json: boolean): number {
  const bad = faults.some(({ severity }) => severity !== 'weak');
  if (json) {
    terminal.out(printed`${printedJson({ ok: !bad, findings: faults.map(findingOf) }, 2)}\n`);
    return bad ? 1 : 0;
  }
  for (const { severity, what, remedy } of faults) terminal.out(printed`${MARKS[severity]} ${what}\n  → ${remedy}\n`);
  terminal.out(
    bad ? printed`\nApprovals cannot be decided in Slack like this.\n` : printed`✔ Slack is ready: ${ready}\n`,
  );
  return bad ? 1 : 0;
}

/** As `doctor --json` writes it. */
function findingOf({ severity, what, remedy }: SetupFault): DoctorFinding {
  return { level: severity === 'fatal' ? 'fault' : 'warn', about: 'slack', what, remedy };
}

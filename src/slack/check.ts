import { type JsonObject, member } from '../domain/json.ts';
import type { SlackApi, SlackFailure } from './api.ts';
import { channelFaults, groupFaults, personFaults } from './check-targets.ts';
import { type Fault, fatal, unanswered, weak } from './fault.ts';
import { OPTIONAL_SCOPES, SCOPES } from './manifest.ts';

export interface SlackSetup {
  readonly channel: string;
  /** Further channels that cards may go to. */
  readonly channels?: readonly string[] | undefined;
  /** User groups that the approvers' groups name (S…). */
  readonly userGroups: readonly string[];
  /** People that the approvers' groups name (U…). */
  readonly people?: readonly string[] | undefined;
  /** The workspace the config names. */
  readonly team?: string | undefined;
  /** Approvers are written to directly. */
  readonly direct?: boolean | undefined;
}

/** Looks at everything a click will need. No faults: an approval can be shown and decided. Changes nothing in Slack. */
export async function checkSlack(api: SlackApi, setup: SlackSetup): Promise<Fault[]> {
  const who = await api.call('auth.test', {});
  if (!who.ok) return [tokenFault(who.failure)];
  const faults = [...teamFaults(who.body, setup.team), ...scopeFaults(who.scopes, setup)];
  for (const channel of new Set([setup.channel, ...(setup.channels ?? [])])) {
    faults.push(...(await channelFaults(api, channel)));
  }
  for (const group of new Set(setup.userGroups)) faults.push(...(await groupFaults(api, group)));
  for (const user of new Set(setup.people ?? [])) faults.push(...(await personFaults(api, user)));
  return faults;
}

/** Socket Mode's own token. Asks for an address to connect to, which is what it is for. */
export async function checkAppToken(api: SlackApi): Promise<Fault[]> {
  const answer = await api.call('apps.connections.open', {});
  if (answer.ok) return [];
  const silent = unanswered(answer.failure);
  if (silent) return [silent];
  const { code } = answer.failure;
  if (code === 'missing_scope') {
    return [fatal('SLACK_APP_TOKEN lacks connections:write', 'Make an app-level token with that scope.')];
  }
  const remedy =
    'Make an app-level token (xapp-…) under "Basic Information" → "App-Level Tokens", and turn on "Socket Mode".';
  return [fatal(`Slack refuses SLACK_APP_TOKEN (${code})`, remedy)];
}

function tokenFault(failure: SlackFailure): Fault {
  const remedy = failure.passing
    ? 'Copy the "Bot User OAuth Token" (xoxb-…) from "OAuth & Permissions" of the app into SLACK_BOT_TOKEN.'
    : 'Install the app to the workspace again and copy its bot token into SLACK_BOT_TOKEN.';
  return unanswered(failure) ?? fatal(`Slack refuses SLACK_BOT_TOKEN (${failure.code})`, remedy);
}

function teamFaults(who: JsonObject, team: string | undefined): Fault[] {
  const actual = member(who, 'team_id');
  if (team === undefined || actual === team) return [];
  const what = `the token is for workspace ${String(actual)}, the config says ${team}`;
  return [fatal(what, 'Set slack.team to the one you mean, or take that workspace’s token.')];
}

/** Scopes that only some set-ups need; whether a channel can be looked at tells its own fault. */
function needed(scope: string, { userGroups, direct }: SlackSetup): boolean {
  if (scope === 'usergroups:read') return userGroups.length > 0;
  if (scope === 'im:write') return direct === true;
  return scope === 'chat:write' || scope === 'users:read';
}

function scopeFaults(scopes: readonly string[] | null, setup: SlackSetup): Fault[] {
  if (scopes === null) return [weak('Slack did not say which scopes the token has', 'Compare them with the manifest.')];
  const missing = (wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).filter(([scope]) => !scopes.includes(scope));
  const remedy = (scope: string) =>
    `Add ${scope} under "OAuth & Permissions" → "Bot Token Scopes" and install the app again.`;
  return [
    ...missing(SCOPES).map(([scope, use]) =>
      needed(scope, setup)
        ? fatal(`the scope ${scope} is missing, needed to ${use}`, remedy(scope))
        : weak(`the scope ${scope} is missing, which is to ${use}`, remedy(scope)),
    ),
    ...missing(OPTIONAL_SCOPES).map(([scope, use]) =>
      weak(`without the scope ${scope} we cannot ${use}`, remedy(scope)),
    ),
  ];
}

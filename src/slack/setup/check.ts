import { type JsonObject, member } from '../../domain/json/json.ts';
import { type HomeTerms, homeMismatches } from '../people/home.ts';
import type { SlackApi, SlackFailure } from '../wire/api.ts';
import { channelFaults, groupFaults, personFaults } from './check-targets.ts';
import { fatal, type SetupFault, unanswered, weak } from './fault.ts';
import { OPTIONAL_SCOPES, REQUIRED_SCOPES } from './manifest.ts';
import { appTokenFault, botTokenFault } from './token-fault.ts';

/** Whose people count, and which app's buttons, as the config names them. */
export interface HomeSetup extends HomeTerms {
  /** The app's id (A…). */
  readonly app?: string | undefined;
}

export interface SlackSetup extends HomeSetup {
  readonly channel: string;
  /** Further channels that cards may go to. */
  readonly channels?: readonly string[] | undefined;
  /** User groups that the approvers' groups name (S…). */
  readonly userGroups: readonly string[];
  /** People that the approvers' groups name (U…). */
  readonly people?: readonly string[] | undefined;
  /** Whether approvers are sent direct messages. */
  readonly direct?: boolean | undefined;
}

/**
 * Checks everything that a card and a click will need; no fault means that an approval can be shown and decided.
 * Changes nothing in Slack.
 */
export async function checkSlack(api: SlackApi, setup: SlackSetup): Promise<SetupFault[]> {
  const identity = await api.call('auth.test', {});
  if (!identity.ok) return [tokenFault(identity.failure)];
  const faults = [...(await identityFaults(api, identity.body, setup)), ...scopeFaults(identity.scopes, setup)];
  for (const channel of new Set([setup.channel, ...(setup.channels ?? [])])) {
    faults.push(...(await channelFaults(api, channel)));
  }
  for (const group of new Set(setup.userGroups)) faults.push(...(await groupFaults(api, group)));
  for (const user of new Set(setup.people ?? [])) faults.push(...(await personFaults(api, user)));
  return faults;
}

/** Whether the bot token belongs to this workspace, organisation and app. */
export async function checkHome(api: SlackApi, setup: HomeSetup): Promise<SetupFault[]> {
  const identity = await api.call('auth.test', {});
  return identity.ok ? identityFaults(api, identity.body, setup) : [tokenFault(identity.failure)];
}

/** Whether Slack accepts Socket Mode's own token, by asking for an address to connect to. */
export async function checkAppToken(api: SlackApi): Promise<SetupFault[]> {
  const answer = await api.call('apps.connections.open', {});
  if (answer.ok) return [];
  const silent = unanswered(answer.failure);
  if (silent) return [silent];
  const { code } = answer.failure;
  if (code === 'missing_scope') {
    return [fatal('SLACK_APP_TOKEN lacks connections:write', 'Make an app-level token with that scope.')];
  }
  return [appTokenFault(code)];
}

function tokenFault(failure: SlackFailure): SetupFault {
  return unanswered(failure) ?? botTokenFault(failure.code);
}

async function identityFaults(api: SlackApi, identity: JsonObject, setup: HomeSetup): Promise<SetupFault[]> {
  const mismatches = homeMismatches(identity, setup).map(({ what, remedy }) => fatal(what, remedy));
  return [...mismatches, ...(await appFaults(api, member(identity, 'bot_id'), setup.app))];
}

/** Only `bots.info` says which app a bot belongs to. A wrong id is safe: every click would be refused. */
async function appFaults(api: SlackApi, bot: unknown, app: string | undefined): Promise<SetupFault[]> {
  if (app === undefined || typeof bot !== 'string') return [];
  const answer = await api.call('bots.info', { bot });
  if (!answer.ok) {
    const silent = unanswered(answer.failure);
    return silent === null ? [] : [silent];
  }
  const actual = member(member(answer.body, 'bot'), 'app_id');
  if (typeof actual !== 'string' || actual === app) return [];
  const what = `the token is of app ${actual}, the config says ${app}: every click would be refused`;
  return [fatal(what, `Set slack.app to ${actual}, or take that app’s token.`)];
}

/** Whether this setup needs the scope. Channels are left out: looking one up reports its own fault. */
function needed(scope: string, { userGroups, direct }: SlackSetup): boolean {
  if (scope === 'usergroups:read') return userGroups.length > 0;
  if (scope === 'im:write') return direct === true;
  return scope === 'chat:write' || scope === 'users:read';
}

function scopeFaults(scopes: readonly string[] | null, setup: SlackSetup): SetupFault[] {
  if (scopes === null) return [weak('Slack did not say which scopes the token has', 'Compare them with the manifest.')];
  const missing = (wanted: Readonly<Record<string, string>>) =>
    Object.entries(wanted).filter(([scope]) => !scopes.includes(scope));
  const remedy = (scope: string) =>
    `Add ${scope} under "OAuth & Permissions" → "Bot Token Scopes" and install the app again.`;
  return [
    ...missing(REQUIRED_SCOPES).map(([scope, use]) =>
      needed(scope, setup)
        ? fatal(`the scope ${scope} is missing, needed to ${use}`, remedy(scope))
        : weak(`the scope ${scope} is missing, which is to ${use}`, remedy(scope)),
    ),
    ...missing(OPTIONAL_SCOPES).map(([scope, use]) =>
      weak(`without the scope ${scope} we cannot ${use}`, remedy(scope)),
    ),
  ];
}

import { type JsonObject, member } from '../../domain/json.ts';
import { type HomeTerms, homeFaults } from '../people/home.ts';
import type { SlackApi, SlackFailure } from '../wire/api.ts';
import { channelFaults, groupFaults, personFaults } from './check-targets.ts';
import { fatal, type SetupFault, unanswered, weak } from './fault.ts';
import { OPTIONAL_SCOPES, REQUIRED_SCOPES } from './manifest.ts';
import { appTokenFault, botTokenFault } from './token-fault.ts';

/** Whose people count and whose buttons, as the config names them. */
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
  /** Approvers are written to directly. */
  readonly direct?: boolean | undefined;
}

/** Looks at everything a click will need. No faults: an approval can be shown and decided. Changes nothing in Slack. */
export async function checkSlack(api: SlackApi, setup: SlackSetup): Promise<SetupFault[]> {
  const who = await api.call('auth.test', {});
  if (!who.ok) return [tokenFault(who.failure)];
  const faults = [...(await ownFaults(api, who.body, setup)), ...scopeFaults(who.scopes, setup)];
  for (const channel of new Set([setup.channel, ...(setup.channels ?? [])])) {
    faults.push(...(await channelFaults(api, channel)));
  }
  for (const group of new Set(setup.userGroups)) faults.push(...(await groupFaults(api, group)));
  for (const user of new Set(setup.people ?? [])) faults.push(...(await personFaults(api, user)));
  return faults;
}

/** Whether the bot token is of this workspace, organisation and app. */
export async function checkHome(api: SlackApi, setup: HomeSetup): Promise<SetupFault[]> {
  const who = await api.call('auth.test', {});
  return who.ok ? ownFaults(api, who.body, setup) : [tokenFault(who.failure)];
}

/** Socket Mode's own token. Asks for an address to connect to, which is what it is for. */
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

async function ownFaults(api: SlackApi, who: JsonObject, setup: HomeSetup): Promise<SetupFault[]> {
  return [...homeFaults(who, setup), ...(await appFaults(api, member(who, 'bot_id'), setup.app))];
}

/** Which app a bot belongs to is said by `bots.info` alone. A wrong id is no danger: every click would be refused. */
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

/** Scopes that only some set-ups need; whether a channel can be looked at tells its own fault. */
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

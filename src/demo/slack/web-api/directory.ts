import type { SlackToken, SlackUser } from '../state/workspace.ts';
import type { World } from '../state/world.ts';
import { type Fields, isTrue, textField } from '../wire/fields.ts';
import type { WebApiMethod } from './method.ts';
import { TIER } from './rates.ts';
import { errorReply, type MethodReply, okReply } from './reply.ts';

/** Who the app is, who people are, what groups there are. */
export const DIRECTORY_METHODS: Readonly<Record<string, WebApiMethod>> = {
  'auth.test': { token: 'bot', scope: null, rate: null, run: authTest },
  'bots.info': { token: 'bot', scope: 'users:read', rate: TIER[3], run: botsInfo },
  'users.info': { token: 'bot', scope: 'users:read', rate: TIER[4], run: usersInfo },
  'usergroups.list': { token: 'bot', scope: 'usergroups:read', rate: TIER[2], run: usergroupsList },
  'usergroups.users.list': { token: 'bot', scope: 'usergroups:read', rate: TIER[2], run: usergroupsUsersList },
  'apps.connections.open': { token: 'app', scope: 'connections:write', rate: TIER[1], run: connectionsOpen },
};

function authTest(world: World, _args: Fields, _token: SlackToken): MethodReply {
  const { workspace } = world;
  return okReply({
    url: `https://${workspace.team.domain}.slack.com/`,
    team: workspace.team.name,
    user: workspace.users.get(workspace.botUser)?.name ?? '',
    team_id: workspace.team.id,
    user_id: workspace.botUser,
    bot_id: workspace.botId,
    ...(workspace.enterprise ? { enterprise_id: workspace.enterprise.id } : {}),
    is_enterprise_install: workspace.enterprise?.is_enterprise_install ?? false,
  });
}

function botsInfo({ workspace }: World, args: Fields): MethodReply {
  if (textField(args, 'bot') !== workspace.botId) return errorReply('bot_not_found');
  const { botId, botUser, appId } = workspace;
  const name = workspace.users.get(botUser)?.name ?? '';
  return okReply({ bot: { id: botId, app_id: appId, user_id: botUser, name, deleted: false } });
}

function usersInfo(world: World, args: Fields): MethodReply {
  const user = world.workspace.users.get(textField(args, 'user') ?? '');
  return user === undefined ? errorReply('user_not_found') : okReply({ user: shownUser(user) });
}

function shownUser(user: SlackUser): Fields {
  return {
    ...structuredClone(user),
    is_admin: false,
    is_owner: false,
    is_primary_owner: false,
    is_app_user: false,
    tz: 'Europe/Amsterdam',
    profile: { real_name: user.real_name, display_name: user.name, team: user.team_id },
  };
}

function usergroupsList(world: World, args: Fields): MethodReply {
  const { workspace } = world;
  if (workspace.team.plan === 'free') return errorReply('plan_upgrade_required');
  const groups = [...workspace.userGroups.values()].filter((group) => !group.disabled || isTrue(args.include_disabled));
  return okReply({
    usergroups: groups.map((group) => ({
      id: group.id,
      team_id: workspace.team.id,
      is_usergroup: true,
      name: group.name,
      handle: group.handle,
      date_delete: group.disabled ? 1 : 0,
      user_count: group.users.length,
      ...(isTrue(args.include_users) ? { users: [...group.users] } : {}),
    })),
  });
}

function usergroupsUsersList(world: World, args: Fields): MethodReply {
  const { workspace } = world;
  if (workspace.team.plan === 'free') return errorReply('plan_upgrade_required');
  const group = workspace.userGroups.get(textField(args, 'usergroup') ?? '');
  if (group === undefined || (group.disabled && !isTrue(args.include_disabled))) return errorReply('no_such_subteam');
  return okReply({ users: [...group.users] });
}

function connectionsOpen(world: World): MethodReply {
  return okReply({ url: world.socketUrl() });
}

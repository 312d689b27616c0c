/** Who and what is in the stand-in. Field names are Slack's own; everything may be changed while it runs. */

export interface SlackTeam {
  id: string;
  name: string;
  domain: string;
  /** User groups exist on paid plans only; on `free` they answer `plan_upgrade_required`. */
  plan: 'free' | 'paid';
}

export interface SlackEnterprise {
  id: string;
  name: string;
  /** The app is installed on the whole organisation: payloads then carry `team: null`. */
  is_enterprise_install: boolean;
}

export interface SlackUser {
  readonly id: string;
  name: string;
  real_name: string;
  team_id: string;
  deleted: boolean;
  is_bot: boolean;
  is_restricted: boolean;
  is_ultra_restricted: boolean;
  is_stranger: boolean;
  /** On Enterprise Grid only. */
  enterprise_user?: { id: string; enterprise_id: string; enterprise_name: string; teams: string[] };
}

export interface SlackChannel {
  readonly id: string;
  name: string;
  is_private: boolean;
  is_im: boolean;
  is_archived: boolean;
  is_shared: boolean;
  is_ext_shared: boolean;
  is_org_shared: boolean;
  /** Ids of users; the bot is in it only if its id is here. */
  members: string[];
}

export interface SlackUserGroup {
  readonly id: string;
  handle: string;
  name: string;
  users: string[];
  disabled: boolean;
}

export interface SlackToken {
  readonly kind: 'bot' | 'app';
  scopes: string[];
  revoked: boolean;
}

/** The scopes of the app's manifest, and those for reading direct messages. */
export const MANIFEST_SCOPES: readonly string[] = [
  'chat:write',
  'users:read',
  'usergroups:read',
  'channels:read',
  'groups:read',
  'im:read',
  'im:write',
  'channels:history',
  'commands',
  'groups:history',
  'im:history',
];

/** What a test or the demo may set. List items are merged with the defaults by id. */
export interface WorkspaceOptions {
  readonly appId?: string;
  readonly botUser?: string;
  readonly botId?: string;
  readonly botToken?: string;
  readonly appToken?: string;
  readonly scopes?: readonly string[];
  readonly team?: Partial<SlackTeam>;
  readonly enterprise?: (Partial<SlackEnterprise> & { id: string }) | null;
  readonly users?: readonly (Partial<SlackUser> & { id: string })[];
  readonly channels?: readonly (Partial<SlackChannel> & { id: string })[];
  readonly userGroups?: readonly (Partial<SlackUserGroup> & { id: string })[];
}

export interface Workspace {
  readonly appId: string;
  readonly botUser: string;
  readonly botId: string;
  readonly team: SlackTeam;
  enterprise: SlackEnterprise | null;
  readonly users: Map<string, SlackUser>;
  readonly channels: Map<string, SlackChannel>;
  readonly userGroups: Map<string, SlackUserGroup>;
  readonly tokens: Map<string, SlackToken>;
}

export const BOT_TOKEN = 'xoxb-stand-in-bot-token';
export const APP_TOKEN = 'xapp-stand-in-app-token';

/** The workspace of the docs' examples: Mira, Alex and Sam, their approvals channel and one user group. */
export function workspaceOf(options: WorkspaceOptions): Workspace {
  const botUser = options.botUser ?? 'U0HOLDFAST';
  const team: SlackTeam = { id: 'T0MAIN', name: 'Main', domain: 'main', plan: 'paid', ...options.team };
  const workspace: Workspace = {
    appId: options.appId ?? 'A0HOLDFAST',
    botUser,
    botId: options.botId ?? 'B0HOLDFAST',
    team,
    enterprise: options.enterprise ? { name: 'Enterprise', is_enterprise_install: false, ...options.enterprise } : null,
    users: new Map(),
    channels: new Map(),
    userGroups: new Map(),
    tokens: new Map([
      [
        options.botToken ?? BOT_TOKEN,
        { kind: 'bot', scopes: [...(options.scopes ?? MANIFEST_SCOPES)], revoked: false },
      ],
      [options.appToken ?? APP_TOKEN, { kind: 'app', scopes: ['connections:write'], revoked: false }],
    ]),
  };
  for (const user of [...defaultUsers(botUser), ...(options.users ?? [])]) putUser(workspace, user);
  for (const channel of [...defaultChannels(botUser), ...(options.channels ?? [])]) putChannel(workspace, channel);
  for (const group of [DEFAULT_GROUP, ...(options.userGroups ?? [])]) putUserGroup(workspace, group);
  return workspace;
}

function defaultUsers(botUser: string): readonly (Partial<SlackUser> & { id: string })[] {
  return [
    { id: 'U0MIRA', name: 'mira', real_name: 'Mira' },
    { id: 'U0ALEX', name: 'alex', real_name: 'Alex' },
    { id: 'U0SAM', name: 'sam', real_name: 'Sam' },
    { id: botUser, name: 'holdfast', real_name: 'Holdfast', is_bot: true },
  ];
}

function defaultChannels(botUser: string): readonly (Partial<SlackChannel> & { id: string })[] {
  return [{ id: 'C0APPROVALS', name: 'approvals', members: [botUser, 'U0MIRA', 'U0ALEX', 'U0SAM'] }];
}

const DEFAULT_GROUP = { id: 'S0123ABC', handle: 'security', name: 'Security', users: ['U0MIRA', 'U0ALEX'] };

/** Adds a user, or changes the one with this id. */
export function putUser(workspace: Workspace, user: Partial<SlackUser> & { id: string }): SlackUser {
  const name = user.name ?? user.id.toLowerCase();
  const before = workspace.users.get(user.id) ?? {
    id: user.id,
    name,
    real_name: user.real_name ?? name,
    team_id: workspace.team.id,
    deleted: false,
    is_bot: false,
    is_restricted: false,
    is_ultra_restricted: false,
    is_stranger: false,
  };
  return put(workspace.users, user.id, before, user);
}

/** Adds a channel, or changes the one with this id. The bot is a member unless `members` says otherwise. */
export function putChannel(workspace: Workspace, channel: Partial<SlackChannel> & { id: string }): SlackChannel {
  const before = workspace.channels.get(channel.id) ?? {
    id: channel.id,
    name: channel.id.toLowerCase(),
    is_private: false,
    is_im: false,
    is_archived: false,
    is_shared: false,
    is_ext_shared: false,
    is_org_shared: false,
    members: [
      workspace.botUser,
      ...[...workspace.users.values()].filter((user) => !user.is_bot).map((user) => user.id),
    ],
  };
  return put(workspace.channels, channel.id, before, channel);
}

/** Adds a user group, or changes the one with this id. */
export function putUserGroup(workspace: Workspace, group: Partial<SlackUserGroup> & { id: string }): SlackUserGroup {
  const handle = group.handle ?? group.id.toLowerCase();
  const before = workspace.userGroups.get(group.id) ?? {
    id: group.id,
    handle,
    name: handle,
    users: [],
    disabled: false,
  };
  return put(workspace.userGroups, group.id, before, group);
}

function put<T extends object>(into: Map<string, T>, id: string, before: T, change: Partial<T>): T {
  const after = Object.assign(before, change);
  into.set(id, after);
  return after;
}

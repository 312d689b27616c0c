import type { SlackMessage } from '../state/messages.ts';
import type { SlackView } from '../state/views.ts';
import type { World } from '../state/world.ts';
import { messageFields } from '../web-api/message.ts';
import { viewFields } from '../web-api/views.ts';
import { type Fields, listField, merged, part, textField } from '../wire/fields.ts';

/** How a test may misrepresent who clicks. */
export interface Disguise {
  /** `user.team_id`: another workspace, or an `E…` id as on Grid. The person's own by default. */
  readonly userTeam?: string;
  /** `team.id`: the workspace that the payload claims to come from; null as for an organisation-wide install. */
  readonly team?: string | null;
  /** `enterprise`; that of the stand-in by default. */
  readonly enterprise?: { readonly id: string; readonly name: string } | null;
  /** Merged into the finished payload, object by object; a list (such as `actions`) is replaced whole. */
  readonly overrides?: Fields;
}

/** An interactive element and the block it is in. */
export interface FoundAction {
  readonly block: Fields;
  readonly element: Fields;
}

/** Finds an interactive element by its action_id, which is unique within its block only; without a block, the first. */
export function actionIn(blocks: readonly Fields[], actionId: string, blockId?: string): FoundAction | undefined {
  for (const block of blocks) {
    if (blockId !== undefined && block.block_id !== blockId) continue;
    const accessory = part(block, 'accessory');
    const inner = part(block, 'element');
    const elements = [...listField(block, 'elements'), ...(accessory ? [accessory] : []), ...(inner ? [inner] : [])];
    const element = elements.find((candidate) => candidate.action_id === actionId);
    if (element !== undefined) return { block, element };
  }
  return undefined;
}

/** The members that every interactive payload has: who, from where, for which app. */
function envelope(world: World, user: string, disguise: Disguise): Fields {
  const { workspace } = world;
  const person = workspace.users.get(user);
  const enterprise = disguise.enterprise === undefined ? workspace.enterprise : disguise.enterprise;
  const everywhere = workspace.enterprise?.is_enterprise_install ?? false;
  const team = disguise.team === undefined ? (everywhere ? null : workspace.team.id) : disguise.team;
  return {
    team:
      team === null
        ? null
        : {
            id: team,
            domain: workspace.team.domain,
            ...(enterprise ? { enterprise_id: enterprise.id, enterprise_name: enterprise.name } : {}),
          },
    user: {
      id: user,
      username: person?.name ?? user.toLowerCase(),
      name: person?.name ?? user.toLowerCase(),
      team_id: disguise.userTeam ?? person?.team_id ?? workspace.team.id,
    },
    api_app_id: workspace.appId,
    // Slack still sends the retired verification token; nothing may rely on it.
    token: 'retired-verification-token',
    enterprise: enterprise ? { id: enterprise.id, name: enterprise.name } : null,
    is_enterprise_install: everywhere,
  };
}

function action(world: World, found: FoundAction, value: string | undefined): Fields {
  const { block, element } = found;
  const options = listField(element, 'options');
  const chosen = options.find((option) => option.value === value);
  const sent = value ?? textField(element, 'value');
  return {
    action_id: element.action_id,
    block_id: block.block_id,
    type: element.type,
    ...(element.text === undefined ? {} : { text: element.text }),
    ...(options.length > 0 ? { selected_option: chosen ?? null } : sent === undefined ? {} : { value: sent }),
    ...(element.style === undefined ? {} : { style: element.style }),
    ...(element.confirm === undefined ? {} : { confirm: element.confirm }),
    action_ts: world.messages.nextTs(),
  };
}

/** A `block_actions` payload for a button on a message. */
export function clickOnMessage(
  world: World,
  message: SlackMessage,
  click: Disguise & { user: string; found: FoundAction; value?: string | undefined },
): Fields {
  const channel = world.workspace.channels.get(message.channel);
  const hidden = message.ephemeralFor !== null;
  return merged(
    {
      type: 'block_actions',
      ...envelope(world, click.user, click),
      container: {
        type: 'message',
        message_ts: message.ts,
        channel_id: message.channel,
        is_ephemeral: hidden,
        ...(message.thread_ts === null ? {} : { thread_ts: message.thread_ts }),
      },
      trigger_id: world.oneShots.trigger(click.user, null),
      channel: {
        id: message.channel,
        name: channel?.is_im ? 'directmessage' : channel?.is_private ? 'privategroup' : (channel?.name ?? ''),
      },
      ...(hidden ? {} : { message: messageFields(world, message, true) }),
      state: { values: {} },
      response_url:
        world.origin() + world.oneShots.response({ channel: message.channel, user: click.user, ts: message.ts }),
      actions: [action(world, click.found, click.value)],
    },
    click.overrides ?? {},
  );
}

/** A `message_action` payload: a shortcut that is used on a message. Without a message a `shortcut`, from anywhere. */
export function shortcut(
  world: World,
  message: SlackMessage | null,
  by: Disguise & { user: string; callbackId: string },
): Fields {
  const base = {
    ...envelope(world, by.user, by),
    callback_id: by.callbackId,
    action_ts: world.messages.nextTs(),
    trigger_id: world.oneShots.trigger(by.user, null),
  };
  if (message === null) return merged({ type: 'shortcut', ...base }, by.overrides ?? {});
  const channel = world.workspace.channels.get(message.channel);
  return merged(
    {
      type: 'message_action',
      ...base,
      channel: { id: message.channel, name: channel?.name ?? '' },
      message_ts: message.ts,
      message: messageFields(world, message, true),
      response_url:
        world.origin() + world.oneShots.response({ channel: message.channel, user: by.user, ts: message.ts }),
    },
    by.overrides ?? {},
  );
}

/** A `block_actions` payload for a button in a modal. It has no response_url. */
export function clickOnView(
  world: World,
  view: SlackView,
  values: Fields,
  click: Disguise & { user: string; found: FoundAction; value?: string | undefined },
): Fields {
  return merged(
    {
      type: 'block_actions',
      ...envelope(world, click.user, click),
      container: { type: 'view', view_id: view.id },
      trigger_id: world.oneShots.trigger(click.user, view.id),
      view: viewFields(world, view, values),
      actions: [action(world, click.found, click.value)],
    },
    click.overrides ?? {},
  );
}

/** The event that a person opened the app's Home. */
export function homeOpened(world: World, user: string, disguise: Disguise): Fields {
  const { workspace } = world;
  return merged(
    {
      token: 'retired-verification-token',
      team_id: workspace.team.id,
      ...(workspace.enterprise ? { enterprise_id: workspace.enterprise.id } : {}),
      api_app_id: workspace.appId,
      type: 'event_callback',
      event_id: `Ev${world.messages.nextTs().replace('.', '')}`,
      event_time: Math.floor(world.now() / 1000),
      authorizations: [],
      event: {
        type: 'app_home_opened',
        user,
        channel: `D${user.slice(1)}`,
        tab: 'home',
        event_ts: world.messages.nextTs(),
      },
    },
    disguise.overrides ?? {},
  );
}

/** A `view_submission` payload. */
export function submission(world: World, view: SlackView, values: Fields, by: Disguise & { user: string }): Fields {
  return merged(
    {
      type: 'view_submission',
      ...envelope(world, by.user, by),
      trigger_id: world.oneShots.trigger(by.user, view.id),
      view: viewFields(world, view, values),
      response_urls: [],
    },
    by.overrides ?? {},
  );
}

/** A `view_closed` payload. */
export function closing(world: World, view: SlackView, cleared: boolean, by: Disguise & { user: string }): Fields {
  return merged(
    { type: 'view_closed', ...envelope(world, by.user, by), view: viewFields(world, view), is_cleared: cleared },
    by.overrides ?? {},
  );
}

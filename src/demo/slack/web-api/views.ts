import { faultsOfHome, faultsOfView, MOST_VIEW_BYTES } from '../limits/views.ts';
import { MOST_STACKED, type SlackView } from '../state/views.ts';
import type { World } from '../state/world.ts';
import { type Fields, isFields, textField } from '../wire/fields.ts';
import type { WebApiMethod } from './method.ts';
import { TIER } from './rates.ts';
import { errorReply, faultsReply, type MethodReply, okReply } from './reply.ts';

export const VIEW_METHODS: Readonly<Record<string, WebApiMethod>> = {
  'views.open': { token: 'bot', scope: null, rate: TIER[4], run: open },
  'views.push': { token: 'bot', scope: null, rate: TIER[4], run: push },
  'views.publish': { token: 'bot', scope: null, rate: TIER[4], run: publish },
  'views.update': { token: 'bot', scope: null, rate: TIER[4], run: update },
};

function open(world: World, args: Fields): MethodReply {
  const refusal = refusalOf(args.view);
  if (refusal !== null) return refusal;
  const trigger = world.oneShots.exchange(textField(args, 'trigger_id'));
  if ('error' in trigger) return errorReply(trigger.error);
  // A new root view replaces what the person had open.
  for (const view of world.views.of(trigger.user)) view.open = false;
  return okReply({ view: viewFields(world, world.views.open(trigger.user, args.view as Fields)) });
}

function push(world: World, args: Fields): MethodReply {
  const refusal = refusalOf(args.view);
  if (refusal !== null) return refusal;
  const trigger = world.oneShots.exchange(textField(args, 'trigger_id'));
  if ('error' in trigger) return errorReply(trigger.error);
  const under = world.views.of(trigger.user);
  if (under.length === 0 || trigger.view === null) return errorReply('invalid_trigger_id');
  if (under.length >= MOST_STACKED) return errorReply('push_limit_reached');
  return okReply({ view: viewFields(world, world.views.open(trigger.user, args.view as Fields, under.at(-1))) });
}

function update(world: World, args: Fields): MethodReply {
  const refusal = refusalOf(args.view);
  if (refusal !== null) return refusal;
  const view = world.views.find({ id: textField(args, 'view_id'), externalId: textField(args, 'external_id') });
  if (view === undefined || !view.open) return errorReply('not_found');
  const hash = textField(args, 'hash');
  if (hash !== undefined && hash !== view.hash) return errorReply('hash_conflict');
  world.views.change(view, args.view as Fields);
  return okReply({ view: viewFields(world, view) });
}

function publish(world: World, args: Fields): MethodReply {
  const refusal = refusalOf(args.view, faultsOfHome);
  if (refusal !== null) return refusal;
  const user = textField(args, 'user_id');
  if (user === undefined || !world.workspace.users.has(user)) return errorReply('invalid_arguments');
  const home = world.views.home(user);
  const hash = textField(args, 'hash');
  if (hash !== undefined && hash !== home.hash) return errorReply('hash_conflict');
  world.views.change(home, args.view as Fields);
  return okReply({ view: viewFields(world, home) });
}

/** Slack's refusal of a view; null if Slack would accept it. */
export function refusalOf(view: unknown, faultsIn = faultsOfView): MethodReply | null {
  if (!isFields(view)) {
    return faultsReply('invalid_arguments', [
      `${view === undefined ? 'missing required field' : 'must be an object'}: view`,
    ]);
  }
  if (Buffer.byteLength(JSON.stringify(view)) > MOST_VIEW_BYTES) return errorReply('view_too_large');
  const faults = faultsIn(view);
  return faults.length > 0 ? faultsReply('invalid_arguments', faults) : null;
}

/** A view as the Web API and payloads show it. */
export function viewFields(world: World, of: SlackView, values: Fields = {}): Fields {
  const { workspace } = world;
  const { view } = of;
  return {
    id: of.id,
    team_id: workspace.team.id,
    type: view.type ?? 'modal',
    blocks: structuredClone(view.blocks),
    private_metadata: view.private_metadata ?? '',
    callback_id: view.callback_id ?? '',
    state: { values },
    hash: of.hash,
    title: view.title,
    clear_on_close: view.clear_on_close === true,
    notify_on_close: view.notify_on_close === true,
    close: view.close ?? null,
    submit: view.submit ?? null,
    previous_view_id: of.previous,
    root_view_id: of.root,
    app_id: workspace.appId,
    external_id: view.external_id ?? '',
    app_installed_team_id: workspace.team.id,
    bot_id: workspace.botId,
  };
}

import { type InputValues, inputErrors, stateOf } from '../state/inputs.ts';
import type { SlackMessage } from '../state/messages.ts';
import { MOST_STACKED, type SlackView } from '../state/views.ts';
import type { World } from '../state/world.ts';
import { refusalOf } from '../web-api/views.ts';
import { type Fields, isFields, isTrue, listField, parsedJson, part, textField } from '../wire/fields.ts';
import type { PayloadDelivery, Reaction } from './delivery.ts';
import {
  actionIn,
  clickOnMessage,
  clickOnView,
  closing,
  type Disguise,
  homeOpened,
  shortcut,
  submission,
} from './payloads.ts';

export interface ClickGesture extends Disguise {
  readonly user: string;
  readonly channel: string;
  /** The `ts` of the message, which may be a reply or ephemeral. */
  readonly ts: string;
  readonly actionId: string;
  /** The button's block, where several have such a button. */
  readonly blockId?: string;
  /** A tampered value, sent instead of the button's own. */
  readonly value?: string;
}

export interface ShortcutGesture extends Disguise {
  readonly user: string;
  readonly callbackId: string;
  /** The message on which it is used; without one it is used from anywhere. */
  readonly channel?: string;
  readonly ts?: string;
}

export interface ViewClickGesture extends Disguise {
  readonly user: string;
  /** The person's top modal by default. */
  readonly viewId?: string;
  readonly actionId: string;
  /** The button's block, where several have such a button. */
  readonly blockId?: string;
  readonly value?: string;
  /** What is in the inputs so far. */
  readonly values?: InputValues;
}

export interface SubmissionGesture extends Disguise {
  readonly user: string;
  /** The person's top modal by default. */
  readonly viewId?: string;
  readonly values?: InputValues;
  /** Sends even what Slack's own client would not: empty required inputs, text that is too long. */
  readonly force?: boolean;
}

export interface Submitted extends Reaction {
  /**
   * What Slack made of the answer. `incomplete`: nothing was sent. `trouble`: there was no answer or a wrong one, and the
   * modal stays open with "We had some trouble connecting".
   */
  readonly handled: 'closed' | 'cleared' | 'errors' | 'updated' | 'pushed' | 'incomplete' | 'trouble';
  /** By block_id, for `errors` and `incomplete`; for `trouble`, what was wrong with the answer is under `''`. */
  readonly errors: Readonly<Record<string, string>>;
}

/** Turns what people do with mouse and keyboard into payloads. */
export class Gestures {
  readonly #world: World;
  readonly #delivery: PayloadDelivery;

  constructor(world: World, delivery: PayloadDelivery) {
    this.#world = world;
    this.#delivery = delivery;
  }

  click(click: ClickGesture): Promise<Reaction> {
    return this.#delivery.payload(this.payloadOf(click));
  }

  /** Throws if there is no such message, or if it never had such a button. */
  payloadOf(click: ClickGesture): Fields {
    const message = this.#world.messages.find(click.channel, click.ts);
    if (message === undefined) throw new Error(`No message ${click.ts} in ${click.channel}.`);
    const found = findEver(message, click.actionId, click.blockId);
    if (found === undefined) throw new Error(`Message ${click.ts} never had a button ${click.actionId}.`);
    return clickOnMessage(this.#world, message, { ...click, found, value: click.value });
  }

  /** A shortcut of the app, on a message or from anywhere. */
  shortcut({ channel, ts, ...by }: ShortcutGesture): Promise<Reaction> {
    const message = channel === undefined || ts === undefined ? null : this.#world.messages.find(channel, ts);
    if (message === undefined) throw new Error(`No message ${ts} in ${channel}.`);
    return this.#delivery.payload(shortcut(this.#world, message, by));
  }

  clickView(click: ViewClickGesture): Promise<Reaction> {
    const view = this.#view(click.user, click.viewId);
    const found = actionIn(listField(view.view, 'blocks'), click.actionId, click.blockId);
    if (found === undefined) throw new Error(`View ${view.id} has no button ${click.actionId}.`);
    const values = stateOf(view.view, click.values ?? {});
    return this.#delivery.payload(clickOnView(this.#world, view, values, { ...click, found, value: click.value }));
  }

  /** The person opens the app's Home. */
  openHome({ user, ...disguise }: Disguise & { readonly user: string }): Promise<Reaction> {
    return this.#delivery.event(homeOpened(this.#world, user, disguise));
  }

  /** Clicks the button of the person's Home with this action, and this value where there are several. */
  clickHome({ user, actionId, blockId, value, ...disguise }: ViewClickGesture): Promise<Reaction> {
    const home = this.#world.views.home(user);
    const blocks = listField(home.view, 'blocks');
    const of = blocks.filter((block) => value === undefined || JSON.stringify(block).includes(value));
    const found = actionIn(of, actionId, blockId);
    if (found === undefined) throw new Error(`The Home of ${user} has no button ${actionId}.`);
    return this.#delivery.payload(clickOnView(this.#world, home, {}, { user, ...disguise, found }));
  }

  async submitView(by: SubmissionGesture): Promise<Submitted> {
    const view = this.#view(by.user, by.viewId);
    const state = stateOf(view.view, by.values ?? {});
    const errors = inputErrors(view.view, state);
    if (by.force !== true && Object.keys(errors).length > 0) {
      view.errors = errors;
      return { status: 0, body: '', ms: 0, handled: 'incomplete', errors };
    }
    const reaction = await this.#delivery.payload(submission(this.#world, view, state, by));
    const result = reaction.status === 200 ? this.#obey(view, reaction.body) : trouble('no answer');
    if (result.handled === 'errors' || result.handled === 'trouble') view.errors = { ...result.errors };
    return { ...reaction, ...result };
  }

  /** The person closes a modal. Slack tells the app only if the view asked for that; null if it did not. */
  async closeView(by: Disguise & { user: string; viewId?: string; clear?: boolean }): Promise<Reaction | null> {
    const view = this.#view(by.user, by.viewId);
    const clear = by.clear === true || isTrue(view.view.clear_on_close);
    this.#world.views.close(view, clear);
    if (!isTrue(view.view.notify_on_close)) return null;
    return this.#delivery.payload(closing(this.#world, view, clear, by));
  }

  #view(user: string, id: string | undefined): SlackView {
    const view = id === undefined ? this.#world.views.of(user).at(-1) : this.#world.views.find({ id });
    if (view === undefined) throw new Error(id === undefined ? `${user} has no modal open.` : `No view ${id}.`);
    return view;
  }

  /** Does what the app's answer to a submission says; after a wrong answer the modal stays open. */
  #obey(view: SlackView, body: string): Pick<Submitted, 'handled' | 'errors'> {
    const { views } = this.#world;
    const answer = body.trim() === '' ? {} : parsedJson(body);
    if (!isFields(answer)) return trouble('the answer is not JSON');
    const action = textField(answer, 'response_action');
    switch (action) {
      case undefined:
        views.close(view, false);
        return { handled: 'closed', errors: {} };
      case 'clear':
        views.close(view, true);
        return { handled: 'cleared', errors: {} };
      case 'errors':
        return errorsOf(view, part(answer, 'errors') ?? {});
      case 'update':
      case 'push': {
        const refusal = refusalOf(answer.view);
        if (refusal !== null) return trouble(JSON.stringify(refusal));
        if (action === 'update') {
          views.change(view, answer.view as Fields);
          return { handled: 'updated', errors: {} };
        }
        if (views.of(view.user).length >= MOST_STACKED) return trouble('push_limit_reached');
        views.open(view.user, answer.view as Fields, view);
        return { handled: 'pushed', errors: {} };
      }
      default:
        return trouble(`unknown response_action ${action}`);
    }
  }
}

/** A button that the message has or once had: people click on what their screen still shows. */
function findEver(message: SlackMessage, actionId: string, blockId?: string) {
  for (const version of message.versions.toReversed()) {
    const found = actionIn(version.blocks, actionId, blockId);
    if (found !== undefined) return found;
  }
  return undefined;
}

function errorsOf(view: SlackView, errors: Fields): Pick<Submitted, 'handled' | 'errors'> {
  const inputs = listField(view.view, 'blocks').filter((block) => block.type === 'input');
  const named = Object.entries(errors).filter(([, message]) => typeof message === 'string') as [string, string][];
  const stray = named.find(([blockId]) => !inputs.some((block) => block.block_id === blockId));
  if (named.length === 0) return trouble('errors is empty');
  if (stray !== undefined) return trouble(`errors names ${stray[0]}, which is no input block`);
  return { handled: 'errors', errors: Object.fromEntries(named) };
}

function trouble(what: string): Pick<Submitted, 'handled' | 'errors'> {
  return { handled: 'trouble', errors: { '': what } };
}

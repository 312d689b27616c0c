import { type BatchItem, MOST_TOGETHER } from '../../domain/approval/together.ts';
import { isObject, type Json, member } from '../../domain/json/json.ts';
import { ALLOW_FIELDS, type AllowFields } from '../card/allow-view.ts';
import { readTick, TICK } from '../card/batch-view.ts';
import { revisionIn } from '../card/block-kit.ts';
import {
  BATCH_VIEWS,
  type BatchView,
  type ButtonValue,
  CARD_ACTIONS,
  type CardAction,
  DECISION_VIEWS,
  type DecisionView,
  readButtonValue,
  readSnoozeValue,
  readViewMemory,
  type ViewMemory,
} from '../card/button.ts';
import { type CounterFields, counterFieldsIn } from '../card/counter-view.ts';
import { REASON_INPUT, STANDING_INPUT, STANDING_MINUTES } from '../card/modals.ts';
import { type Clicker, clickerIn, textAtPath } from '../people/clicker.ts';
import type { CardPlace } from '../place/card-place.ts';

/** Inputs of a view that are read; Slack takes 100 blocks. */
const MOST_INPUTS = 100;

export interface OnMessage extends CardPlace {
  readonly kind: 'message';
}

export interface OnView {
  readonly kind: 'view';
  readonly id: string;
  readonly hash: string;
  /** Null if the view is not one that we made. */
  readonly memory: ViewMemory | null;
}

/** A person’s Home, which this app made for that person alone. It is no card: the card of each call is looked up. */
export interface OnHome {
  readonly kind: 'home';
}

export interface Click {
  readonly kind: 'click';
  readonly who: Clicker;
  readonly action: CardAction;
  /** What the button carries; null if that is not what our buttons carry. */
  readonly value: ButtonValue | null;
  /** Minutes that were chosen; null: there was no such choice. */
  readonly minutes: number | null;
  /** The revision that the clicked card showed; null if unknown, or if the click was not on a card. */
  readonly revision: number | null;
  readonly on: OnMessage | OnView | OnHome;
  readonly trigger: string;
  readonly responseUrl: string | null;
}

export interface Submission {
  readonly kind: 'submission';
  readonly who: Clicker;
  readonly view: DecisionView | BatchView;
  /** Null if the view is not one that we made. */
  readonly memory: ViewMemory | null;
  /** What the person typed; null if nothing. */
  readonly reason: string | null;
  /** Minutes for which the like is denied too; null: not. */
  readonly standing: number | null;
  /** Of a batch: the calls that are ticked, as their boxes say. */
  readonly ticks: readonly BatchItem[];
  /** What was typed into the fields of an allowance. */
  readonly fields: AllowFields;
  /** What was typed into the form of a counter-proposal; null: it is another view. */
  readonly counter: CounterFields | null;
}

export type Interaction = Click | Submission;

/** Reads a verified payload. Null for everything that no card or modal of ours can have caused. */
export function readInteraction(body: unknown): Interaction | null {
  const who = clickerIn(body);
  if (who === null) return null;
  const type = member(body, 'type');
  if (type === 'block_actions') return click(body, who);
  if (type === 'view_submission') return submission(body, who);
  return null;
}

function click(body: unknown, who: Clicker): Click | null {
  const actions = member(body, 'actions');
  if (!Array.isArray(actions) || actions.length !== 1) return null;
  const [button] = actions;
  const action = CARD_ACTIONS.find((name) => name === member(button, 'action_id'));
  const [value, blockId] = [textAtPath(button, 'value') ?? '', textAtPath(button, 'block_id')];
  const [trigger, responseUrl] = [textAtPath(body, 'trigger_id') ?? '', textAtPath(body, 'response_url')];
  const on = surface(body);
  if (action === undefined || on === null) return null;
  const chosen = action === 'snooze' ? readSnoozeValue(textAtPath(button, 'selected_option', 'value') ?? '') : null;
  const read = action === 'snooze' ? (chosen?.value ?? null) : readButtonValue(value);
  const minutes = chosen?.minutes ?? null;
  const revision = on.kind === 'message' ? revisionIn(blockId) : null;
  return { kind: 'click', who, action, value: read, minutes, revision, on, trigger, responseUrl };
}

function surface(body: unknown): OnMessage | OnView | OnHome | null {
  const kind = textAtPath(body, 'container', 'type');
  if (kind === 'message' && member(member(body, 'container'), 'is_ephemeral') !== true) {
    const [channel, ts] = [textAtPath(body, 'container', 'channel_id'), textAtPath(body, 'container', 'message_ts')];
    return channel === null || ts === null ? null : { kind, channel, ts };
  }
  if (kind === 'view' && textAtPath(body, 'view', 'type') === 'home') return { kind: 'home' };
  if (kind === 'view') {
    const [id, hash] = [textAtPath(body, 'view', 'id'), textAtPath(body, 'view', 'hash') ?? ''];
    return id === null ? null : { kind, id, hash, memory: memory(body) };
  }
  return null;
}

function submission(body: unknown, who: Clicker): Submission | null {
  const view = [...DECISION_VIEWS, ...BATCH_VIEWS].find((name) => name === textAtPath(body, 'view', 'callback_id'));
  if (view === undefined) return null;
  const typed = textAtPath(body, 'view', 'state', 'values', REASON_INPUT.block, REASON_INPUT.action, 'value');
  return {
    kind: 'submission',
    who,
    view,
    memory: memory(body),
    reason: storable(typed),
    standing: isStanding(body) ? STANDING_MINUTES : null,
    ticks: ticksIn(body),
    fields: Object.fromEntries(
      ALLOW_FIELDS.map((id) => [id, storable(textAtPath(body, 'view', 'state', 'values', id, id, 'value'))]),
    ),
    counter: view === 'counter_view' ? counterFieldsIn(valuesIn(body)) : null,
  };
}

function valuesIn(body: unknown): unknown {
  return member(member(member(body, 'view'), 'state'), 'values');
}

/** At most as many as may be decided together, and one more, so that too many are told from enough. */
function ticksIn(body: unknown): BatchItem[] {
  const values = member(member(member(body, 'view'), 'state'), 'values') as Json | undefined;
  if (values === undefined || !isObject(values)) return [];
  return Object.keys(values)
    .slice(0, MOST_INPUTS)
    .flatMap((block) => {
      const chosen = member(member(member(values, block), TICK.action), 'selected_options');
      const value = Array.isArray(chosen) && chosen.length === 1 ? member(chosen[0], 'value') : undefined;
      const tick = typeof value === 'string' ? readTick(block, value) : null;
      return tick === null ? [] : [tick];
    })
    .slice(0, MOST_TOGETHER + 1);
}

function isStanding(body: unknown): boolean {
  const values = valuesIn(body);
  const chosen = member(member(member(values, STANDING_INPUT.id), STANDING_INPUT.id), 'selected_options');
  return Array.isArray(chosen) && chosen.some((each) => member(each, 'value') === STANDING_INPUT.value);
}

function memory(body: unknown): ViewMemory | null {
  return readViewMemory(textAtPath(body, 'view', 'private_metadata') ?? '');
}

/** Cut to the length that Slack's own client allows, and fit for SQL, which stores neither NUL nor lone surrogates. */
function storable(typed: string | null): string | null {
  return typed === null ? null : typed.slice(0, REASON_INPUT.longest).replaceAll('\0', '').toWellFormed();
}

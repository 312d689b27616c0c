import { type Json, member } from '../../domain/json/json.ts';
import { type ButtonValue, readButtonValue } from '../card/button.ts';
import { type Clicker, clickerIn } from '../people/clicker.ts';
import type { CardPlace } from '../place/card-place.ts';
import { readStopChoice, STOP_INPUTS, STOP_SHORTCUTS, STOP_VIEW, type StopChoice } from './stop-view.ts';

export interface StopShortcut {
  readonly kind: 'shortcut';
  readonly who: Clicker;
  readonly trigger: string;
  readonly responseUrl: string | null;
  /** The call that the message claims to be about, and where it is; null: it has no button of a card. */
  readonly card: (ButtonValue & CardPlace) | null;
}

export interface StopSubmission {
  readonly kind: 'submission';
  readonly who: Clicker;
  /** null: not what the modal offers. */
  readonly choice: StopChoice | null;
  readonly reason: string;
}

/** Reads a verified payload of a shortcut or of its modal; null for everything else. */
export function readStop(body: unknown): StopShortcut | StopSubmission | null {
  const type = member(body, 'type');
  const who = clickerIn(body);
  if (who === null) return null;
  if (type === 'message_action' || type === 'shortcut') {
    if (!STOP_SHORTCUTS.some((name) => name === member(body, 'callback_id'))) return null;
    const [trigger, url] = [member(body, 'trigger_id'), member(body, 'response_url')];
    return {
      kind: 'shortcut',
      who,
      trigger: typeof trigger === 'string' ? trigger : '',
      responseUrl: typeof url === 'string' ? url : null,
      card: cardIn(body),
    };
  }
  const view = member(body, 'view');
  if (type !== 'view_submission' || member(view, 'callback_id') !== STOP_VIEW) return null;
  const entered = (name: string) => member(member(member(member(view, 'state'), 'values'), name), name);
  const value = member(member(entered(STOP_INPUTS.what), 'selected_option'), 'value');
  const reason = member(entered(STOP_INPUTS.reason), 'value');
  const choice = typeof value === 'string' ? readStopChoice(value) : null;
  return { kind: 'submission', who, choice, reason: typeof reason === 'string' ? reason : '' };
}

/** The call that a message's buttons are about, as any app may have written them; null: there are none. */
function cardIn(body: unknown): (ButtonValue & CardPlace) | null {
  const [channel, ts] = [member(member(body, 'channel'), 'id'), member(member(body, 'message'), 'ts')];
  const blocks: Json | undefined = member(member(body, 'message'), 'blocks');
  if (!Array.isArray(blocks) || typeof channel !== 'string' || typeof ts !== 'string') return null;
  for (const block of blocks) {
    const elements = member(block, 'elements');
    if (!Array.isArray(elements)) continue;
    for (const element of elements) {
      const value = member(element, 'value');
      const found = typeof value === 'string' ? readButtonValue(value) : null;
      if (found !== null) return { ...found, channel, ts };
    }
  }
  return null;
}

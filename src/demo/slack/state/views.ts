import { randomBytes } from 'node:crypto';
import { type Fields, list, part, text, truth } from '../wire/fields.ts';
import { withBlockIds } from './messages.ts';

/** A modal that a person has, or had, before them. */
export interface SlackView {
  readonly id: string;
  readonly user: string;
  /** The view as the app gave it, with block ids. */
  view: Fields;
  hash: string;
  open: boolean;
  readonly root: string;
  readonly previous: string | null;
  /** Errors the app gave on the last submission, by block_id. */
  errors: Record<string, string>;
  /** Every view it was, oldest first. */
  readonly versions: Fields[];
}

/** At most so many modals on top of one another. */
export const MOST_STACKED = 3;

/** Modals of all people, in order of opening. */
export class Views {
  readonly all: SlackView[] = [];
  #count = 0;

  open(user: string, view: Fields, under: SlackView | null = null): SlackView {
    const id = `V${String(++this.#count).padStart(8, '0')}`;
    const opened: SlackView = {
      id,
      user,
      view: {},
      hash: '',
      open: true,
      root: under?.root ?? id,
      previous: under?.id ?? null,
      errors: {},
      versions: [],
    };
    this.all.push(opened);
    this.change(opened, view);
    return opened;
  }

  change(of: SlackView, view: Fields): void {
    of.view = { ...structuredClone(view), blocks: withBlockIds(list(view, 'blocks')) };
    of.hash = `${Math.floor(Date.now() / 1000)}.${randomBytes(4).toString('hex')}`;
    of.errors = {};
    of.versions.push(of.view);
  }

  find(by: { id?: string; externalId?: string }): SlackView | undefined {
    return this.all.find((v) =>
      by.id !== undefined
        ? v.id === by.id
        : by.externalId !== undefined && text(v.view, 'external_id') === by.externalId,
    );
  }

  /** Open modals of a person, the top one last. */
  of(user: string): SlackView[] {
    return this.all.filter((view) => view.user === user && view.open);
  }

  /** Closes one, and what lies on it; or all. */
  close(view: SlackView, all: boolean): void {
    const stack = this.of(view.user);
    for (const other of all ? stack : stack.slice(stack.indexOf(view))) other.open = false;
  }
}

/** What a person has put in, by block and action: as given, else the view's initial values. */
export type InputValues = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/**
 * The `state.values` of a view. `values` is keyed by block_id then action_id, or by action_id alone; a select takes the
 * option's value.
 */
export function stateOf(view: Fields, values: InputValues): Record<string, Record<string, Fields>> {
  const state: Record<string, Record<string, Fields>> = {};
  for (const block of list(view, 'blocks').filter((b) => b.type === 'input')) {
    const element = part(block, 'element') ?? {};
    const blockId = text(block, 'block_id') ?? '';
    const actionId = text(element, 'action_id') ?? '';
    const byBlock = values[blockId];
    const byAction = values[actionId];
    const given =
      (typeof byBlock === 'object' ? byBlock[actionId] : byBlock) ??
      (typeof byAction === 'string' ? byAction : undefined);
    state[blockId] = { [actionId]: enteredIn(element, given) };
  }
  return state;
}

function enteredIn(element: Fields, given: string | undefined): Fields {
  const type = text(element, 'type') ?? '';
  const options = list(element, 'options');
  switch (type) {
    case 'plain_text_input': {
      const value = given ?? text(element, 'initial_value') ?? '';
      return { type, value: value === '' ? null : value };
    }
    case 'checkboxes': {
      const chosen = given?.split(',');
      const selected = chosen
        ? options.filter((o) => chosen.includes(text(o, 'value') ?? ''))
        : list(element, 'initial_options');
      return { type, selected_options: selected };
    }
    default: {
      const chosen = given === undefined ? part(element, 'initial_option') : options.find((o) => o.value === given);
      return { type, selected_option: chosen ?? null };
    }
  }
}

/** What Slack's own client refuses to submit, by block_id: empty required inputs, text too short or too long. */
export function incomplete(view: Fields, state: Record<string, Record<string, Fields>>): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const block of list(view, 'blocks').filter((b) => b.type === 'input')) {
    const element = part(block, 'element') ?? {};
    const blockId = text(block, 'block_id') ?? '';
    const value = state[blockId]?.[text(element, 'action_id') ?? ''] ?? {};
    const said = value.value ?? value.selected_option ?? null;
    const many = Array.isArray(value.selected_options) ? value.selected_options.length : 0;
    if (said === null && many === 0) {
      if (!truth(block.optional)) errors[blockId] = 'Please complete this required field.';
      continue;
    }
    if (typeof said !== 'string') continue;
    const max = typeof element.max_length === 'number' ? element.max_length : 3000;
    const min = typeof element.min_length === 'number' ? element.min_length : 0;
    if (said.length > max) errors[blockId] = `This must be at most ${max} characters.`;
    if (said.length < min) errors[blockId] = `This must be at least ${min} characters.`;
  }
  return errors;
}

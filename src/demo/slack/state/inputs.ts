import { type Fields, isTrue, listField, part, textField } from '../wire/fields.ts';

/** What a person has typed or chosen, keyed by block_id then action_id, or by action_id alone. */
export type InputValues = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

/**
 * The `state.values` of a view: the given values, else the view's initial ones. A select takes the option's value, and
 * checkboxes take theirs with commas between.
 */
export function stateOf(view: Fields, values: InputValues): Record<string, Record<string, Fields>> {
  const state: Record<string, Record<string, Fields>> = {};
  for (const block of listField(view, 'blocks').filter((b) => b.type === 'input')) {
    const element = part(block, 'element') ?? {};
    const blockId = textField(block, 'block_id') ?? '';
    const actionId = textField(element, 'action_id') ?? '';
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
  const type = textField(element, 'type') ?? '';
  const options = listField(element, 'options');
  switch (type) {
    case 'plain_text_input': {
      const value = given ?? textField(element, 'initial_value') ?? '';
      return { type, value: value === '' ? null : value };
    }
    case 'checkboxes': {
      const chosen = given?.split(',');
      const selected = chosen
        ? options.filter((o) => chosen.includes(textField(o, 'value') ?? ''))
        : listField(element, 'initial_options');
      return { type, selected_options: selected };
    }
    default: {
      const chosen = given === undefined ? part(element, 'initial_option') : options.find((o) => o.value === given);
      return { type, selected_option: chosen ?? null };
    }
  }
}

/** Why Slack's own client would refuse to submit, by block_id: empty required inputs, text too short or too long. */
export function inputErrors(view: Fields, state: Record<string, Record<string, Fields>>): Record<string, string> {
  const errors: Record<string, string> = {};
  for (const block of listField(view, 'blocks').filter((b) => b.type === 'input')) {
    const element = part(block, 'element') ?? {};
    const blockId = textField(block, 'block_id') ?? '';
    const value = state[blockId]?.[textField(element, 'action_id') ?? ''] ?? {};
    const entered = value.value ?? value.selected_option ?? null;
    const many = Array.isArray(value.selected_options) ? value.selected_options.length : 0;
    if (entered === null && many === 0) {
      if (!isTrue(block.optional)) errors[blockId] = 'Please complete this required field.';
      continue;
    }
    if (typeof entered !== 'string') continue;
    const max = typeof element.max_length === 'number' ? element.max_length : 3000;
    const min = typeof element.min_length === 'number' ? element.min_length : 0;
    if (entered.length > max) errors[blockId] = `This must be at most ${max} characters.`;
    if (entered.length < min) errors[blockId] = `This must be at least ${min} characters.`;
  }
  return errors;
}

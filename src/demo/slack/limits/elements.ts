import { type Fields, isFields } from '../wire/fields.ts';
import type { BlockFaults } from './block-faults.ts';

/** The elements that the stand-in knows: those of `actions`, of a section's accessory and of inputs. */
const CHECKS: Readonly<Record<string, (faults: BlockFaults, element: Fields, where: string) => void>> = {
  button,
  static_select: select,
  radio_buttons: choices(10),
  checkboxes: choices(10),
  overflow: choices(5),
  plain_text_input: plainTextInput,
};

const IN_ACTIONS = ['button', 'static_select', 'radio_buttons', 'checkboxes', 'overflow'];
const IN_INPUT = ['plain_text_input', 'static_select', 'radio_buttons', 'checkboxes'];

/** Checks one interactive element against Slack's limits. */
export function checkElement(faults: BlockFaults, element: unknown, where: string, place: 'actions' | 'input'): void {
  if (!isFields(element)) {
    faults.add('must be an object', where);
    return;
  }
  const type = typeof element.type === 'string' ? element.type : '';
  if (!(place === 'actions' ? IN_ACTIONS : IN_INPUT).includes(type)) {
    faults.add(`unsupported type: ${type}`, `${where}/type`);
    return;
  }
  faults.string(element.action_id, `${where}/action_id`, 255, 'optional');
  CHECKS[type]?.(faults, element, where);
  checkConfirm(faults, element.confirm, `${where}/confirm`);
}

function button(faults: BlockFaults, element: Fields, where: string): void {
  faults.members(element, ['action_id', 'text', 'value', 'url', 'style', 'confirm', 'accessibility_label'], where);
  faults.text(element.text, `${where}/text`, 75, 'plain');
  faults.string(element.value, `${where}/value`, 2000, 'optional', 0);
  faults.string(element.url, `${where}/url`, 3000, 'optional');
  faults.string(element.accessibility_label, `${where}/accessibility_label`, 75, 'optional');
  if (element.style !== undefined && element.style !== 'primary' && element.style !== 'danger') {
    faults.add('must be one of: primary, danger', `${where}/style`);
  }
}

function select(faults: BlockFaults, element: Fields, where: string): void {
  faults.members(element, ['action_id', 'options', 'initial_option', 'placeholder', 'confirm', 'focus_on_load'], where);
  faults.text(element.placeholder, `${where}/placeholder`, 150, 'plain', 'optional');
  checkOptions(faults, element.options, `${where}/options`, 100);
}

function choices(max: number): (faults: BlockFaults, element: Fields, where: string) => void {
  return (faults, element, where) => {
    faults.members(
      element,
      ['action_id', 'options', 'initial_option', 'initial_options', 'confirm', 'focus_on_load'],
      where,
    );
    checkOptions(faults, element.options, `${where}/options`, max);
  };
}

function plainTextInput(faults: BlockFaults, element: Fields, where: string): void {
  faults.members(
    element,
    [
      'action_id',
      'initial_value',
      'multiline',
      'min_length',
      'max_length',
      'dispatch_action_config',
      'focus_on_load',
      'placeholder',
    ],
    where,
  );
  faults.text(element.placeholder, `${where}/placeholder`, 150, 'plain', 'optional');
  faults.string(element.initial_value, `${where}/initial_value`, 3000, 'optional', 0);
  checkNumber(faults, element.min_length, `${where}/min_length`, 0, 3000);
  checkNumber(faults, element.max_length, `${where}/max_length`, 1, 3000);
}

function checkNumber(faults: BlockFaults, value: unknown, where: string, min: number, max: number): void {
  if (value === undefined) return;
  if (typeof value !== 'number' || value < min || value > max) faults.add(`must be from ${min} to ${max}`, where);
}

function checkOptions(faults: BlockFaults, options: unknown, where: string, max: number): void {
  if (!Array.isArray(options) || options.length === 0) {
    faults.add('must have at least 1 item', where);
    return;
  }
  if (options.length > max) faults.add(`no more than ${max} items allowed`, where);
  for (const [index, option] of options.entries()) {
    if (!isFields(option)) {
      faults.add('must be an object', `${where}/${index}`);
      continue;
    }
    faults.text(option.text, `${where}/${index}/text`, 75, 'any');
    faults.string(option.value, `${where}/${index}/value`, 150);
    faults.text(option.description, `${where}/${index}/description`, 75, 'any', 'optional');
  }
}

function checkConfirm(faults: BlockFaults, confirm: unknown, where: string): void {
  if (confirm === undefined) return;
  if (!isFields(confirm)) {
    faults.add('must be an object', where);
    return;
  }
  faults.members(confirm, ['title', 'text', 'confirm', 'deny', 'style'], where);
  faults.text(confirm.title, `${where}/title`, 100, 'plain', 'optional');
  faults.text(confirm.text, `${where}/text`, 300, 'any', 'optional');
  faults.text(confirm.confirm, `${where}/confirm`, 30, 'plain', 'optional');
  faults.text(confirm.deny, `${where}/deny`, 30, 'plain', 'optional');
}

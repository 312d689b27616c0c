import { type Fields, isFields, listField } from '../wire/fields.ts';
import { BlockFaults } from './block-faults.ts';
import { faultsOf } from './blocks.ts';

/** Most bytes of a view as JSON; beyond it, Slack answers `view_too_large`. */
export const MOST_VIEW_BYTES = 250_000;

const MEMBERS = [
  'title',
  'blocks',
  'submit',
  'close',
  'private_metadata',
  'callback_id',
  'clear_on_close',
  'notify_on_close',
  'external_id',
  'submit_disabled',
];

const HOME_MEMBERS = ['blocks', 'private_metadata', 'callback_id', 'external_id'];

/** Every fault of a Home, by docs.slack.dev/reference/views/home-tab-views. */
export function faultsOfHome(view: Fields): readonly string[] {
  const faults = new BlockFaults();
  if (view.type !== 'home') faults.add(`unsupported type: ${String(view.type)}`, '/view/type');
  faults.members(view, HOME_MEMBERS, '/view');
  faults.string(view.private_metadata, '/view/private_metadata', 3000, 'optional', 0);
  faults.string(view.callback_id, '/view/callback_id', 255, 'optional', 0);
  faults.string(view.external_id, '/view/external_id', 255, 'optional', 0);
  return [...faults.found, ...faultsOf(view.blocks, 'home', '/view/blocks')];
}

/** Every fault of a modal, by docs.slack.dev/reference/views/modal-views. */
export function faultsOfView(view: Fields): readonly string[] {
  const faults = new BlockFaults();
  if (view.type !== 'modal') faults.add(`unsupported type: ${String(view.type)}`, '/view/type');
  faults.members(view, MEMBERS, '/view');
  faults.text(view.title, '/view/title', 24, 'plain');
  faults.text(view.submit, '/view/submit', 24, 'plain', 'optional');
  faults.text(view.close, '/view/close', 24, 'plain', 'optional');
  faults.string(view.private_metadata, '/view/private_metadata', 3000, 'optional', 0);
  faults.string(view.callback_id, '/view/callback_id', 255, 'optional', 0);
  faults.string(view.external_id, '/view/external_id', 255, 'optional', 0);
  const hasInput = listField(view, 'blocks').some((block) => block.type === 'input');
  if (hasInput && !isFields(view.submit))
    faults.add('submit is required when an input block is within blocks', '/view');
  return [...faults.found, ...faultsOf(view.blocks, 'modal', '/view/blocks')];
}

import { type Fields, isFields } from '../wire/fields.ts';
import { BlockFaults } from './block-faults.ts';
import { checkElement } from './elements.ts';
import { checkRichText } from './rich-text.ts';

/** What the blocks are part of: their limits differ. */
export type Surface = 'message' | 'modal' | 'home';

const MOST: Readonly<Record<Surface, number>> = { message: 50, modal: 100, home: 100 };

/** Most characters of text over all blocks of a message; undocumented. Beyond it, Slack answers `msg_blocks_too_long`. */
export const MOST_CHARACTERS = 13_200;

const CHECKS: Readonly<Record<string, (faults: BlockFaults, block: Fields, where: string) => void>> = {
  section,
  header,
  context,
  actions,
  input,
  rich_text: (faults, block, where) => {
    faults.members(block, ['block_id', 'elements'], where);
    checkRichText(faults, block.elements, `${where}/elements`);
  },
  divider: (faults, block, where) => faults.members(block, ['block_id'], where),
};

/**
 * Every fault of these blocks, by Slack's documented limits (docs.slack.dev/reference/block-kit).
 * `image` and the newer blocks are refused: a card must not depend on them.
 */
export function faultsOf(blocks: unknown, surface: Surface, root: string): readonly string[] {
  const faults = new BlockFaults();
  if (!Array.isArray(blocks)) {
    faults.add('must be an array', root);
    return faults.found;
  }
  if (blocks.length > MOST[surface]) faults.add(`no more than ${MOST[surface]} items allowed`, root);
  const ids = new Set<string>();
  for (const [index, block] of blocks.entries()) {
    const where = `${root}/${index}`;
    const check = isFields(block) && typeof block.type === 'string' ? CHECKS[block.type] : undefined;
    if (!isFields(block) || check === undefined || !Object.hasOwn(CHECKS, String(block.type))) {
      faults.add(`unsupported type: ${isFields(block) ? String(block.type) : typeof block}`, `${where}/type`);
      continue;
    }
    faults.string(block.block_id, `${where}/block_id`, 255, 'optional');
    if (typeof block.block_id === 'string') {
      if (ids.has(block.block_id)) faults.add(`block_id \`${block.block_id}\` already exists`, `${where}/block_id`);
      ids.add(block.block_id);
    }
    check(faults, block, where);
  }
  return faults.found;
}

/** How many characters of text these blocks show. */
export function charactersOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, item) => sum + charactersOf(item), 0);
  if (!isFields(value)) return 0;
  return Object.entries(value).reduce(
    (sum, [name, inner]) => sum + (name === 'text' && typeof inner === 'string' ? inner.length : charactersOf(inner)),
    0,
  );
}

function section(faults: BlockFaults, block: Fields, where: string): void {
  faults.members(block, ['block_id', 'text', 'fields', 'accessory', 'expand'], where);
  if (block.text === undefined && block.fields === undefined) faults.add('text or fields is required', where);
  faults.text(block.text, `${where}/text`, 3000, 'any', 'optional');
  if (block.fields !== undefined) {
    if (!Array.isArray(block.fields) || block.fields.length === 0) {
      faults.add('must have at least 1 item', `${where}/fields`);
    } else {
      if (block.fields.length > 10) faults.add('no more than 10 items allowed', `${where}/fields`);
      for (const [index, field] of block.fields.entries()) {
        faults.text(field, `${where}/fields/${index}`, 2000, 'any');
      }
    }
  }
  if (block.accessory !== undefined) checkElement(faults, block.accessory, `${where}/accessory`, 'actions');
}

function header(faults: BlockFaults, block: Fields, where: string): void {
  faults.members(block, ['block_id', 'text', 'level'], where);
  faults.text(block.text, `${where}/text`, 150, 'plain');
}

function context(faults: BlockFaults, block: Fields, where: string): void {
  faults.members(block, ['block_id', 'elements'], where);
  const elements = atLeastOne(faults, block.elements, `${where}/elements`, 10);
  for (const [index, element] of elements.entries()) {
    // Slack documents no limit for a context's text; in practice it is a section's.
    faults.text(element, `${where}/elements/${index}`, 3000, 'any');
  }
}

function actions(faults: BlockFaults, block: Fields, where: string): void {
  faults.members(block, ['block_id', 'elements'], where);
  const seen = new Set<string>();
  for (const [index, element] of atLeastOne(faults, block.elements, `${where}/elements`, 25).entries()) {
    checkElement(faults, element, `${where}/elements/${index}`, 'actions');
    const id = isFields(element) && typeof element.action_id === 'string' ? element.action_id : null;
    if (id !== null && seen.has(id)) faults.add(`action_id \`${id}\` already exists`, `${where}/elements/${index}`);
    if (id !== null) seen.add(id);
  }
}

function input(faults: BlockFaults, block: Fields, where: string): void {
  faults.members(block, ['block_id', 'label', 'element', 'dispatch_action', 'hint', 'optional'], where);
  faults.text(block.label, `${where}/label`, 2000, 'plain');
  faults.text(block.hint, `${where}/hint`, 2000, 'plain', 'optional');
  checkElement(faults, block.element, `${where}/element`, 'input');
}

function atLeastOne(faults: BlockFaults, elements: unknown, where: string, most: number): readonly unknown[] {
  if (!Array.isArray(elements) || elements.length === 0) {
    faults.add('must have at least 1 item', where);
    return [];
  }
  if (elements.length > most) faults.add(`no more than ${most} items allowed`, where);
  return elements;
}

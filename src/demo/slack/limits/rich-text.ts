import { isFields } from '../wire/fields.ts';
import type { BlockFaults } from './block-faults.ts';

const LEAVES: Readonly<Record<string, readonly string[]>> = {
  text: ['text', 'style'],
  link: ['url', 'text', 'unsafe', 'style'],
  user: ['user_id', 'style'],
  usergroup: ['usergroup_id', 'style'],
  channel: ['channel_id', 'style'],
  emoji: ['name', 'unicode', 'style'],
  date: ['timestamp', 'format', 'url', 'fallback'],
  broadcast: ['range', 'style'],
};

const HOLDERS: Readonly<Record<string, readonly string[]>> = {
  rich_text_section: ['elements'],
  rich_text_preformatted: ['elements', 'border', 'language'],
  rich_text_quote: ['elements', 'border'],
  rich_text_list: ['elements', 'style', 'indent', 'offset', 'border'],
};

/** Checks the elements of a `rich_text` block. Empty text is refused, as by Slack. */
export function checkRichText(faults: BlockFaults, elements: unknown, where: string): void {
  if (!Array.isArray(elements)) {
    faults.add('must be an array', where);
    return;
  }
  for (const [index, element] of elements.entries()) checkHolder(faults, element, `${where}/${index}`);
}

function checkHolder(faults: BlockFaults, holder: unknown, where: string): void {
  if (!isFields(holder)) {
    faults.add('must be an object', where);
    return;
  }
  const type = String(holder.type);
  if (!Object.hasOwn(HOLDERS, type)) {
    faults.add(`unsupported type: ${type}`, `${where}/type`);
    return;
  }
  faults.members(holder, HOLDERS[type]!, where);
  if (!Array.isArray(holder.elements)) {
    faults.add('must be an array', `${where}/elements`);
    return;
  }
  for (const [index, element] of holder.elements.entries()) {
    const at = `${where}/elements/${index}`;
    if (type === 'rich_text_list') checkHolder(faults, element, at);
    else checkLeaf(faults, element, at, type === 'rich_text_preformatted');
  }
}

function checkLeaf(faults: BlockFaults, leaf: unknown, where: string, preformatted: boolean): void {
  if (!isFields(leaf)) {
    faults.add('must be an object', where);
    return;
  }
  const type = String(leaf.type);
  if (!Object.hasOwn(LEAVES, type) || (preformatted && type !== 'text' && type !== 'link')) {
    faults.add(`unsupported type: ${type}`, `${where}/type`);
    return;
  }
  faults.members(leaf, LEAVES[type]!, where);
  if (type === 'text' && (typeof leaf.text !== 'string' || leaf.text.length === 0)) {
    faults.add('must be more than 0 characters', `${where}/text`);
  }
}

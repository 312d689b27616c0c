import type { JsonObject } from '../../domain/json/json.ts';
import { cut } from '../../text/cut.ts';

/**
 * As much of Block Kit as a card needs. Untrusted text goes into rich text's `text` elements or into plain text, both of
 * which Slack shows as they are; mrkdwn is built only from our own words and what `escape.ts` returns.
 */
export type Block = JsonObject;

/** Slack's limits, in characters. https://docs.slack.dev/reference/block-kit/blocks */
export const LIMIT = {
  header: 150,
  section: 3000,
  message: 4000,
  title: 24,
  confirmText: 300,
  option: 75,
} as const;

export const plainText = (text: string): JsonObject => ({ type: 'plain_text', text, emoji: false });
/** `verbatim`: Slack makes no links of its own. */
export const mrkdwnText = (text: string): JsonObject => ({ type: 'mrkdwn', text, verbatim: true });

export const header = (text: string): Block => ({ type: 'header', text: plainText(text) });
export const section = (text: string): Block => ({ type: 'section', text: mrkdwnText(text) });
export const fields = (texts: readonly string[]): Block => ({ type: 'section', fields: texts.map(mrkdwnText) });
export const context = (texts: readonly string[]): Block => ({ type: 'context', elements: texts.map(mrkdwnText) });
export const actions = (elements: readonly JsonObject[]): Block => ({ type: 'actions', elements });

export const richText = (elements: readonly JsonObject[]): Block => ({ type: 'rich_text', elements });
export const label = (text: string): JsonObject => ({
  type: 'rich_text_section',
  elements: [{ type: 'text', text, style: { bold: true } }],
});
export const preformatted = (text: string): JsonObject => ({
  type: 'rich_text_preformatted',
  elements: [{ type: 'text', text }],
});
export const quote = (text: string): JsonObject => ({ type: 'rich_text_quote', elements: [{ type: 'text', text }] });

/** Somebody's own words as a quote, under a label of ours. Slack refuses empty text. */
export const attributed = (by: string, words: string): Block =>
  richText([label(by), quote(words === '' ? '(nothing)' : words)]);

export interface Button {
  readonly action: string;
  readonly text: string;
  readonly value?: string;
  readonly style?: 'primary' | 'danger';
  readonly url?: string;
  readonly confirm?: JsonObject;
}

export function button({ action, text, ...rest }: Button): JsonObject {
  return { type: 'button', action_id: action, text: plainText(text), ...rest };
}

/**
 * Gives each block an id that is new with each revision: with an old id, Slack could keep stale state. `salt`: goes into the first
 * one's, which has no buttons, so that nobody finds by trying what has the digest of these blocks.
 */
export function numbered(blocks: readonly Block[], revision: number, salt: string | null = null): Block[] {
  return blocks.map((block, index) => ({
    ...block,
    block_id: `r${revision}.${index}${salt !== null && index === 0 ? `.${salt}` : ''}`,
  }));
}

/** The revision in such a block id; null for any other id. */
export function revisionIn(blockId: string | null): number | null {
  const found = /^r(\d{1,9})\.\d{1,3}$/.exec(blockId ?? '');
  return found === null ? null : Number(found[1]);
}

/** The same blocks without rich text, for a Slack that answers `invalid_blocks`. Plain text shows data as data too. */
export function withoutRichText(blocks: readonly Block[]): Block[] {
  return blocks.map((block) => {
    if (block.type !== 'rich_text') return block;
    const { elements, type: _, ...rest } = block;
    return {
      ...rest,
      type: 'section',
      text: plainText(cut(flatText(elements as unknown as readonly RichTextPart[]), LIMIT.section)),
    };
  });
}

/** Whether nothing is cut when rich text becomes plain. */
export function fitsPlainText(blocks: readonly Block[]): boolean {
  return blocks.every(
    ({ type, elements }) =>
      type !== 'rich_text' || flatText(elements as unknown as readonly RichTextPart[]).length <= LIMIT.section,
  );
}

/** A part of a rich text block. */
interface RichTextPart {
  readonly elements: readonly { readonly text: string }[];
}

function flatText(parts: readonly RichTextPart[]): string {
  return parts.map((part) => part.elements.map((inner) => inner.text).join('')).join('\n');
}

import { html } from 'hono/html';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { mrkdwn } from '../html/mrkdwn.ts';
import { type Html, shown } from '../html/shown.ts';
import { values } from '../html/values.ts';

/** Slack takes 50 blocks in one message, and fewer parts than this in one block. */
const MOST_BLOCKS = 60;
const MOST_PARTS = 200;

/**
 * A card's blocks the way Slack sets them, without anything that acts: buttons and links are words. What is not known
 * here is shown as the JSON it is; nothing is left out.
 */
export function cardFace(blocks: readonly Json[]): Html {
  const rest = blocks.slice(MOST_BLOCKS);
  return html`<div class="slack">${blocks.slice(0, MOST_BLOCKS).map(blockOf)}${rest.length === 0 ? '' : values(rest, 'More blocks')}</div>`;
}

function blockOf(block: Json): Html {
  const elements = partsOf(member(block, 'elements'));
  switch (member(block, 'type')) {
    case 'header':
      return html`<p class="slack-head">${textOf(member(block, 'text'))}</p>`;
    case 'section':
      return section(block);
    case 'context':
      return html`<p class="slack-context">${elements.map((one) => html`<span>${textOf(one)}</span>`)}</p>`;
    case 'rich_text':
      return html`<div class="slack-rich">${elements.map(richOf)}</div>`;
    case 'actions':
      return html`<p class="slack-buttons">${elements.map(buttonOf)}</p>${elements.map(confirmOf)}`;
    case 'divider':
      return html`<div class="slack-divider"></div>`;
    default:
      return values(block, 'A block');
  }
}

function section(block: Json): Html {
  const text = member(block, 'text');
  const fields = partsOf(member(block, 'fields'));
  return html`${text === undefined ? '' : html`<p>${textOf(text)}</p>`}${
    fields.length === 0
      ? ''
      : html`<div class="slack-fields">${fields.map((field) => html`<p>${textOf(field)}</p>`)}</div>`
  }`;
}

/** Plain text as it is, mrkdwn as Slack reads it. */
function textOf(text: Json | undefined): Html {
  const words = member(text, 'text');
  if (typeof words !== 'string') return values(text ?? null, 'A text');
  return member(text, 'type') === 'mrkdwn' ? mrkdwn(words) : lines(words);
}

function lines(text: string): Html {
  return html`${text.split('\n').map((line, i) => html`${i > 0 ? html`<br>` : ''}${shown(line)}`)}`;
}

function richOf(part: Json): Html {
  const words = partsOf(member(part, 'elements')).map(wordOf);
  switch (member(part, 'type')) {
    case 'rich_text_section':
      return html`<p>${words}</p>`;
    case 'rich_text_preformatted':
      return html`<pre dir="ltr">${words}</pre>`;
    case 'rich_text_quote':
      return html`<blockquote>${words}</blockquote>`;
    default:
      return values(part, 'A part of rich text');
  }
}

function wordOf(word: Json): Html {
  const text = member(word, 'text');
  if (member(word, 'type') !== 'text' || typeof text !== 'string') return values(word, 'A part of rich text');
  const style = member(word, 'style');
  return member(style, 'bold') === true ? html`<b>${shown(text)}</b>` : shown(text);
}

function buttonOf(element: Json): Html {
  if (member(element, 'type') !== 'button') return values(element, 'An element');
  const style = member(element, 'style');
  const tone = style === 'primary' || style === 'danger' ? style : '';
  return html`<span class="slack-button ${tone}">${textOf(member(element, 'text'))}</span>`;
}

/** What the button asks before it counts. */
function confirmOf(element: Json): Html {
  const confirm = member(element, 'confirm');
  if (!isObject(confirm)) return html``;
  return html`<p class="slack-confirm"><span class="dim">${textOf(member(element, 'text'))} asks first:</span>
    <b>${textOf(member(confirm, 'title'))}</b> ${textOf(member(confirm, 'text'))}</p>`;
}

function partsOf(list: Json | undefined): readonly Json[] {
  return Array.isArray(list) ? (list as readonly Json[]).slice(0, MOST_PARTS) : [];
}

/** The blocks in a card's content; null: it is none. */
export function blocksIn(content: string): readonly Json[] | null {
  try {
    const blocks = JSON.parse(content) as Json | JsonObject[];
    return Array.isArray(blocks) ? (blocks as readonly Json[]) : null;
  } catch {
    return null;
  }
}

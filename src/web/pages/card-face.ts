import { html } from 'hono/html';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { Html } from '../html/html.ts';
import { jsonBlock } from '../html/json-block.ts';
import { inertMrkdwn } from '../html/mrkdwn.ts';
import { visibleText } from '../html/visible-text.ts';

/** Slack allows 50 blocks per message, and fewer parts per block than this. */
const MAX_BLOCKS = 60;
const MAX_PARTS = 200;

/**
 * A card's blocks as Slack lays them out, but inert: buttons and links are plain text. Blocks and parts of an unknown
 * kind are shown as JSON, so that none is left out.
 */
export function cardFace(blocks: readonly Json[]): Html {
  const rest = blocks.slice(MAX_BLOCKS);
  return html`<div class="slack">${blocks.slice(0, MAX_BLOCKS).map(blockOf)}${rest.length === 0 ? '' : jsonBlock(rest, 'More blocks')}</div>`;
}

function blockOf(block: Json): Html {
  const elements = partsOf(member(block, 'elements'));
  switch (member(block, 'type')) {
    case 'header':
      return html`<p class="slack-head">${textObject(member(block, 'text'))}</p>`;
    case 'section':
      return section(block);
    case 'context':
      return html`<p class="slack-context">${elements.map((element) => html`<span>${textObject(element)}</span>`)}</p>`;
    case 'rich_text':
      return html`<div class="slack-rich">${elements.map(richTextPart)}</div>`;
    case 'actions':
      return html`<p class="slack-buttons">${elements.map(buttonOf)}</p>${elements.map(confirmOf)}`;
    case 'divider':
      return html`<div class="slack-divider"></div>`;
    default:
      return jsonBlock(block, 'A block');
  }
}

function section(block: Json): Html {
  const text = member(block, 'text');
  const fields = partsOf(member(block, 'fields'));
  return html`${text === undefined ? '' : html`<p>${textObject(text)}</p>`}${
    fields.length === 0
      ? ''
      : html`<div class="slack-fields">${fields.map((field) => html`<p>${textObject(field)}</p>`)}</div>`
  }`;
}

/** A text object: plain text as it is, mrkdwn formatted. */
function textObject(text: Json | undefined): Html {
  const content = member(text, 'text');
  if (typeof content !== 'string') return jsonBlock(text ?? null, 'A text');
  return member(text, 'type') === 'mrkdwn' ? inertMrkdwn(content) : lines(content);
}

function lines(text: string): Html {
  return html`${text.split('\n').map((line, i) => html`${i > 0 ? html`<br>` : ''}${visibleText(line)}`)}`;
}

function richTextPart(part: Json): Html {
  const texts = partsOf(member(part, 'elements')).map(richTextElement);
  switch (member(part, 'type')) {
    case 'rich_text_section':
      return html`<p>${texts}</p>`;
    case 'rich_text_preformatted':
      return html`<pre dir="ltr">${texts}</pre>`;
    case 'rich_text_quote':
      return html`<blockquote>${texts}</blockquote>`;
    default:
      return jsonBlock(part, 'A part of rich text');
  }
}

function richTextElement(element: Json): Html {
  const text = member(element, 'text');
  if (member(element, 'type') !== 'text' || typeof text !== 'string') return jsonBlock(element, 'A part of rich text');
  const style = member(element, 'style');
  return member(style, 'bold') === true ? html`<b>${visibleText(text)}</b>` : visibleText(text);
}

function buttonOf(element: Json): Html {
  if (member(element, 'type') === 'overflow') return menuOf(element);
  if (member(element, 'type') !== 'button') return jsonBlock(element, 'An element');
  const style = member(element, 'style');
  const tone = style === 'primary' || style === 'danger' ? style : '';
  return html`<span class="slack-button ${tone}">${textObject(member(element, 'text'))}</span>`;
}

/** A menu that Slack opens behind three dots. */
function menuOf(element: Json): Html {
  const options = partsOf(member(element, 'options')).map((option) => textObject(member(option, 'text')));
  return html`<span class="slack-button">⋯ ${options.map((option, nth) => html`${nth === 0 ? '' : ' · '}${option}`)}</span>`;
}

/** The confirmation that a button asks for. */
function confirmOf(element: Json): Html {
  const confirm = member(element, 'confirm');
  if (!isObject(confirm)) return html``;
  return html`<p class="slack-confirm"><span class="dim">${textObject(member(element, 'text'))} asks first:</span>
    <b>${textObject(member(confirm, 'title'))}</b> ${textObject(member(confirm, 'text'))}</p>`;
}

function partsOf(list: Json | undefined): readonly Json[] {
  return Array.isArray(list) ? (list as readonly Json[]).slice(0, MAX_PARTS) : [];
}

/** The blocks in a card's stored content; null: it is not a list of blocks. */
export function parseBlocks(content: string): readonly Json[] | null {
  try {
    const blocks = JSON.parse(content) as Json | JsonObject[];
    return Array.isArray(blocks) ? (blocks as readonly Json[]) : null;
  } catch {
    return null;
  }
}

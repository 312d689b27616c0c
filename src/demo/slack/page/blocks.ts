import type { Workspace } from '../state/workspace.ts';
import { type Fields, isFields, listField, part, textField } from '../wire/fields.ts';
import { html, type SafeHtml } from './html.ts';
import { inputHtml } from './inputs.ts';
import { mrkdwnHtml } from './mrkdwn.ts';
import { plainHtml } from './plain-text.ts';
import { richTextHtml } from './rich-text.ts';

/** What blocks need besides themselves: names to show for ids, and errors. */
export interface InputState {
  readonly workspace: Workspace;
  /** By block_id, beneath the inputs of a modal. */
  readonly errors: Readonly<Record<string, string>>;
}

/** Draws blocks as Slack's client does. */
export function blocksHtml(blocks: readonly Fields[], state: InputState): SafeHtml {
  return html`${blocks.map((block) => blockHtml(block, state))}`;
}

function blockHtml(block: Fields, state: InputState): SafeHtml {
  switch (block.type) {
    case 'header':
      return html`<div class="block header">${textHtml(part(block, 'text'), state)}</div>`;
    case 'divider':
      return html`<hr class="block">`;
    case 'section':
      return section(block, state);
    case 'context':
      return html`<div class="block context">${listField(block, 'elements').map(
        (element) => html`<span>${textHtml(element, state)}</span>`,
      )}</div>`;
    case 'actions':
      return html`<div class="block actions">${listField(block, 'elements').map((element) => elementHtml(block, element))}</div>`;
    case 'rich_text':
      return html`<div class="block rich">${richTextHtml(listField(block, 'elements'), state.workspace)}</div>`;
    case 'input':
      return inputHtml(block, state.errors[textField(block, 'block_id') ?? '']);
    default:
      return html`<div class="block unknown">A block the stand-in cannot draw: ${String(block.type)}</div>`;
  }
}

function section(block: Fields, state: InputState): SafeHtml {
  const body = part(block, 'text');
  const fields = listField(block, 'fields');
  const accessory = part(block, 'accessory');
  return html`<div class="block section"><div class="body">${body ? html`<div>${textHtml(body, state)}</div>` : ''}${
    fields.length > 0
      ? html`<div class="fields">${fields.map((field) => html`<div>${textHtml(field, state)}</div>`)}</div>`
      : ''
  }</div>${accessory ? elementHtml(block, accessory) : ''}</div>`;
}

/** A text object; plain text stays plain. */
function textHtml(of: Fields | undefined, state: InputState): SafeHtml {
  return of?.type === 'mrkdwn' ? mrkdwnHtml(textField(of, 'text') ?? '', state.workspace) : plainHtml(of);
}

function elementHtml(block: Fields, element: Fields): SafeHtml {
  if (element.type === 'overflow') return menuHtml(block, element);
  if (element.type !== 'button') return html`<span class="unknown">${String(element.type)}</span>`;
  const style = element.style === 'primary' || element.style === 'danger' ? element.style : '';
  const confirm = isFields(element.confirm) ? JSON.stringify(confirmOf(element.confirm)) : '';
  const label = plainHtml(part(element, 'text'));
  return html`<button type="button" class="button ${style}" data-action="${textField(element, 'action_id') ?? ''}" data-block="${
    textField(block, 'block_id') ?? ''
  }" data-confirm="${confirm}" data-url="${textField(element, 'url') ?? ''}">${label}</button>`;
}

/** A menu of choices, which is opened by its dots. */
function menuHtml(block: Fields, element: Fields): SafeHtml {
  const options = listField(element, 'options').map(
    (option) =>
      html`<button type="button" class="button" data-action="${textField(element, 'action_id') ?? ''}" data-block="${
        textField(block, 'block_id') ?? ''
      }" data-value="${textField(option, 'value') ?? ''}">${plainHtml(part(option, 'text'))}</button>`,
  );
  return html`<details class="menu"><summary class="button" aria-label="More">⋯</summary><div>${options}</div></details>`;
}

/** The texts of a confirm dialog, with Slack's own where the app gave none. */
function confirmOf(confirm: Fields): Record<string, string> {
  return {
    title: textField(confirm.title, 'text') ?? 'Are you sure?',
    text: textField(confirm.text, 'text') ?? '',
    confirm: textField(confirm.confirm, 'text') ?? 'Yes',
    deny: textField(confirm.deny, 'text') ?? 'No',
    style: textField(confirm, 'style') ?? 'primary',
  };
}

import type { Workspace } from '../state/workspace.ts';
import { type Fields, isTrue, listField, part, textField } from '../wire/fields.ts';
import { html, type SafeHtml } from './html.ts';
import { dateText, groupHtml, linkHtml, personHtml, withEmoji } from './mrkdwn.ts';

/** Draws the elements of a rich_text block. Their text is never markup. */
export function richTextHtml(elements: readonly Fields[], workspace: Workspace): SafeHtml {
  return html`${elements.map((element) => holder(element, workspace))}`;
}

function holder(of: Fields, workspace: Workspace): SafeHtml {
  const inner = listField(of, 'elements');
  const leaves = html`${inner.map((element) => leaf(element, workspace))}`;
  switch (of.type) {
    case 'rich_text_preformatted':
      return html`<pre>${leaves}</pre>`;
    case 'rich_text_quote':
      return html`<blockquote>${leaves}</blockquote>`;
    case 'rich_text_list': {
      const items = html`${inner.map((element) => html`<li>${holder(element, workspace)}</li>`)}`;
      return of.style === 'ordered' ? html`<ol>${items}</ol>` : html`<ul>${items}</ul>`;
    }
    default:
      return html`<div class="line">${leaves}</div>`;
  }
}

function leaf(of: Fields, workspace: Workspace): SafeHtml {
  switch (of.type) {
    case 'text':
      return styled(html`${textField(of, 'text') ?? ''}`, part(of, 'style') ?? {});
    case 'link':
      return linkHtml(textField(of, 'url') ?? '', textField(of, 'text') ?? textField(of, 'url') ?? '');
    case 'user':
      return personHtml(textField(of, 'user_id') ?? '', workspace);
    case 'usergroup':
      return groupHtml(textField(of, 'usergroup_id') ?? '', workspace);
    case 'channel':
      return html`<span class="mention">#${workspace.channels.get(textField(of, 'channel_id') ?? '')?.name ?? ''}</span>`;
    case 'emoji':
      return html`${withEmoji(`:${textField(of, 'name') ?? ''}:`)}`;
    case 'date':
      return html`${dateText(Number(of.timestamp), textField(of, 'format') ?? '', textField(of, 'fallback') ?? '')}`;
    default:
      return html`<span class="mention loud">@${textField(of, 'range') ?? ''}</span>`;
  }
}

function styled(inner: SafeHtml, style: Fields): SafeHtml {
  let out = inner;
  if (isTrue(style.code)) out = html`<code>${out}</code>`;
  if (isTrue(style.bold)) out = html`<b>${out}</b>`;
  if (isTrue(style.italic)) out = html`<i>${out}</i>`;
  if (isTrue(style.strike)) out = html`<s>${out}</s>`;
  return out;
}

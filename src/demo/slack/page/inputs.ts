import { type Fields, isTrue, listField, part, textField } from '../wire/fields.ts';
import { html, type SafeHtml } from './html.ts';
import { plainHtml } from './plain-text.ts';

/** Draws an input block of a modal, with the app's error below it. */
export function inputHtml(block: Fields, error: string | undefined): SafeHtml {
  const element = part(block, 'element') ?? {};
  const optional = isTrue(block.optional) ? html` <span class="optional">(optional)</span>` : '';
  return html`<div class="block input${error ? ' wrong' : ''}">
<div class="label">${plainHtml(part(block, 'label'))}${optional}</div>
${control(block, element)}
${error ? html`<div class="error" role="alert">${error}</div>` : ''}
${block.hint === undefined ? '' : html`<div class="hint">${plainHtml(part(block, 'hint'))}</div>`}
</div>`;
}

function control(block: Fields, element: Fields): SafeHtml {
  const focus = isTrue(element.focus_on_load) ? html` data-focus="1"` : '';
  const ids = html`data-input-block="${textField(block, 'block_id') ?? ''}" data-input-action="${textField(element, 'action_id') ?? ''}"${focus}`;
  const initial = textField(element, 'initial_value') ?? '';
  const hint = textField(part(element, 'placeholder'), 'text') ?? '';
  switch (element.type) {
    case 'plain_text_input':
      return isTrue(element.multiline)
        ? html`<textarea ${ids} rows="4" placeholder="${hint}">${initial}</textarea>`
        : html`<input type="text" ${ids} placeholder="${hint}" value="${initial}">`;
    case 'static_select': {
      const chosen = textField(part(element, 'initial_option'), 'value');
      return html`<select ${ids}><option value="">${hint || 'Choose'}</option>${listField(element, 'options').map(
        (option) =>
          html`<option value="${textField(option, 'value') ?? ''}"${option.value === chosen ? html` selected` : ''}>${plainHtml(part(option, 'text'))}</option>`,
      )}</select>`;
    }
    default:
      return choices(element, ids, textField(block, 'block_id') ?? '');
  }
}

/** Radio buttons and checkboxes. */
function choices(element: Fields, ids: SafeHtml, name: string): SafeHtml {
  const kind = element.type === 'checkboxes' ? 'checkbox' : 'radio';
  const chosen = [part(element, 'initial_option'), ...listField(element, 'initial_options')].map((o) =>
    textField(o, 'value'),
  );
  return html`<div class="choices">${listField(element, 'options').map(
    (option) =>
      html`<label><input type="${kind}" name="${name}" ${ids} value="${textField(option, 'value') ?? ''}"${
        chosen.includes(textField(option, 'value')) ? html` checked` : ''
      }> ${plainHtml(part(option, 'text'))}</label>`,
  )}</div>`;
}

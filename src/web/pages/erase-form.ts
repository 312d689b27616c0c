import { html } from 'hono/html';
import { type Approval, isOver } from '../../domain/approval/approval.ts';
import { LONGEST_ERASE_REASON } from '../../domain/approval/erase.ts';
import type { Html } from '../html/html.ts';

/** The form by which an operator erases what a call said; empty while anything can come of it, and once it is erased. */
export function eraseForm({ id, state, trace }: Approval, mayErase: boolean): Html {
  if (!mayErase || !isOver(state) || trace.erased !== undefined) return html``;
  return html`<details class="erase"><summary>Erase what this call said…</summary>
    <form data-erase="${id}" action="/approvals/${id}" method="get" class="decide">
      <label for="erase-${id}">Reason <span class="dim">(stays in the log)</span></label>
      <input id="erase-${id}" name="reason" type="text" required maxlength="${LONGEST_ERASE_REASON}" autocomplete="off">
      <div class="buttons"><button type="submit" class="deny" data-deciding>Erase</button></div></form></details>`;
}

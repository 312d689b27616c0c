import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import { alsoSent, sendsMore } from '../../domain/call/also-sent.ts';
import { callersHiding, hiddenCount, hiddenMarks, hiddenSentences } from '../../domain/call/hidden-marks.ts';
import { placesHiddenByName } from '../../domain/call/hidden-places.ts';
import { CLIENT_INFO, onlyCounted } from '../../domain/call/introduction.ts';
import { type Json, member } from '../../domain/json/json.ts';
import { REDACTED } from '../../domain/json/redact.ts';
import type { Html } from '../html/html.ts';
import { jsonBlock, namedValues, prettyJson } from '../html/json-block.ts';
import { visibleName } from '../html/visible-text.ts';
import { callViews } from './call-views.ts';

/**
 * Everything that is forwarded of the call: its arguments, what is sent besides them, and what is hidden of both. How it
 * stands, which is found out later, comes below.
 */
export function callInFull(approval: Approval, label: string): Html {
  const marks = hiddenMarks(approval);
  return html`${callViews(approval)}${jsonBlock(approval.arguments, label, marks)}
    ${
      sendsMore(approval.sent)
        ? html`<p class="also">Also sent</p>${namedValues([...alsoSent(approval.sent).values()], 'Also sent', marks)}`
        : ''
    }
    ${hiddenNotice(approval)}${introduction(approval)}`;
}

/** Characters of the arguments and of what is sent besides them, as JSON; above `most`, without its indentation. */
export function shownLength(approval: Approval, most: number): number {
  return jsonLength(approval.arguments, most) + (sendsMore(approval.sent) ? jsonLength({ ...approval.sent }, most) : 0);
}

/** Only what is short is indented to be measured: deep lists become sixty times as long. */
function jsonLength(value: Json, most: number): number {
  const bare = JSON.stringify(value).length;
  return bare > most ? bare : prettyJson(value).length;
}

/** Whether the caller may have chosen what is hidden: then the decision is made on the approval's own page (P10). */
export function callerMayHide(approval: Approval): boolean {
  return hiddenCount(callersHiding(approval.hidden)) > 0 || hiddenMarks(approval) === 'unclear';
}

function hiddenNotice(approval: Approval): Html {
  const sentences = hiddenSentences(approval.hidden);
  if (sentences.length === 0) return html``;
  const mixed =
    hiddenMarks(approval) === 'unclear'
      ? html` The agent also sent text that reads <code>${REDACTED}</code>, so you cannot tell which of these are hidden values.`
      : '';
  const places = placesHiddenByName(approval);
  const where =
    places.length === 0
      ? ''
      : html` Hidden because of its name: ${places.map((place, i) => html`${i > 0 ? ', ' : ''}${visibleName(place)}`)}.`;
  return html`<p class="notice ${callerMayHide(approval) ? 'odd' : ''}">${sentences.join(', ')}; the call contains the real ${
    hiddenCount(approval.hidden) === 1 ? 'value' : 'values'
  }.${where}${mixed}</p>`;
}

/** How a 2026-07-28 client introduces itself with each call; empty if it does not, or if that is among *Also sent*. */
function introduction(approval: Approval): Html {
  const { client, capabilities } = alsoSent(approval.sent).introduction;
  const can =
    capabilities === null || capabilities.length === 0
      ? ''
      : html`${client === null ? '' : ','} can do ${capabilities.map((one, i) => html`${i > 0 ? ', ' : ''}${visibleName(one)}`)}`;
  if (client === null && can === '') return html``;
  const counted = onlyCounted(member(approval.sent.meta, CLIENT_INFO));
  const whole =
    counted === null
      ? ''
      : html`<details class="introduced"><summary>Everything it says about itself</summary>${jsonBlock(counted, 'What the client says of itself')}</details>`;
  return html`<p class="client dim">Client (unverified): ${client === null ? '' : visibleName(client)}${can}</p>${whole}`;
}

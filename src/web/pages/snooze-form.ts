import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import { type Snooze, snoozeMinutes, snoozeWords } from '../../domain/approval/snooze.ts';
import type { Html } from '../html/html.ts';
import { timestamp } from '../html/time.ts';
import type { Reviewer } from '../http/reviewer.ts';
import { lacksRole, mayDecide } from './decide-form.ts';

/** Puts a question aside for this reviewer, or takes that back; empty where it does not wait for them, or expires too soon. */
export function snoozeForm(
  approval: Approval,
  reviewer: Reviewer,
  now: Date,
  current: CurrentApprovers,
  snooze: Snooze | null,
): Html {
  const { id, server, tool } = approval;
  if (snooze !== null)
    return html`<form class="snooze" data-wake="${id}" action="/approvals/${id}" method="get">
      <span><span aria-hidden="true">💤</span> Snoozed for you until ${timestamp(snooze.until)}.</span>
      <button type="submit" class="quiet">Wake</button></form>`;
  if (lacksRole(reviewer) || approval.state !== 'pending' || !mayDecide(approval, reviewer, now, current).deny)
    return html``;
  const minutes = snoozeMinutes(approval, now);
  if (minutes.length === 0) return html``;
  return html`<form class="snooze" data-snooze="${id}" data-call="${server}.${tool}" action="/approvals/${id}" method="get">
    <label for="snooze-${id}">Hide for me</label>
    <select id="snooze-${id}" name="minutes">${minutes.map((each) => html`<option value="${String(each)}">${snoozeWords(each)}</option>`)}</select>
    <button type="submit" class="quiet">Snooze</button></form>`;
}

import { html } from 'hono/html';
import { member } from '../../domain/json/json.ts';
import type { EventType, LoggedEvent } from '../../domain/log/event.ts';
import { clockTime } from '../html/instant.ts';
import { type Html, name, shown } from '../html/shown.ts';
import { actorName, eventBadge, toolName } from '../html/wording.ts';
import { liveMark } from './inbox.ts';

/** Events that are about calls: what Activity shows. */
export const CALL_EVENTS = [
  'call.allowed',
  'call.denied',
  'call.limited',
  'call.refused',
  'approval.requested',
  'approval.joined',
  'approval.decided',
  'approval.refused',
  'approval.expired',
  'approval.withdrawn',
  'approval.lapsed',
  'call.dispatched',
  'call.returned',
  'call.deferred',
  'call.succeeded',
  'call.failed',
  'call.unknown',
] as const satisfies readonly EventType[];

/** Calls as they come, newest first. `after`: the place in the chain from which the live stream goes on. */
export function activityPage(events: readonly LoggedEvent[], after: number): Html {
  return html`<div class="head"><h1>Activity</h1>${liveMark()}
      <button type="button" class="quiet" data-pause aria-pressed="false">Pause</button></div>
    <p class="dim">Every call as it comes, over all replicas, within about a second. Times are UTC.</p>
    <table class="list activity">
      <thead><tr><th scope="col">Time</th><th scope="col">What</th><th scope="col">Tool</th><th scope="col">Who</th><th scope="col">Why</th></tr></thead>
      <tbody id="activity" data-rows data-after="${String(after)}">${events.map(activityRow)}</tbody>
    </table>
    ${events.length === 0 ? html`<p class="empty" data-empty>No call yet.</p>` : ''}`;
}

export function activityRow(event: LoggedEvent): Html {
  return html`<tr data-key="${event.n}"><td class="when"><a href="/audit/events/${event.n}">${clockTime(event.at)}</a></td>
    <td>${eventBadge(event)}</td><td>${subject(event)}</td><td>${actorName(event.actor)}</td><td class="why">${whyOf(event)}</td></tr>`;
}

export function subject(event: LoggedEvent): Html {
  const tool = toolName(event.server, event.tool);
  return event.approval === null ? tool : html`<a href="/approvals/${event.approval}">${tool}</a>`;
}

/** The shortest answer to why: the reason, the note, else the rule. */
export function whyOf(event: LoggedEvent): Html {
  for (const key of ['reason', 'note', 'why', 'counter'] as const) {
    const value = member(event.data, key);
    if (typeof value === 'string' && value !== '') return shown(value.length > 200 ? `${value.slice(0, 200)}…` : value);
  }
  const rule = member(event.data, 'rule');
  return typeof rule === 'string' ? html`<span class="dim">rule ${name(rule)}</span>` : html``;
}

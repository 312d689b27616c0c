import { html } from 'hono/html';
import { member } from '../../domain/json/json.ts';
import type { EventType, LoggedEvent } from '../../domain/log/event.ts';
import type { Html } from '../html/html.ts';
import { actorName, eventBadge, methodName, toolName } from '../html/labels.ts';
import { liveIndicator } from '../html/page.ts';
import type { PersonNames } from '../html/person.ts';
import { clockTime, zone } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';

/** The types of event that the Activity page shows. */
export const CALL_EVENTS = [
  'call.allowed',
  'call.denied',
  'call.limited',
  'call.refused',
  'call.would_deny',
  'call.would_ask',
  'resource.read',
  'prompt.got',
  'method.relayed',
  'method.denied',
  'method.would_deny',
  'approval.requested',
  'approval.joined',
  'approval.decided',
  'allowance.used',
  'denial.used',
  'approval.changed',
  'approval.taken_back',
  'approval.refused',
  'approval.expired',
  'approval.withdrawn',
  'approval.lapsed',
  'call.dispatched',
  'call.returned',
  'call.deferred',
  'answer.given',
  'call.succeeded',
  'call.failed',
  'call.unknown',
] as const satisfies readonly EventType[];

const METHOD_EVENTS: readonly EventType[] = [
  'resource.read',
  'prompt.got',
  'method.relayed',
  'method.denied',
  'method.would_deny',
];

/**
 * Calls as they happen, newest first by their times: what is logged in batches is written a moment later. `after`: the
 * position in the chain from which the live stream continues.
 */
export function activityPage(found: readonly LoggedEvent[], after: number, names: PersonNames): Html {
  const events = found.toSorted((a, b) => b.at.getTime() - a.at.getTime());
  return html`<div class="head"><h1>Activity</h1>${liveIndicator()}
      <button type="button" class="quiet" data-pause aria-pressed="false">Pause</button></div>
    <p class="dim">Every call and every other request of agents, on all replicas, about a second after it happens. Times are ${zone()}.</p>
    <table class="list activity">
      <thead><tr><th scope="col">Time</th><th scope="col">What</th><th scope="col">Tool or method</th><th scope="col">Who</th><th scope="col">Why</th></tr></thead>
      <tbody id="activity" data-rows data-after="${String(after)}">${events.map((event) => activityRow(event, names))}</tbody>
    </table>
    ${events.length === 0 ? html`<p class="empty" data-empty>No calls yet.</p>` : ''}`;
}

/** One row of Activity; the live stream sends the same. */
export function activityRow(event: LoggedEvent, names: PersonNames): Html {
  return html`<tr data-key="${event.n}" data-at="${event.at.getTime()}"><td class="when"><a href="/audit/events/${event.n}">${clockTime(event.at)}</a></td>
    <td>${eventBadge(event)}</td><td>${toolLink(event)}</td><td>${actorName(event.actor, names)}</td><td class="why">${eventReason(event)}</td></tr>`;
}

/** The event's tool, linked to its approval if it has one; for a method, the server, the method and what it named. */
export function toolLink(event: LoggedEvent): Html {
  if (METHOD_EVENTS.includes(event.type)) return html`${toolName(event.server, null)} ${methodName(event)}`;
  const tool = toolName(event.server, event.tool);
  return event.approval === null ? tool : html`<a href="/approvals/${event.approval}">${tool}</a>`;
}

/** Why, in short: the reason, note or counter that the event gives, cut at 200 characters, or else the rule. */
export function eventReason(event: LoggedEvent): Html {
  for (const key of ['reason', 'note', 'why', 'counter'] as const) {
    const value = member(event.data, key);
    if (typeof value === 'string' && value !== '')
      return visibleText(value.length > 200 ? `${value.slice(0, 200)}…` : value);
  }
  const times = member(event.data, 'times');
  if (typeof times === 'number' && member(event.data, 'grouped') === true) return html`${times} more times`;
  const rule = member(event.data, 'rule');
  if (typeof rule !== 'string') return html``;
  return html`<span class="dim">${rule === 'none' ? 'no rule names it' : html`rule ${visibleName(rule)}`}</span>`;
}

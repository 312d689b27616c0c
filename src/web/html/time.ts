import { html } from 'hono/html';
import type { Html } from './html.ts';

/** The zone of the times on a page: UTC, or where there is script (`localtime.js`), the reader's own. */
export function zone(): Html {
  return html`<span data-zone>UTC</span>`;
}

/** An instant to the second, in UTC until `localtime.js` shows it in the reader's zone. The full ISO 8601 text is in `datetime`, and in a tooltip. */
export function timestamp(at: Date): Html {
  const iso = at.toISOString();
  return html`<time datetime="${iso}" title="${iso}" data-form="full">${iso.slice(0, 10)} <b>${iso.slice(11, 19)}</b></time>`;
}

/** The time of day to the millisecond, without the date; like `timestamp`. */
export function clockTime(at: Date): Html {
  const iso = at.toISOString();
  return html`<time datetime="${iso}" title="${iso}" data-form="clock">${iso.slice(11, 19)}<small>.${iso.slice(20, 23)}</small></time>`;
}

/** The time left until an instant. `countdown.js` keeps it current; without script it is as of `now`. */
export function countdown(until: Date, now: Date): Html {
  const left = until.getTime() - now.getTime();
  return html`<time class="countdown" datetime="${until.toISOString()}" title="${until.toISOString()}"
    data-until="${String(until.getTime())}" data-now="${String(now.getTime())}">${durationText(left)}</time>`;
}

/** A duration of so many ms in its two largest units: `4 m 05 s`, `2 h 10 m`, `30 m`, `350 ms`. */
export function durationText(ms: number): string {
  return inUnits(ms).replace(/ 00 [smh]$/, '');
}

function inUnits(ms: number): string {
  if (ms <= 0) return '0 s';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const s = Math.floor(ms / 1_000);
  if (s < 60) return `${s} s`;
  if (s < 3_600) return `${Math.floor(s / 60)} m ${two(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${two(Math.floor((s % 3_600) / 60))} m`;
  return `${Math.floor(s / 86_400)} d ${two(Math.floor((s % 86_400) / 3_600))} h`;
}

function two(count: number): string {
  return String(count).padStart(2, '0');
}

/** How long ago an instant was, in one unit: `just now`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function timeAgo(at: Date, now: Date): string {
  const s = Math.max(0, Math.floor((now.getTime() - at.getTime()) / 1_000));
  if (s < 60) return 'just now';
  if (s < 3_600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

/** A whole number with its thousands apart: `10,000`. */
export function count(number: number): string {
  return number.toLocaleString('en-US');
}

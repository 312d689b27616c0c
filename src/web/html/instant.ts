import { html } from 'hono/html';
import type { Html } from './shown.ts';

/** An instant, in UTC, exact to the second; the full text is there for machines and on pointing. */
export function instant(at: Date): Html {
  const iso = at.toISOString();
  return html`<time datetime="${iso}" title="${iso}">${iso.slice(0, 10)} <b>${iso.slice(11, 19)}</b></time>`;
}

export function clockTime(at: Date): Html {
  const iso = at.toISOString();
  return html`<time datetime="${iso}" title="${iso}">${iso.slice(11, 19)}<small>.${iso.slice(20, 23)}</small></time>`;
}

/** Counts down in the browser; without it, the time left when the page was made. */
export function countdown(until: Date, now: Date): Html {
  const left = until.getTime() - now.getTime();
  return html`<time class="countdown" datetime="${until.toISOString()}" title="${until.toISOString()}"
    data-until="${String(until.getTime())}">${span(left)}</time>`;
}

/** A length of time in its two largest units: `4 m 05 s`, `2 h 10 m`, `30 m`, `350 ms`. */
export function span(ms: number): string {
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

/** How long ago, in one unit. */
export function ago(at: Date, now: Date): string {
  const s = Math.max(0, Math.floor((now.getTime() - at.getTime()) / 1_000));
  if (s < 60) return 'just now';
  if (s < 3_600) return `${Math.floor(s / 60)} min ago`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ago`;
  return `${Math.floor(s / 86_400)} d ago`;
}

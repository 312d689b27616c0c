import { html } from 'hono/html';
import type { Html } from './html.ts';
import { timestamp, zone } from './time.ts';
import { visibleText } from './visible-text.ts';

/** Slack's longest text object, in characters. Longer text cannot come from a card, and is shown without markup. */
const LONGEST = 4_000;

/**
 * The part of Slack's mrkdwn that cards use, as HTML in which nothing can be clicked: bold, italics, code, people,
 * groups, channels, dates, and links as text. Parses each line in one pass; markup must end on the line it begins on.
 */
export function inertMrkdwn(text: string): Html {
  if (text.length > LONGEST) return visibleText(text);
  return html`${text.split('\n').map((line, i) => html`${i > 0 ? html`<br>` : ''}${lineOf(line)}`)}`;
}

function lineOf(line: string): Html {
  const parts: Html[] = [];
  let plainFrom = 0;
  let at = 0;
  while (at < line.length) {
    const found = markupAt(line, at);
    if (found === null) {
      at += 1;
      continue;
    }
    parts.push(literal(line.slice(plainFrom, at)), found.part);
    at = found.end;
    plainFrom = at;
  }
  parts.push(literal(line.slice(plainFrom)));
  return html`${parts}`;
}

interface Markup {
  readonly part: Html;
  /** Index of the first character after it. */
  readonly end: number;
}

/** The markup that begins at this index, or null. */
function markupAt(line: string, at: number): Markup | null {
  const sign = line[at];
  if (sign !== '`' && sign !== '<' && sign !== '*' && sign !== '_') return null;
  const close = line.indexOf(sign === '<' ? '>' : sign, at + 1);
  if (close <= at + 1) return null;
  const inner = line.slice(at + 1, close);
  const end = close + 1;
  if (sign === '`') return { part: html`<code>${literal(inner)}</code>`, end };
  if (sign === '<') return { part: entity(inner), end };
  // Emphasis surrounds whole words.
  if (/\S/.test(line[at - 1] ?? ' ') || /[\p{L}\p{N}]/u.test(line[end] ?? ' ') || inner.trim() !== inner) return null;
  return { part: sign === '*' ? html`<b>${lineOf(inner)}</b>` : html`<i>${lineOf(inner)}</i>`, end };
}

/** A mention, date or link: what Slack writes between angle brackets. */
function entity(inner: string): Html {
  const bar = inner.indexOf('|');
  const [target, label] = bar < 0 ? [inner, null] : [inner.slice(0, bar), inner.slice(bar + 1)];
  if (target.startsWith('@') || target.startsWith('#')) return mention(target);
  if (target.startsWith('!subteam^')) return mention(`@${target.slice('!subteam^'.length)}`);
  if (target.startsWith('!date^')) return date(target, label);
  if (target.startsWith('!')) return mention(`@${target.slice(1)}`);
  return html`<span class="inert-link">${literal(label ?? target)}</span>${label === null ? '' : html` <span class="dim">(${literal(target)})</span>`}`;
}

function mention(text: string): Html {
  return html`<span class="mention">${literal(text)}</span>`;
}

/** Slack shows dates in the reader's time zone; so does the console. */
function date(target: string, fallback: string | null): Html {
  const seconds = Number(target.split('^')[1]);
  const at = new Date(seconds * 1_000);
  return Number.isNaN(at.getTime()) ? literal(fallback ?? target) : html`${timestamp(at)} ${zone()}`;
}

/** Undoes the three escapes that Slack requires, and shows the rest as data. */
function literal(text: string): Html {
  return visibleText(text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'));
}

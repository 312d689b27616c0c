import { html } from 'hono/html';
import { instant } from './instant.ts';
import { type Html, shown } from './shown.ts';

/** Slack takes no longer text in one place; anything longer is no card's, and is shown without any markup. */
const LONGEST = 4_000;

/**
 * Slack's mrkdwn, as much of it as a card uses: bold, italics, code, people, groups, channels, dates, links. Links lead
 * nowhere here. One pass from left to right, and each mark looks for its end on its own line only.
 */
export function mrkdwn(text: string): Html {
  if (text.length > LONGEST) return shown(text);
  return html`${text.split('\n').map((line, i) => html`${i > 0 ? html`<br>` : ''}${lineOf(line)}`)}`;
}

function lineOf(line: string): Html {
  const parts: Html[] = [];
  let plain = 0;
  let at = 0;
  while (at < line.length) {
    const found = markAt(line, at);
    if (found === null) {
      at += 1;
      continue;
    }
    parts.push(literal(line.slice(plain, at)), found.part);
    at = found.end;
    plain = at;
  }
  parts.push(literal(line.slice(plain)));
  return html`${parts}`;
}

interface Mark {
  readonly part: Html;
  /** The first character after it. */
  readonly end: number;
}

function markAt(line: string, at: number): Mark | null {
  const sign = line[at];
  if (sign !== '`' && sign !== '<' && sign !== '*' && sign !== '_') return null;
  const close = line.indexOf(sign === '<' ? '>' : sign, at + 1);
  if (close <= at + 1) return null;
  const inner = line.slice(at + 1, close);
  const end = close + 1;
  if (sign === '`') return { part: html`<code>${literal(inner)}</code>`, end };
  if (sign === '<') return { part: entity(inner), end };
  // Emphasis stands around words, not within them.
  if (/\S/.test(line[at - 1] ?? ' ') || /[\p{L}\p{N}]/u.test(line[end] ?? ' ') || inner.trim() !== inner) return null;
  return { part: sign === '*' ? html`<b>${lineOf(inner)}</b>` : html`<i>${lineOf(inner)}</i>`, end };
}

/** What stands between angle brackets. */
function entity(inner: string): Html {
  const bar = inner.indexOf('|');
  const [target, words] = bar < 0 ? [inner, null] : [inner.slice(0, bar), inner.slice(bar + 1)];
  if (target.startsWith('@') || target.startsWith('#')) return mention(target);
  if (target.startsWith('!subteam^')) return mention(`@${target.slice('!subteam^'.length)}`);
  if (target.startsWith('!date^')) return date(target, words);
  if (target.startsWith('!')) return mention(`@${target.slice(1)}`);
  return html`<span class="inert-link">${literal(words ?? target)}</span>${words === null ? '' : html` <span class="dim">(${literal(target)})</span>`}`;
}

function mention(words: string): Html {
  return html`<span class="mention">${literal(words)}</span>`;
}

/** Slack writes it in the reader's own time; here it is UTC as everywhere in the console. */
function date(target: string, words: string | null): Html {
  const seconds = Number(target.split('^')[1]);
  const at = new Date(seconds * 1_000);
  return Number.isNaN(at.getTime()) ? literal(words ?? target) : html`${instant(at)} UTC`;
}

function literal(text: string): Html {
  return shown(text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'));
}

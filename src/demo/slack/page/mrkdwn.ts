import type { Workspace } from '../state/workspace.ts';
import { html, type SafeHtml, trusted } from './html.ts';

const EMOJI: Readonly<Record<string, string>> = {
  white_check_mark: '✅',
  heavy_check_mark: '✔️',
  x: '❌',
  no_entry: '⛔',
  no_entry_sign: '🚫',
  warning: '⚠️',
  hourglass: '⌛',
  hourglass_flowing_sand: '⏳',
  alarm_clock: '⏰',
  lock: '🔒',
  eyes: '👀',
  question: '❓',
  rotating_light: '🚨',
  arrow_right: '➡️',
  leftwards_arrow_with_hook: '↩️',
  robot_face: '🤖',
  bell: '🔔',
  gear: '⚙️',
  mag: '🔍',
};

/** Replaces `:name:` by its emoji if the stand-in knows it; the rest stays as it is, as on Slack. */
export function withEmoji(text: string): string {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name: string) =>
    Object.hasOwn(EMOJI, name) ? EMOJI[name]! : whole,
  );
}

/** Turns Slack's three entities back into characters. */
function decoded(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

/** Slack's mrkdwn as HTML: code, references in angle brackets, bold, italic, strike, quotes, lines. */
export function mrkdwnHtml(text: string, workspace: Workspace): SafeHtml {
  // Code and references are set aside and marked by private-use characters, so that bold may span them but never reach in.
  const aside: SafeHtml[] = [];
  const masked = text.replace(/[\uE000\uE001]/g, '').replace(/```[\s\S]+?```|`[^`\n]+`|<[^<>\n]+>/g, (piece) => {
    aside.push(pieceOf(piece, workspace));
    return `\uE000${aside.length - 1}\uE001`;
  });
  const safe = html`${withEmoji(decoded(masked))}`.toString();
  const marked = quoted(toned(safe));
  return trusted(marked.replace(/\uE000(\d+)\uE001/g, (_, index: string) => aside[Number(index)]?.toString() ?? ''));
}

function pieceOf(piece: string, workspace: Workspace): SafeHtml {
  if (piece.startsWith('```')) return html`<pre>${decoded(piece.slice(3, -3).replace(/^\n/, ''))}</pre>`;
  if (piece.startsWith('`')) return html`<code>${decoded(piece.slice(1, -1))}</code>`;
  return reference(piece.slice(1, -1), workspace);
}

function toned(safe: string): string {
  return safe
    .replace(/(^|[\s(])\*(?=\S)([^*\n]+?)(?<=\S)\*(?=$|[\s.,;:!?)])/gm, '$1<b>$2</b>')
    .replace(/(^|[\s(])_(?=\S)([^_\n]+?)(?<=\S)_(?=$|[\s.,;:!?)])/gm, '$1<i>$2</i>')
    .replace(/(^|[\s(])~(?=\S)([^~\n]+?)(?<=\S)~(?=$|[\s.,;:!?)])/gm, '$1<s>$2</s>');
}

/** Lines that begin with `>` become quotes; the markup is already safe. */
function quoted(markup: string): string {
  return markup
    .split('\n')
    .map((line) => (line.startsWith('&gt;') ? `<blockquote>${line.slice(4).trimStart()}</blockquote>` : `${line}<br>`))
    .join('')
    .replace(/<br>$/, '');
}

/** What is between angle brackets: a person, a channel, a group, a date, a broadcast or a link. */
function reference(inner: string, workspace: Workspace): SafeHtml {
  const [head = '', label] = inner.split('|', 2);
  if (head.startsWith('@')) return personHtml(head.slice(1), workspace);
  if (head.startsWith('#'))
    return html`<span class="mention">#${workspace.channels.get(head.slice(1))?.name ?? label ?? head}</span>`;
  if (head.startsWith('!subteam^')) return groupHtml(head.slice('!subteam^'.length), workspace);
  if (head.startsWith('!date^')) {
    const [, seconds = '', format = ''] = head.split('^');
    return html`<span class="date">${dateText(Number(seconds), format, label ?? '')}</span>`;
  }
  if (head.startsWith('!')) return html`<span class="mention loud">@${head.slice(1)}</span>`;
  return linkHtml(decoded(head), decoded(label ?? head));
}

export function personHtml(id: string, workspace: Workspace): SafeHtml {
  return html`<span class="mention">@${workspace.users.get(id)?.real_name ?? id}</span>`;
}

export function groupHtml(id: string, workspace: Workspace): SafeHtml {
  return html`<span class="mention">@${workspace.userGroups.get(id)?.handle ?? id}</span>`;
}

/** Only web and mail addresses become links. */
export function linkHtml(url: string, label: string): SafeHtml {
  if (!/^(https?:|mailto:)/i.test(url)) return html`${label}`;
  return html`<a href="${url}" target="_blank" rel="noreferrer noopener">${label}</a>`;
}

/** A date in Slack's format language, in the machine's time zone. */
export function dateText(seconds: number, format: string, fallback: string): string {
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return fallback;
  const day = (options: Intl.DateTimeFormatOptions) => at.toLocaleDateString('en-US', options);
  const today = at.toDateString() === new Date().toDateString();
  return format.replace(/\{(\w+)\}/g, (whole, name: string) => {
    if (name === 'time') return at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
    if (name === 'time_secs') return at.toLocaleTimeString('en-GB');
    if (name.endsWith('_pretty') && today) return 'today';
    if (name === 'date_num') return at.toISOString().slice(0, 10);
    if (name.startsWith('date_short')) return day({ month: 'short', day: 'numeric', year: 'numeric' });
    if (name.startsWith('date_long')) return day({ weekday: 'long', month: 'long', day: 'numeric', year: 'numeric' });
    if (name.startsWith('date')) return day({ month: 'long', day: 'numeric', year: 'numeric' });
    return whole;
  });
}

import { html } from 'hono/html';
import type { Approval } from '../../domain/approval/approval.ts';
import type { EventType } from '../../domain/log/event.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { Tally } from '../../ports.ts';
import { chart, niceSpan, type Series, share } from '../html/chart.ts';
import { ago, countdown, span } from '../html/instant.ts';
import { type Html, name, shown } from '../html/shown.ts';
import { eventWords, toolName } from '../html/wording.ts';
import type { Book } from './book.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Spans of time that the overview shows, with the width of their slots. */
export const SPANS = {
  hour: { words: '1 hour', ms: HOUR, slotMs: 2 * MINUTE },
  day: { words: '24 hours', ms: DAY, slotMs: 30 * MINUTE },
  week: { words: '7 days', ms: 7 * DAY, slotMs: 6 * HOUR },
  month: { words: '30 days', ms: 30 * DAY, slotMs: DAY },
} as const;
export type TimeSpan = keyof typeof SPANS;

export interface Overview {
  readonly span: TimeSpan;
  readonly tally: Tally;
  readonly unknown: readonly Approval[];
  readonly waiting: readonly Approval[];
  readonly waitingMore: boolean;
  readonly book: Book;
  readonly now: Date;
}

/** How it goes: numbers first, then charts, then what somebody should look at. */
export function overviewPage(overview: Overview): Html {
  const { tally, span: chosen, now } = overview;
  const spans = Object.entries(SPANS).map(
    ([key, { words }]) =>
      html`<a href="/overview?span=${key}" ${key === chosen ? html`aria-current="true"` : ''}>${words}</a>`,
  );
  return html`<div class="head"><h1>Overview</h1><nav class="spans" aria-label="Span of time">${spans}</nav></div>
    ${tiles(overview)}
    <div class="grid-2">
      <section><h2>Calls by verdict</h2>${callsChart(tally, chosen, now)}</section>
      <section><h2>From request to decision</h2>${waitsChart(tally, chosen, now)}</section>
      <section><h2>Decisions by approver</h2>${approvers(tally)}</section>
      <section><h2>Refusals</h2>${refusals(tally)}</section>
      <section><h2>Limits near full</h2>${limits(tally, overview.book, now)}</section>
      <section><h2>Unknown outcomes</h2>${unknownOutcomes(overview.unknown, now)}</section>
    </div>`;
}

function tiles({ tally, waiting, waitingMore, unknown, now }: Overview): Html {
  const count = (type: EventType): number =>
    tally.calls.filter((one) => one.type === type).reduce((sum, one) => sum + one.count, 0);
  const oldest = waiting.at(-1);
  return html`<dl class="tiles">
    <div><dt><a href="/">Waiting now</a></dt><dd>${waiting.length}${waitingMore ? '+' : ''}</dd><dd class="dim">${oldest === undefined ? 'nobody waits' : `oldest ${ago(oldest.createdAt, now)}`}</dd></div>
    <div><dt>Allowed</dt><dd>${count('call.allowed')}</dd><dd class="dim">went straight through</dd></div>
    <div><dt>Asked</dt><dd>${count('approval.requested')}</dd><dd class="dim">needed a person</dd></div>
    <div><dt>Denied</dt><dd>${count('call.denied')}</dd><dd class="dim">by policy</dd></div>
    <div><dt>Median wait</dt><dd>${tally.wait === null ? '—' : span(tally.wait.p50)}</dd><dd class="dim">${tally.wait === null ? 'no decision yet' : `95% within ${span(tally.wait.p95)}`}</dd></div>
    <div class="${unknown.length > 0 ? 'odd' : ''}"><dt>Unknown outcomes</dt><dd>${unknown.length}</dd><dd class="dim">${unknown.length > 0 ? 'look at them' : 'none'}</dd></div>
  </dl>`;
}

/** The slots of a span, with their numbers and words. */
function slotsOf(chosen: TimeSpan, now: Date): { numbers: number[]; words: string[] } {
  const { ms, slotMs } = SPANS[chosen];
  const last = Math.floor(now.getTime() / slotMs);
  const numbers = Array.from({ length: Math.round(ms / slotMs) + 1 }, (_, i) => last - Math.round(ms / slotMs) + i);
  const words = numbers.map((slot) => {
    const iso = new Date(slot * slotMs).toISOString();
    return slotMs < 6 * HOUR
      ? iso.slice(11, 16)
      : slotMs < DAY
        ? `${iso.slice(5, 10)} ${iso.slice(11, 13)}h`
        : iso.slice(5, 10);
  });
  return { numbers, words };
}

const VERDICTS = [
  ['call.allowed', 'c-allow', 'allowed'],
  ['approval.requested', 'c-ask', 'asked'],
  ['call.denied', 'c-deny', 'denied'],
  ['call.limited', 'c-limit', 'rate limited'],
] as const;

function callsChart(tally: Tally, chosen: TimeSpan, now: Date): Html {
  const { numbers, words } = slotsOf(chosen, now);
  const series: Series[] = VERDICTS.map(([type, css, legend]) => {
    const found = new Map(tally.calls.filter((one) => one.type === type).map((one) => [one.slot, one.count]));
    return { css, words: legend, values: numbers.map((slot) => found.get(slot) ?? 0) };
  });
  const totals = series.map((one) => `${one.values.reduce((a, b) => a + b, 0)} ${one.words}`).join(', ');
  const summary = `Calls by verdict over the last ${SPANS[chosen].words}: ${totals}.`;
  return chart({ summary, series, slots: words, unit: String, kind: 'stack' });
}

function waitsChart(tally: Tally, chosen: TimeSpan, now: Date): Html {
  const { numbers, words } = slotsOf(chosen, now);
  const found = new Map(tally.waits.map((one) => [one.slot, one]));
  const series: Series[] = [
    { css: 'c-p95', words: '95% within', values: numbers.map((slot) => found.get(slot)?.p95 ?? 0) },
    { css: 'c-p50', words: 'median', values: numbers.map((slot) => found.get(slot)?.p50 ?? 0) },
  ];
  const { wait } = tally;
  const summary =
    wait === null
      ? `No decision in the last ${SPANS[chosen].words}.`
      : `Waiting time over the last ${SPANS[chosen].words}: median ${span(wait.p50)}, 95% within ${span(wait.p95)}, ${wait.count} decisions.`;
  return chart({ summary, series, slots: words, unit: span, kind: 'overlay', top: niceSpan });
}

function approvers({ approvers: people }: Tally): Html {
  if (people.length === 0) return html`<p class="empty">Nobody decided anything in this time.</p>`;
  const most = Math.max(...people.map((one) => one.approved + one.denied));
  const rows = people.map(
    (one) => html`<tr><th scope="row"><a href="/audit?approver=${one.approver}">${name(one.approver)}</a></th>
      <td class="bar-cell">${share(
        [
          { css: 'c-allow', value: one.approved },
          { css: 'c-deny', value: one.denied },
        ],
        most,
        `${one.approved} approved, ${one.denied} denied`,
      )}</td><td>${one.approved}</td><td>${one.denied}</td></tr>`,
  );
  return html`<table class="mini"><thead><tr><th scope="col">Approver</th><th scope="col"><span class="unseen">Share</span></th><th scope="col">approved</th><th scope="col">denied</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function refusals({ refusals: found }: Tally): Html {
  if (found.length === 0) return html`<p class="empty">Nothing was refused.</p>`;
  const rows = found.map(
    (one) =>
      html`<tr><th scope="row"><a href="/audit?types=${one.type}">${eventWords(one.type)[1]}</a></th><td>${shown(one.reason.replaceAll('_', ' '))}</td><td>${one.count}</td></tr>`,
  );
  return html`<table class="mini"><thead><tr><th scope="col">What</th><th scope="col">Why</th><th scope="col">Times</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** A counter is near full from this share on. */
const NEAR = 0.5;
const MOST_LIMITS = 10;

interface Filling {
  readonly server: string;
  readonly counter: string;
  readonly scope: string;
  readonly scopeValue: string;
  readonly window: string;
  readonly used: string;
  readonly max: number;
  readonly endsAt: Date;
}

function limits(tally: Tally, book: Book, now: Date): Html {
  const near = tally.counters
    .flatMap((counter) => filling(counter, book))
    .filter((one) => Number(one.used) >= one.max * NEAR)
    .toSorted((a, b) => Number(b.used) / b.max - Number(a.used) / a.max)
    .slice(0, MOST_LIMITS);
  if (near.length === 0) return html`<p class="empty">No limit is more than half full.</p>`;
  const rows = near.map((one) => {
    const full = Number(one.used) >= one.max;
    return html`<tr><th scope="row">${name(one.counter)} <span class="dim">${one.scope} ${name(one.scopeValue.slice(0, 40))}</span></th>
      <td class="bar-cell">${share([{ css: full ? 'c-deny' : 'c-ask', value: Number(one.used) }], one.max, `${one.used} of ${one.max}`)}</td>
      <td>${one.used} / ${one.max}</td><td>${countdown(one.endsAt, now)}</td></tr>`;
  });
  return html`<table class="mini"><thead><tr><th scope="col">Limit</th><th scope="col"><span class="unseen">Share</span></th><th scope="col">used</th><th scope="col">frees in</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** What the policies say of a counter; one that no policy names any more is left out. */
function filling({ key, used, endsAt }: Tally['counters'][number], book: Book): Filling[] {
  const [server, counter, scope, scopeValue, window] = JSON.parse(key) as [string, string, string, string, string];
  const policies = book.servers().filter((one) => server === '*' || one.name === server);
  const rules = policies.flatMap((one) => (one.policy === null ? [] : limitsOf(one.policy)));
  const rule = rules.find((limit) => {
    const width = 'calendar' in limit.window ? limit.window.calendar : `${limit.window.seconds}s`;
    return limit.counter === counter && limit.scope === scope && width === window;
  });
  if (rule === undefined) return [];
  return [{ server, counter, scope, scopeValue, window, used, max: Number(rule.max), endsAt }];
}

function limitsOf(policy: Policy) {
  const rules = [...policy.exact.values(), ...policy.globs.map((entry) => entry.rule)];
  return [...policy.allTools.limits, ...rules.flatMap((rule) => rule.limits)];
}

function unknownOutcomes(unknown: readonly Approval[], now: Date): Html {
  if (unknown.length === 0) return html`<p class="empty">Every call that was sent has an outcome.</p>`;
  return html`<ul class="rows">${unknown.map(
    (approval) => html`<li><a href="/approvals/${approval.id}">${toolName(approval.server, approval.tool)}</a>
      <span class="dim">${name(approval.grant)} · ${ago(approval.updatedAt, now)}${approval.note === null ? '' : html` · ${shown(approval.note)}`}</span></li>`,
  )}</ul>`;
}

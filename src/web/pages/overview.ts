import { html } from 'hono/html';
import type { ApprovalGlance } from '../../domain/approval/approval.ts';
import type { EventType } from '../../domain/log/event.ts';
import { grantNameOf } from '../../domain/people/principal.ts';
import type { Policy } from '../../domain/policy/policy.ts';
import type { PendingCounts, Tally } from '../../ports.ts';
import { type ChartSeries, chart, roundDurationUp, shareBar } from '../html/chart.ts';
import type { Html } from '../html/html.ts';
import { eventLabel, toolName } from '../html/labels.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { countdown, durationText, count as thousands, timeAgo } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { ConfigView } from './config-view.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The periods that the overview offers, each with the width of its slots. */
export const SPANS = {
  hour: { label: '1 hour', ms: HOUR, slotMs: 2 * MINUTE },
  day: { label: '24 hours', ms: DAY, slotMs: 30 * MINUTE },
  week: { label: '7 days', ms: 7 * DAY, slotMs: 6 * HOUR },
  month: { label: '30 days', ms: 30 * DAY, slotMs: DAY },
} as const;
export type TimeSpan = keyof typeof SPANS;

/** What the Overview page shows. */
export interface Overview {
  readonly span: TimeSpan;
  /** Whether the page links to what approvers decide. */
  readonly mayOversee: boolean;
  readonly tally: Tally;
  readonly unknown: readonly ApprovalGlance[];
  /** Of all that is pending or unknown; `unknown` holds the newest of the latter. */
  readonly counts: PendingCounts;
  readonly config: ConfigView;
  /** The people of the config, by their ids. */
  readonly names: PersonNames;
  readonly now: Date;
}

/** Numbers first, then charts, then what somebody should look into. */
export function overviewPage(overview: Overview): Html {
  const { tally, span: chosen, now } = overview;
  const spans = Object.entries(SPANS).map(
    ([key, { label }]) =>
      html`<a href="/overview?span=${key}" ${key === chosen ? html`aria-current="true"` : ''}>${label}</a>`,
  );
  return html`<div class="head"><h1>Overview</h1><nav class="spans" aria-label="Period">${spans}</nav></div>
    ${unconfined(overview.config)}
    ${tiles(overview)}
    <div class="grid-2">
      <section><h2>Calls by verdict</h2>${callsChart(tally, chosen, now)}</section>
      <section><h2>From request to decision</h2>${waitsChart(tally, chosen, now)}</section>
      <section><h2>Decisions by approver</h2>${approvers(tally, overview.names)}${overview.mayOversee ? html`<p><a href="/oversight">Oversight: shares, times and reversals</a></p>` : ''}</section>
      <section><h2>Refusals</h2>${refusals(tally)}</section>
      <section><h2>Limits near full</h2>${limits(tally, overview.config, now)}</section>
      <section><h2>Unknown outcomes</h2>${unknownOutcomes(overview.unknown, now)}</section>
    </div>`;
}

/** Loud, because such a server can make everything else on these pages untrue. */
function unconfined(config: ConfigView): Html {
  const names = config.servers().filter(({ confined }) => confined === false);
  if (names.length === 0) return html``;
  return html`<section class="notice bad" role="alert"><h2>Servers without a user or sandbox of their own</h2>
    <p>${names.map(({ name }, index) => html`${index > 0 ? ', ' : ''}<b>${name}</b>`)}: each runs as the gateway’s own user, so it can read the gateway’s data directory, secret and memory, and approve its own calls. Give it <code>run_as</code> or <code>sandbox</code> in the config, or run it elsewhere.</p></section>`;
}

function tiles({ tally, counts, now }: Overview): Html {
  const count = (type: EventType): number =>
    tally.calls.filter((calls) => calls.type === type).reduce((sum, calls) => sum + calls.count, 0);
  const { pending, oldest, unknown } = counts;
  return html`<dl class="tiles">
    <div><dt><a href="/">Waiting now</a></dt><dd>${thousands(pending)}</dd><dd class="dim">${oldest === null ? 'nothing waiting' : `oldest ${timeAgo(oldest, now)}`}</dd></div>
    <div><dt>Allowed</dt><dd>${count('call.allowed')}</dd><dd class="dim">went straight through</dd></div>
    <div><dt>Asked</dt><dd>${count('approval.requested')}</dd><dd class="dim">needed a person</dd></div>
    <div><dt>Denied</dt><dd>${count('call.denied')}</dd><dd class="dim">by policy</dd></div>
    <div><dt>Median wait</dt><dd>${tally.wait === null ? '—' : durationText(tally.wait.p50)}</dd><dd class="dim">${tally.wait === null ? 'no decision yet' : `95% within ${durationText(tally.wait.p95)}`}</dd></div>
    <div class="${unknown > 0 ? 'odd' : ''}"><dt>Unknown outcomes</dt><dd>${thousands(unknown)}</dd><dd class="dim">${unknown > 0 ? 'check these' : 'none'}</dd></div>
  </dl>`;
}

/** The slots of a period: their numbers since the epoch, and their labels. */
function slotsOf(chosen: TimeSpan, now: Date): { numbers: number[]; labels: string[] } {
  const { ms, slotMs } = SPANS[chosen];
  const last = Math.floor(now.getTime() / slotMs);
  const numbers = Array.from({ length: Math.round(ms / slotMs) + 1 }, (_, i) => last - Math.round(ms / slotMs) + i);
  const labels = numbers.map((slot) => {
    const iso = new Date(slot * slotMs).toISOString();
    return slotMs < 6 * HOUR
      ? iso.slice(11, 16)
      : slotMs < DAY
        ? `${iso.slice(5, 10)} ${iso.slice(11, 13)}h`
        : iso.slice(5, 10);
  });
  return { numbers, labels };
}

const VERDICTS = [
  ['call.allowed', 'c-allow', 'allowed'],
  ['approval.requested', 'c-ask', 'asked'],
  ['call.denied', 'c-deny', 'denied'],
  ['call.limited', 'c-limit', 'rate limited'],
] as const;

function callsChart(tally: Tally, chosen: TimeSpan, now: Date): Html {
  const { numbers, labels } = slotsOf(chosen, now);
  const series: ChartSeries[] = VERDICTS.map(([type, css, label]) => {
    const found = new Map(tally.calls.filter((calls) => calls.type === type).map(({ slot, count }) => [slot, count]));
    return { css, label, values: numbers.map((slot) => found.get(slot) ?? 0) };
  });
  const totals = series.map(({ values, label }) => `${values.reduce((a, b) => a + b, 0)} ${label}`).join(', ');
  const summary = `Calls by verdict over the last ${SPANS[chosen].label}: ${totals}.`;
  return chart({ summary, series, slotLabels: labels, unit: String, kind: 'stack' });
}

function waitsChart(tally: Tally, chosen: TimeSpan, now: Date): Html {
  const { numbers, labels } = slotsOf(chosen, now);
  const found = new Map(tally.waits.map((waits) => [waits.slot, waits]));
  const series: ChartSeries[] = [
    { css: 'c-p95', label: '95% within', values: numbers.map((slot) => found.get(slot)?.p95 ?? 0) },
    { css: 'c-p50', label: 'median', values: numbers.map((slot) => found.get(slot)?.p50 ?? 0) },
  ];
  const { wait } = tally;
  const summary =
    wait === null
      ? `No decision in the last ${SPANS[chosen].label}.`
      : `Waiting time over the last ${SPANS[chosen].label}: median ${durationText(wait.p50)}, 95% within ${durationText(wait.p95)}, ${wait.count} decisions.`;
  return chart({ summary, series, slotLabels: labels, unit: durationText, kind: 'overlay', top: roundDurationUp });
}

function approvers({ approvers: people }: Tally, names: PersonNames): Html {
  if (people.length === 0) return html`<p class="empty">Nobody decided anything in this period.</p>`;
  const most = Math.max(...people.map(({ approved, denied }) => approved + denied));
  const rows = people.map(
    ({
      approver,
      approved,
      denied,
    }) => html`<tr><th scope="row"><a href="/audit?approver=${approver}">${personName(approver, names)}</a></th>
      <td class="bar-cell">${shareBar(
        [
          { css: 'c-allow', value: approved },
          { css: 'c-deny', value: denied },
        ],
        most,
        `${approved} approved, ${denied} denied`,
      )}</td><td>${approved}</td><td>${denied}</td></tr>`,
  );
  return html`<table class="mini"><thead><tr><th scope="col">Approver</th><th scope="col"><span class="unseen">Share</span></th><th scope="col">approved</th><th scope="col">denied</th></tr></thead><tbody>${rows}</tbody></table>`;
}

function refusals({ refusals: found }: Tally): Html {
  if (found.length === 0) return html`<p class="empty">Nothing was refused.</p>`;
  const rows = found.map(
    ({ type, reason, count }) =>
      html`<tr><th scope="row"><a href="/audit?types=${type}">${eventLabel(type)[1]}</a></th><td>${visibleText(reason.replaceAll('_', ' '))}</td><td>${count}</td></tr>`,
  );
  return html`<table class="mini"><thead><tr><th scope="col">What</th><th scope="col">Why</th><th scope="col">Times</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** The share from which on a counter is shown as near full. */
const NEARLY_FULL = 0.5;
const MAX_LIMITS = 10;

interface CounterUse {
  readonly server: string;
  readonly counter: string;
  readonly scope: string;
  readonly scopeValue: string;
  readonly window: string;
  readonly used: string;
  readonly max: number;
  readonly endsAt: Date;
}

function limits(tally: Tally, config: ConfigView, now: Date): Html {
  const near = tally.counters
    .flatMap((counter) => counterUse(counter, config))
    .filter(({ used, max }) => Number(used) >= max * NEARLY_FULL)
    .toSorted((a, b) => Number(b.used) / b.max - Number(a.used) / a.max)
    .slice(0, MAX_LIMITS);
  if (near.length === 0) return html`<p class="empty">No limit is more than half full.</p>`;
  const rows = near.map(({ counter, scope, scopeValue, used, max, endsAt }) => {
    const full = Number(used) >= max;
    return html`<tr><th scope="row">${visibleName(counter)} <span class="dim">${scope} ${visibleName(scopeValue.slice(0, 40))}</span></th>
      <td class="bar-cell">${shareBar([{ css: full ? 'c-deny' : 'c-ask', value: Number(used) }], max, `${used} of ${max}`)}</td>
      <td>${used} / ${max}</td><td>${countdown(endsAt, now)}</td></tr>`;
  });
  return html`<table class="mini"><thead><tr><th scope="col">Limit</th><th scope="col"><span class="unseen">Share</span></th><th scope="col">used</th><th scope="col">resets in</th></tr></thead><tbody>${rows}</tbody></table>`;
}

/** A counter with the limit that policies set for it; empty when no policy names it any more. */
function counterUse({ key, used, endsAt }: Tally['counters'][number], config: ConfigView): CounterUse[] {
  const [server, counter, scope, scopeValue, window] = JSON.parse(key) as [string, string, string, string, string];
  const policies = config.servers().filter(({ name, upstream }) => ['*', name, upstream].includes(server));
  const rules = policies.flatMap(({ policy }) => (policy === null ? [] : limitsOf(policy)));
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

function unknownOutcomes(unknown: readonly ApprovalGlance[], now: Date): Html {
  if (unknown.length === 0) return html`<p class="empty">Every call that was sent has an outcome.</p>`;
  return html`<ul class="rows">${unknown.map(
    (approval) => html`<li><a href="/approvals/${approval.id}">${toolName(approval.server, approval.tool)}</a>
      <span class="dim">${visibleName(grantNameOf(approval.grant))} · ${timeAgo(approval.updatedAt, now)}${approval.note === null ? '' : html` · ${visibleText(approval.note)}`}</span></li>`,
  )}</ul>`;
}

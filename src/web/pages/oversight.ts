import { html } from 'hono/html';
import type { OverseenLine, OverseenTool, OversightReport, OversightTerms } from '../../domain/log/oversight.ts';
import { quarterAt } from '../../domain/log/period.ts';
import type { Html } from '../html/html.ts';
import { count } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';

/** What the Oversight page shows. */
export interface OversightView {
  /** null: what was asked for is no period. */
  readonly report: OversightReport | null;
  readonly fault: string | null;
  readonly terms: OversightTerms | null;
  readonly now: Date;
}

/** Quarters that are offered. */
const QUARTERS = 5;

export function oversightPage({ report, fault, terms, now }: OversightView): Html {
  return html`<div class="head"><h1>Oversight</h1>${report === null ? '' : downloads(report)}</div>
    <form class="search" action="/oversight" method="get">
      <div><label for="o-from">From</label><input id="o-from" name="from" type="date" value="${report?.from ?? ''}" required></div>
      <div><label for="o-to">To</label><input id="o-to" name="to" type="date" value="${report?.to ?? ''}" required></div>
      <div class="buttons"><button type="submit" class="main">Show</button></div>
    </form>
    <nav class="spans" aria-label="Quarters">${quarters(now).map((quarter) => html`<a href="/oversight?quarter=${quarter}">${quarter}</a> `)}</nav>
    ${fault === null ? '' : html`<p class="notice bad" role="alert">${fault}</p>`}
    ${report === null ? '' : reportParts(report)}
    ${terms === null ? '' : termsLine(terms)}`;
}

/** The report as a file of its own, without script and links. */
export function oversightFile(report: OversightReport, now: Date): Html | Promise<Html> {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Oversight ${report.from} to ${report.to}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:15px/1.5 system-ui,sans-serif;margin:24px;color:#1a1a1a;background:#fff}table{border-collapse:collapse;margin:8px 0 24px}
th,td{border-bottom:1px solid #ccc;padding:4px 10px;text-align:right}th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}</style></head>
<body><h1>Oversight of approvers</h1><p>${report.from} to ${report.to} (UTC). Made by Holdfast at ${now.toISOString()}.</p>${reportParts(report)}</body></html>`;
}

function downloads({ from, to }: OversightReport): Html {
  const query = `from=${from}&to=${to}`;
  return html`<p class="downloads"><a href="/api/oversight/report.html?${query}" download>Report (HTML)</a> · <a href="/api/oversight/report.csv?${query}" download>CSV</a></p>`;
}

function reportParts({ people, groups, tools, upTo, doubtful, cut }: OversightReport): Html {
  return html`${doubtful ? html`<p class="notice bad">Some sums are not as a gateway wrote them. They are left out: these numbers are too low. /readyz says more.</p>` : ''}
    ${cut ? html`<p class="notice">There is more in these days than is read at once. Ask for fewer days.</p>` : ''}
    <section><h2>Approvers</h2>${table('Approver', people, [])}</section>
    <section><h2>Groups</h2>${table('Group', groups, [])}
      <p class="dim">A decision counts for each group that was asked, and for its person.</p></section>
    <section><h2>Tools</h2>${table('Tool', tools, [['Suggests', candidate]])}</section>
    <p class="dim">Days are UTC. Counted up to event ${count(upTo)} of the chain. Members of Slack user groups are counted when they decide, not when they are asked.</p>`;
}

type More = readonly [head: string, cell: (line: OverseenTool) => Html | string];

function table(what: string, lines: readonly OverseenLine[], more: readonly More[]): Html {
  if (lines.length === 0) return html`<p class="empty">Nothing in these days.</p>`;
  const heads = [
    'Asked',
    'Decided',
    'Approved',
    'Denied',
    'Reversed',
    'Within 3 s',
    'Full view',
    'Mean',
    'Half within',
  ];
  return html`<div class="wide-table" tabindex="0" role="region" aria-label="${what}s"><table class="list numbers"><thead><tr><th scope="col">${what}</th>${[...heads, ...more.map(([head]) => head)].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
    <tbody>${lines.map(
      (
        line,
      ) => html`<tr><th scope="row">${visibleName(line.name)}</th><td>${count(line.asked)}</td><td>${count(line.decided)}</td>
      <td>${count(line.approved)} ${percent(line.approvedShare)}</td><td>${count(line.denied)}</td><td>${count(line.reversed)}</td>
      <td>${percent(line.fastShare)}</td><td>${percent(line.fullShare)}</td><td>${seconds(line.meanSeconds)}</td>
      <td>${line.halfWithinSeconds === null ? (line.decided === 0 ? '–' : 'more than 2 h') : seconds(line.halfWithinSeconds)}</td>${more.map(([, cell]) => html`<td>${cell(line as OverseenTool)}</td>`)}</tr>`,
    )}</tbody></table></div>`;
}

function candidate({ candidate: found }: OverseenTool): string {
  if (found === 'rule') return 'always approved: a rule or an allowance';
  return found === 'deny' ? 'often denied: deny' : '';
}

function percent(share: number | null): string {
  return share === null ? '–' : `${Math.round(share * 1000) / 10} %`;
}

function seconds(value: number | null): string {
  return value === null ? '–' : `${value.toLocaleString('en-US')} s`;
}

function termsLine({ fastShare, approvedShare, least, days }: OversightTerms): Html {
  return html`<p class="dim">Told of (<code>oversight.alarmed</code>): who decides more than ${percent(fastShare)} within 3 s, or approves more than ${percent(approvedShare)}, of at least ${count(least)} decisions in ${count(days)} days.</p>`;
}

/** This quarter and those before it. */
function quarters(now: Date): string[] {
  return Array.from({ length: QUARTERS }, (_, back) =>
    quarterAt(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 3 * back, 1))),
  );
}

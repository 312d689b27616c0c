import { html } from 'hono/html';
import type { OverseenLine, OverseenTool, OversightReport } from '../../domain/log/oversight.ts';
import type { Html } from './html.ts';
import { count } from './time.ts';
import { visibleName } from './visible-text.ts';

/** The report as a file of its own, without script and links. */
export function oversightFile(report: OversightReport, now: Date): Html | Promise<Html> {
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Oversight ${report.from} to ${report.to}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{font:15px/1.5 system-ui,sans-serif;margin:24px;color:#1a1a1a;background:#fff}table{border-collapse:collapse;margin:8px 0 24px}
th,td{border-bottom:1px solid #ccc;padding:4px 10px;text-align:right}th:first-child,td:first-child{text-align:left;overflow-wrap:anywhere}</style></head>
<body><h1>Oversight of approvers</h1><p>${report.from} to ${report.to} (UTC). Made by Holdfast at ${now.toISOString()}.</p>${oversightParts(report)}</body></html>`;
}

/** What the page and the file show. */
export function oversightParts({ people, groups, tools, upTo, doubtful, cut }: OversightReport): Html {
  return html`${doubtful ? html`<p class="notice bad">Some sums are not as a gateway wrote them. They are left out: these numbers are too low. /readyz says more.</p>` : ''}
    ${cut ? html`<p class="notice">There is more in these days than is read at once. Ask for fewer days.</p>` : ''}
    <section><h2>Approvers</h2>${table('Approver', people, [])}</section>
    <section><h2>Groups</h2>${table('Group', groups, [])}
      <p class="dim">A decision counts for each group that was asked, and for its person.</p></section>
    <section><h2>Tools</h2>${table('Tool', tools, [['Suggests', candidate]])}</section>
    <p class="dim">Days are UTC. Counted up to event ${count(upTo)} of the chain. Members of Slack user groups are counted when they decide, not when they are asked. Full view: decided in Slack’s full view or a form, or signed; decisions in the console and over the API do not count there.</p>`;
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
  return html`<div class="wide-table" tabindex="0" role="region" aria-label="${what}s"><table class="numbers"><thead><tr><th scope="col">${what}</th>${[...heads, ...more.map(([head]) => head)].map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
    <tbody>${lines.map(
      (
        line,
      ) => html`<tr><th scope="row">${visibleName(line.name)}</th><td>${count(line.asked)}</td><td>${count(line.decided)}</td>
      <td>${count(line.approved)} ${shareText(line.approvedShare)}</td><td>${count(line.denied)}</td><td>${count(line.reversed)}</td>
      <td>${shareText(line.fastShare)}</td><td>${shareText(line.fullShare)}</td><td>${seconds(line.meanSeconds)}</td>
      <td>${line.halfWithinSeconds === null ? (line.decided === 0 ? '–' : 'more than 2 h') : seconds(line.halfWithinSeconds)}</td>${more.map(([, cell]) => html`<td>${cell(line as OverseenTool)}</td>`)}</tr>`,
    )}</tbody></table></div>`;
}

function candidate({ candidate: found }: OverseenTool): string {
  if (found === 'rule') return 'always approved: could be a rule or an allowance';
  return found === 'deny' ? 'often denied: could be denied by policy' : '';
}

/** A share as people read it. */
export function shareText(share: number | null): string {
  return share === null ? '–' : `${Math.round(share * 1000) / 10} %`;
}

function seconds(value: number | null): string {
  return value === null ? '–' : `${value.toLocaleString('en-US')} s`;
}

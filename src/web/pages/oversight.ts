import { html } from 'hono/html';
import type { OversightReport, OversightTerms } from '../../domain/log/oversight.ts';
import { quarterAt } from '../../domain/log/period.ts';
import type { Html } from '../html/html.ts';
import { oversightParts, shareText } from '../html/oversight-report.ts';
import { count } from '../html/time.ts';

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
    ${report === null ? '' : oversightParts(report)}
    ${terms === null ? '' : termsLine(terms)}`;
}

function downloads({ from, to }: OversightReport): Html {
  const query = `from=${from}&to=${to}`;
  return html`<p class="downloads"><a href="/api/oversight/report.html?${query}" download>Report (HTML)</a> · <a href="/api/oversight/report.csv?${query}" download>CSV</a></p>`;
}

function termsLine({ fastShare, approvedShare, least, days }: OversightTerms): Html {
  return html`<p class="dim">An alarm (the event <code>oversight.alarmed</code>) names whoever decides more than ${shareText(fastShare)} within 3 s, or approves more than ${shareText(approvedShare)}, of at least ${count(least)} decisions in ${count(days)} days.</p>`;
}

/** This quarter and those before it. */
function quarters(now: Date): string[] {
  return Array.from({ length: QUARTERS }, (_, back) =>
    quarterAt(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 3 * back, 1))),
  );
}

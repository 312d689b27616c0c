import { html } from 'hono/html';
import { type Freeze, LONGEST_FREEZE_REASON, MOST_FREEZES } from '../../domain/freeze/freeze.ts';
import type { HeldByFreeze } from '../../ports.ts';
import { plural } from '../../text/plural.ts';
import type { Html } from '../html/html.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { timeAgo, timestamp, zone } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';

/** What the Freezes page shows. */
export interface FreezesView {
  /** All that are in force, oldest first. */
  readonly freezes: readonly Freeze[];
  readonly held: ReadonlyMap<string, HeldByFreeze>;
  readonly servers: readonly string[];
  readonly grants: readonly string[];
  /** Whether the reviewer may freeze and thaw. */
  readonly operator: boolean;
  /** The people of the config, by their ids. */
  readonly names: PersonNames;
  readonly now: Date;
}

/** Freezes that the banner describes one by one. */
const MOST_IN_BANNER = 3;

/** What is frozen, on top of every page. Nothing when nothing is. */
export function freezeBanner(freezes: readonly Freeze[], names: PersonNames, now: Date): Html {
  if (freezes.length === 0) return html``;
  const more = freezes.length - MOST_IN_BANNER;
  const lines = freezes.slice(0, MOST_IN_BANNER).map((freeze) => html`<li>${freezeLine(freeze, names, now)}</li>`);
  return html`<section class="freeze-banner" aria-label="What is frozen">
    <p><b>${freezes.some(({ scope }) => scope.kind === 'all') ? 'Everything is frozen: nothing new is sent.' : 'Partly frozen: nothing new is sent for what is listed here.'}</b> <a href="/freezes">${freezes.length} ${plural(freezes.length, 'freeze')} in force</a></p>
    <ul>${lines}${more > 0 ? html`<li>and ${more} more</li>` : ''}</ul>
  </section>`;
}

function freezeLine(freeze: Freeze, names: PersonNames, now: Date): Html {
  return html`${scopeName(freeze)}, by ${personName(freeze.by, names)} ${timeAgo(freeze.since, now)}: <q>${visibleText(freeze.reason)}</q>`;
}

function scopeName({ scope }: Freeze): Html {
  return scope.kind === 'all' ? html`Everything` : html`The ${scope.kind} <b>${visibleName(scope.name)}</b>`;
}

/** Every freeze in force, with what waits under it, and the form to set another. */
export function freezesPage({ freezes, held, servers, grants, operator, names, now }: FreezesView): Html {
  const rows = freezes.map((freeze) =>
    freezeRow(freeze, held.get(freeze.id) ?? { pending: 0, approved: 0 }, operator, names, now),
  );
  return html`<div class="head"><h1>Freezes</h1></div>
    <p class="dim">While something is frozen, nothing new is sent to its servers. Pending calls keep waiting and can expire, people can still decide,
      and calls that were already sent continue.</p>
    <h2>${freezes.length} ${plural(freezes.length, 'freeze')} in force</h2>
    ${
      freezes.length === 0
        ? html`<p class="empty">Nothing is frozen.</p>`
        : html`<table class="list"><thead><tr><th scope="col">What</th><th scope="col">By</th><th scope="col">Since (${zone()})</th><th scope="col">Why</th><th scope="col">Waits</th><th scope="col">Thaw</th></tr></thead>
    <tbody>${rows}</tbody></table>`
    }
    ${operator ? freezeForm(freezes, servers, grants) : html`<p class="notice">Only operators can freeze and thaw. The config lists them under <code>operators</code>, or gives a person the role operator.</p>`}`;
}

function freezeRow(freeze: Freeze, held: HeldByFreeze, operator: boolean, names: PersonNames, now: Date): Html {
  const { id, by, since, reason } = freeze;
  return html`<tr><td>${scopeName(freeze)} <code class="dim">${id}</code></td>
    <td data-label="By">${personName(by, names)}</td>
    <td data-label="Since">${timestamp(since)} <span class="dim">${timeAgo(since, now)}</span></td>
    <td data-label="Why">${visibleText(reason)}</td>
    <td data-label="Waits">${held.pending} to decide, ${held.approved} approved</td>
    <td>${operator ? thawForm(id) : ''}</td></tr>`;
}

function thawForm(id: string): Html {
  return html`<form data-thaw="${id}" action="/freezes" method="get" class="inline">
    <label class="unseen" for="thaw-${id}">Reason to thaw</label>
    <input id="thaw-${id}" name="reason" type="text" required maxlength="${LONGEST_FREEZE_REASON}" placeholder="reason" autocomplete="off">
    <button type="submit" class="small" data-deciding>Thaw</button></form>`;
}

function freezeForm(freezes: readonly Freeze[], servers: readonly string[], grants: readonly string[]): Html {
  if (freezes.length >= MOST_FREEZES) return html`<p class="notice">No more freezes are possible.</p>`;
  const frozen = new Set(freezes.map(({ scope }) => (scope.kind === 'all' ? 'all' : `${scope.kind}:${scope.name}`)));
  const options = (kind: 'server' | 'grant', names: readonly string[]): Html[] =>
    names
      .filter((name) => !frozen.has(`${kind}:${name}`))
      .map((name) => html`<option value="${kind}:${name}">the ${kind} ${name}</option>`);
  return html`<section aria-labelledby="freeze-head"><h2 id="freeze-head">Freeze</h2>
    <form data-freeze action="/freezes" method="get" class="freeze">
      <label for="freeze-what">What</label>
      <select id="freeze-what" name="what">${frozen.has('all') ? '' : html`<option value="all">everything</option>`}${options('server', servers)}${options('grant', grants)}</select>
      <label for="freeze-why">Reason <span class="dim">(shown to agents and approvers, and in the log)</span></label>
      <input id="freeze-why" name="reason" type="text" required maxlength="${LONGEST_FREEZE_REASON}" autocomplete="off">
      <div class="buttons"><button class="deny" type="submit" data-deciding>Freeze</button></div>
    </form></section>`;
}

import { html } from 'hono/html';
import type { Revocation } from '../../ports.ts';
import type { Html } from '../html/html.ts';
import { badge } from '../html/labels.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { timeAgo, timestamp } from '../html/time.ts';
import { visibleName, visibleText } from '../html/visible-text.ts';
import type { GrantView } from './config-view.ts';

/** What the Grants page shows. */
export interface GrantsView {
  readonly grants: readonly GrantView[];
  readonly revocations: readonly Revocation[];
  /** By grant; without an entry it was never used. */
  readonly lastUses: ReadonlyMap<string, Date>;
  /** The people of the config, by their ids. */
  readonly names: PersonNames;
  readonly now: Date;
}

/** Every grant, with a button to revoke it. */
export function grantsPage({ grants, revocations, lastUses, names, now }: GrantsView): Html {
  const revoked = new Map(revocations.map((revocation) => [revocation.tokenSha256, revocation]));
  const rows = grants.map((grant) =>
    grantRow(grant, revoked.get(grant.tokenSha256) ?? null, lastUses.get(grant.name) ?? null, names, now),
  );
  return html`<div class="head"><h1>Grants</h1></div>
    <p class="dim">A grant is the credential of one agent. Revoking it stops its token on every replica within two seconds, and its approved calls are not sent.
      This cannot be undone: make a new token with <code>holdfast grant new</code>.</p>
    <table class="list"><thead><tr><th scope="col">Agent</th><th scope="col">Owner</th><th scope="col">Servers</th><th scope="col">Expires</th><th scope="col">Last use</th><th scope="col">Revoke</th></tr></thead>
    <tbody>${rows}</tbody></table>
    ${grants.length === 0 ? html`<p class="empty">The config has no grants.</p>` : ''}`;
}

function grantRow(
  grant: GrantView,
  revoked: Revocation | null,
  used: Date | null,
  names: PersonNames,
  now: Date,
): Html {
  const expired = grant.expires !== null && now >= grant.expires;
  return html`<tr><td><a href="/audit?agent=${encodeURIComponent(grant.name)}">${visibleName(grant.name)}</a></td>
    <td data-label="Owner">${grant.owner === null ? html`<span class="dim">none</span>` : personName(grant.owner, names)}${grant.selfApproval ? html` ${badge('odd', 'self-approval')}` : ''}</td>
    <td data-label="Servers">${grant.servers.map((server, i) => html`${i > 0 ? ', ' : ''}${visibleName(server)}`)}</td>
    <td data-label="Expires">${grant.expires === null ? html`<span class="dim">never</span>` : html`${expired ? badge('dull', 'expired') : ''} ${timestamp(grant.expires)}`}</td>
    <td data-label="Last use">${used === null ? html`<span class="dim">never</span>` : html`<span title="${used.toISOString()}">${timeAgo(used, now)}</span>`}</td>
    <td>${revoked === null ? revokeForm(grant.name) : html`${badge('bad', 'revoked')} <span class="dim">by ${personName(revoked.actor, names)} ${timeAgo(revoked.at, now)}${revoked.reason === null ? '' : html`: ${visibleText(revoked.reason)}`}</span>`}</td></tr>`;
}

function revokeForm(grant: string): Html {
  return html`<form data-revoke="${grant}" action="/grants" method="get" class="inline">
    <button type="submit" class="deny small" data-deciding aria-label="Revoke ${grant}">Revoke</button></form>`;
}

import { html } from 'hono/html';
import type { Revocation } from '../../ports.ts';
import { ago, instant } from '../html/instant.ts';
import { type Html, name, shown } from '../html/shown.ts';
import { badge } from '../html/wording.ts';
import type { GrantView } from './book.ts';

export interface Grants {
  readonly grants: readonly GrantView[];
  readonly revocations: readonly Revocation[];
  readonly lastUses: ReadonlyMap<string, Date>;
  readonly now: Date;
}

export function grantsPage({ grants, revocations, lastUses, now }: Grants): Html {
  const revoked = new Map(revocations.map((one) => [one.tokenSha256, one]));
  const rows = grants.map((grant) =>
    grantRow(grant, revoked.get(grant.tokenSha256) ?? null, lastUses.get(grant.name) ?? null, now),
  );
  return html`<div class="head"><h1>Grants</h1></div>
    <p class="dim">An agent's credential. Revoking stops its token on every replica within two seconds, and its approved calls are not sent.
      It cannot be taken back: make a new token with <code>holdfast grant new</code>.</p>
    <table class="list"><thead><tr><th scope="col">Agent</th><th scope="col">Owner</th><th scope="col">Servers</th><th scope="col">Expires</th><th scope="col">Last use</th><th scope="col">Revoke</th></tr></thead>
    <tbody>${rows}</tbody></table>
    ${grants.length === 0 ? html`<p class="empty">The config names no grant.</p>` : ''}`;
}

function grantRow(grant: GrantView, revoked: Revocation | null, used: Date | null, now: Date): Html {
  const over = grant.expires !== null && now >= grant.expires;
  return html`<tr><td><a href="/audit?agent=${encodeURIComponent(grant.name)}">${name(grant.name)}</a></td>
    <td data-label="Owner">${grant.owner === null ? html`<span class="dim">none</span>` : name(grant.owner)}${grant.selfApproval ? html` ${badge('odd', 'approves itself')}` : ''}</td>
    <td data-label="Servers">${grant.servers.map((server, i) => html`${i > 0 ? ', ' : ''}${name(server)}`)}</td>
    <td data-label="Expires">${grant.expires === null ? html`<span class="dim">never</span>` : html`${over ? badge('dull', 'expired') : ''} ${instant(grant.expires)}`}</td>
    <td data-label="Last use">${used === null ? html`<span class="dim">never</span>` : html`<span title="${used.toISOString()}">${ago(used, now)}</span>`}</td>
    <td>${revoked === null ? revokeForm(grant.name) : html`${badge('bad', 'revoked')} <span class="dim">by ${name(revoked.actor)} ${ago(revoked.at, now)}${revoked.reason === null ? '' : html`: ${shown(revoked.reason)}`}</span>`}</td></tr>`;
}

function revokeForm(grant: string): Html {
  return html`<form data-revoke="${grant}" action="/grants" method="get" class="inline">
    <button type="submit" class="deny small" aria-label="Revoke ${grant}">Revoke</button></form>`;
}

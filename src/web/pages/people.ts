import { html } from 'hono/html';
import type { RoleSource } from '../../domain/people/identity.ts';
import type { ListedPerson } from '../../gateway/person/directory.ts';
import { isGood, VOUCHED_DAYS } from '../../gateway/person/tokens.ts';
import type { ApiToken } from '../../ports.ts';
import type { Html } from '../html/html.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { timestamp, zone } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';

export interface PeopleView {
  readonly people: readonly ListedPerson[];
  readonly claims: readonly { readonly claim: string; readonly value: string; readonly roles: readonly string[] }[];
  /** Where people sign in; null: by the admin token only. */
  readonly provider: string | null;
  readonly tokens: readonly ApiToken[];
  readonly names: PersonNames;
  readonly now: Date;
}

/** Who has which role, and from where. */
export function peoplePage({ people, claims, provider, tokens, names, now }: PeopleView): Html {
  const live = tokens.filter(({ revokedAt, endsAt }) => revokedAt === null && now < endsAt);
  return html`<div class="head"><h1>People</h1></div>
    <p class="dim">An auditor reads everything. An approver decides where a group lists them. An operator freezes, thaws, revokes and accepts stores.
      ${provider === null ? html`People are recognised in Slack; the console opens with the admin token only (<code>oidc</code> is not in the config).` : html`People sign in at ${visibleName(provider)}.`}</p>
    ${
      people.length === 0
        ? html`<p class="empty">The config has no <code>people</code>.</p>`
        : html`<table class="list"><thead><tr><th scope="col">Person</th><th scope="col">Slack</th><th scope="col">Login</th><th scope="col">Roles, and from where</th><th scope="col">Approves in</th></tr></thead>
    <tbody>${people.map(personRow)}</tbody></table>`
    }
    ${
      claims.length === 0
        ? ''
        : html`<h2>Roles by the provider</h2>
    <table class="list"><thead><tr><th scope="col">Claim</th><th scope="col">Value</th><th scope="col">Roles</th></tr></thead>
    <tbody>${claims.map(({ claim, value, roles }) => html`<tr><td>${visibleName(claim)}</td><td data-label="Value">${visibleName(value)}</td><td data-label="Roles">${roles.join(', ')}</td></tr>`)}</tbody></table>`
    }
    <h2>Personal tokens</h2>
    ${tokenTable(live, names, false, now)}`;
}

function personRow({ name, slack, login, adminToken, sources, groups, standsIn }: ListedPerson): Html {
  return html`<tr><td>${visibleName(name)}${adminToken ? html` <span class="dim">holds the admin token</span>` : ''}</td>
    <td data-label="Slack">${slack ?? html`<span class="dim">none</span>`}</td>
    <td data-label="Login">${login === null ? html`<span class="dim">none</span>` : visibleName(login)}</td>
    <td data-label="Roles">${sources.map(roleLine)}</td>
    <td data-label="Approves in">${groups.length === 0 && standsIn.length === 0 ? html`<span class="dim">no group</span>` : visibleName(groups.join(', '))}${standsIn.map(standInLine)}</td></tr>`;
}

function standInLine({ group, for: absent, until }: ListedPerson['standsIn'][number]): Html {
  return html`<div>${visibleName(group)} <span class="dim">in the place of ${visibleName(absent)} until ${timestamp(new Date(until))} ${zone()} (<code>stand_ins</code>)</span></div>`;
}

function roleLine({ role, from }: RoleSource): Html {
  return html`<div>${role} <span class="dim">${visibleName(from)}</span></div>`;
}

export interface TokensView {
  readonly tokens: readonly ApiToken[];
  /** Roles that a token of this person may have; empty: none. */
  readonly roles: readonly string[];
  readonly mostDays: number;
  readonly names: PersonNames;
  readonly now: Date;
}

/** A person's own tokens for programs, with the form to make another. */
export function tokensPage({ tokens, roles, mostDays, names, now }: TokensView): Html {
  const live = tokens.filter(({ revokedAt, endsAt }) => revokedAt === null && now < endsAt);
  const form = html`<form data-new-token action="/tokens" method="get" class="freeze">
      <label for="token-name">What it is for</label>
      <input id="token-name" name="name" type="text" required maxlength="80" autocomplete="off">
      <label for="token-role">Role</label>
      <select id="token-role" name="role">${roles.map((role) => html`<option value="${role}">${role}</option>`)}</select>
      <label for="token-days">Days until it ends</label>
      <input id="token-days" name="days" type="number" min="1" max="${mostDays}" value="30" required>
      <div class="buttons"><button class="main" type="submit" data-deciding>Make a token</button></div>
    </form>`;
  return html`<div class="head"><h1>Tokens</h1></div>
    <p class="dim">For the command line and for scripts: <code>HOLDFAST_TOKEN_FILE</code>, or <code>Authorization: Bearer …</code>. What is done with a token is done by you. It opens nothing ${VOUCHED_DAYS} days after you signed in last, until you sign in again.</p>
    <div id="new-token" role="status" aria-live="polite"></div>
    ${tokenTable(live, names, true, now)}
    <h2>New token</h2>
    ${roles.length === 0 ? html`<p class="notice">The config gives you no role under <code>people</code>, so you can make no token. Roles that come from the provider’s claim are for the console only.</p>` : form}`;
}

function tokenTable(tokens: readonly ApiToken[], names: PersonNames, revocable: boolean, now: Date): Html {
  if (tokens.length === 0) return html`<p class="empty">There are no tokens.</p>`;
  return html`<table class="list"><thead><tr><th scope="col">Token</th><th scope="col">Of</th><th scope="col">Role</th><th scope="col">Ends</th>${revocable ? html`<th scope="col">Revoke</th>` : ''}</tr></thead>
    <tbody>${tokens.map((token) => {
      const { id, name, owner, role, endsAt } = token;
      const waits = isGood(token, now) ? '' : html` <span class="dim">opens nothing until its owner signs in</span>`;
      return html`<tr><td>${visibleName(name)} <code class="dim">${id}</code>${waits}</td>
      <td data-label="Of">${personName(owner, names)}</td><td data-label="Role">${role}</td><td data-label="Ends">${timestamp(endsAt)}</td>
      ${revocable ? html`<td><form data-revoke-token="${id}" action="/tokens" method="get" class="inline"><button type="submit" class="deny small" data-deciding aria-label="Revoke ${name}">Revoke</button></form></td>` : ''}</tr>`;
    })}</tbody></table>`;
}

import { html } from 'hono/html';
import type { PersonKey } from '../../ports.ts';
import type { Html } from '../html/html.ts';
import { badge } from '../html/labels.ts';
import { type PersonNames, personName } from '../html/person.ts';
import { timestamp } from '../html/time.ts';
import { visibleName } from '../html/visible-text.ts';

export interface PasskeysView {
  /** Those that this person may see, newest first. */
  readonly keys: readonly PersonKey[];
  /** The rows are not those that a gateway left. */
  readonly doubtful: boolean;
  /** Where passkeys are made; null: nowhere. */
  readonly origin: string | null;
  /** Whether this person may add one: signed in as themselves, with the role. */
  readonly mayAdd: boolean;
  readonly isOwn: (key: PersonKey) => boolean;
  /** Whether this person may register the key of this one. */
  readonly mayRegister: (key: PersonKey) => boolean;
  readonly mayRevoke: (key: PersonKey) => boolean;
  /** A short name of a key that two people can read to each other. */
  readonly fingerprintOf: (key: PersonKey) => string;
  readonly names: PersonNames;
}

/** Passkeys: one's own, and for operators those that wait for a second person. */
export function passkeysPage(view: PasskeysView): Html {
  const { keys, doubtful, origin, mayAdd } = view;
  const live = keys.filter(({ endedAt }) => endedAt === null);
  const over = keys.filter(({ endedAt }) => endedAt !== null);
  const waiting = live.filter(({ registeredAt }) => registeredAt === null);
  const good = live.filter(({ registeredAt }) => registeredAt !== null);
  return html`<div class="head"><h1>Passkeys</h1></div>
    <p class="dim">Calls that have to be signed are approved with a passkey. A new one signs nothing until a second person, an operator, has registered it. Both see its fingerprint here: compare it by another way than this page.</p>
    ${doubtful ? html`<p class="fault" role="alert">The passkeys in the database are not those that a gateway left, so no signature counts. <a href="/readyz">/readyz</a> names what was found.</p>` : ''}
    ${origin === null ? html`<p class="notice">Nobody can sign here: that needs <code>oidc</code> in the config, and <code>HOLDFAST_PUBLIC_URL</code> with https and a name, or localhost.</p>` : ''}
    <h2>Waiting for a second person</h2>
    ${keyTable(waiting, view, 'None waits.')}
    <h2>Registered</h2>
    ${keyTable(good, view, 'There are none.')}
    ${over.length === 0 ? '' : html`<h2>Over</h2>${keyTable(over, view, '')}`}
    ${
      mayAdd && origin !== null
        ? html`<h2>New passkey</h2>
    <form data-new-passkey action="/passkeys" method="get" class="freeze">
      <label for="passkey-name">Which one it is</label>
      <input id="passkey-name" name="name" type="text" required maxlength="80" autocomplete="off" placeholder="Laptop, or key with the blue ring">
      <div class="buttons"><button class="main" type="submit" data-deciding>Add a passkey</button></div>
    </form>`
        : ''
    }`;
}

function keyTable(keys: readonly PersonKey[], view: PasskeysView, none: string): Html {
  if (keys.length === 0) return html`<p class="empty">${none}</p>`;
  return html`<table class="list"><thead><tr><th scope="col">Passkey</th><th scope="col">Of</th><th scope="col">Fingerprint</th><th scope="col">State</th><th scope="col">Do</th></tr></thead>
    <tbody>${keys.map((key) => keyRow(key, view))}</tbody></table>`;
}

function keyRow(key: PersonKey, view: PasskeysView): Html {
  const { id, name, owner } = key;
  const of = view.isOwn(key)
    ? html`${personName(owner, view.names)} <span class="dim">(you)</span>`
    : personName(owner, view.names);
  return html`<tr><td>${visibleName(name)}</td><td data-label="Of">${of}</td>
    <td data-label="Fingerprint"><code class="hash">${view.fingerprintOf(key)}</code></td>
    <td data-label="State">${stateOf(key, view.names)}</td>
    <td>${
      view.mayRegister(key)
        ? html`<form data-register-passkey="${id}" data-what="${name}" action="/passkeys" method="get" class="inline"><button type="submit" class="approve small" data-deciding aria-label="Register ${name}">Register</button></form>`
        : ''
    } ${
      view.mayRevoke(key)
        ? html`<form data-revoke-passkey="${id}" data-what="${name}" action="/passkeys" method="get" class="inline"><button type="submit" class="deny small" data-deciding aria-label="Revoke ${name}">Revoke</button></form>`
        : ''
    }</td></tr>`;
}

function stateOf(key: PersonKey, names: PersonNames): Html {
  const { at, registeredAt, registeredBy, breakGlass, endedAt, endedBy, ended } = key;
  if (endedAt !== null && ended === 'suspended')
    return html`${badge('bad', 'suspended')} ${timestamp(endedAt)}: its counter went back, so there may be a copy of it`;
  if (endedAt !== null)
    return html`${badge('dull', 'revoked')} ${timestamp(endedAt)} by ${personName(endedBy ?? '', names)}`;
  if (registeredAt === null) return html`${badge('wait', 'waiting')} since ${timestamp(at)}`;
  return html`${badge('good', 'registered')} ${timestamp(registeredAt)} by ${
    breakGlass ? html`the admin token ${badge('wait', 'break-glass')}` : personName(registeredBy ?? '', names)
  }`;
}

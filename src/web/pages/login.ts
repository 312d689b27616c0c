import { html } from 'hono/html';
import type { Html } from '../html/html.ts';
import { frontPage } from '../html/page.ts';

/** How somebody may sign in. `provider`: where people do, as its host; null: there is none. */
export interface SignInWays {
  readonly provider: string | null;
  readonly token: boolean;
}

const BY_TOKEN: SignInWays = { provider: null, token: true };

/** `next`: the path to go to afterwards. `fault`: why the last attempt failed. */
export function loginPage(next: string, fault: string | null, { provider, token }: SignInWays = BY_TOKEN): Html {
  const notice = fault === null ? '' : html`<p class="notice bad" role="alert">${fault}</p>`;
  if (provider === null) {
    return frontPage(
      'Sign in',
      html`<h1>Sign in</h1>
      <p>See, search and decide what agents ask for. You need the gateway's admin token.</p>
      ${notice}
      ${tokenForm(next, true)}
      <p class="dim">At a terminal, <code>holdfast start</code> prints a link that signs in without it. <code>holdfast init</code> keeps it in <code>.holdfast/secrets/HOLDFAST_ADMIN_TOKEN</code>.</p>
      <p class="dim">You stay signed in for up to 8 hours, or 30 minutes without use. Every sign-in is in the audit log.</p>`,
    );
  }
  const path = `/oidc/login?next=${encodeURIComponent(next)}`;
  return frontPage(
    'Sign in',
    html`<h1>Sign in</h1>
      <p>See, search and decide what agents ask for.</p>
      ${notice}
      <p><a class="button main" href="${path}">Sign in with ${provider}</a></p>
      ${token ? html`<details><summary>Use the admin token, in an emergency</summary><p class="dim">Its use is in the log, and the approvers’ channel is told.</p>${tokenForm(next, false)}</details>` : ''}
      <p class="dim">You stay signed in for up to 8 hours, or 30 minutes without use, and as long as the provider says so. Every sign-in is in the audit log.</p>`,
  );
}

function tokenForm(next: string, first: boolean): Html {
  return html`<form method="post" action="/login" class="login">
        <input type="hidden" name="next" value="${next}">
        <input type="text" name="username" value="admin" autocomplete="username" hidden>
        <label for="token">Admin token</label>
        <input id="token" name="token" type="password" required ${first ? html`autofocus` : ''} autocomplete="current-password" spellcheck="false">
        <button type="submit" class="main">Sign in</button>
      </form>`;
}

/** Shown when no admin token is set, so that nobody can sign in. */
export function closedPage(): Html {
  return frontPage(
    'Closed',
    html`<h1>The console is closed</h1>
      <p>Nobody can sign in, because this gateway has no admin token. To open the console and the API, set
        <code>HOLDFAST_ADMIN_TOKEN</code> to at least 16 random characters and start the gateway again:</p>
      <pre class="values" tabindex="0" role="region" aria-label="Commands"><code>export HOLDFAST_ADMIN_TOKEN="$(openssl rand -base64 32)"
holdfast start</code></pre>
      <p class="dim">Keep it secret, like a password: it can read every approval, and decide where an approver group lists <code>admin</code>.</p>`,
  );
}

/**
 * Reloads a path from a page of our own. A link from another site arrives without the cookie, which is SameSite=Strict;
 * the reload sends it.
 */
export function bouncePage(path: string): Html {
  return frontPage(
    'One moment',
    html`<h1>One moment</h1><p><a href="${path}">Continue</a></p>`,
    html`<meta http-equiv="refresh" content="0; url=${path}">`,
  );
}

/**
 * Signed out here, and on to the provider, which ends the session there. A page, because a form of ours may lead to no other
 * host. `end`: an address that the provider named.
 */
export function signedOutPage(end: string, provider: string): Html {
  return frontPage(
    'Signed out',
    html`<h1>Signed out</h1><p>You are signed out here. <a href="${end}" rel="noreferrer">Sign out at ${provider} too</a>, where this page leads by itself, or <a href="/login">sign in again</a>.</p>`,
    html`<meta http-equiv="refresh" content="1; url=${end}">`,
  );
}

/** This text if it is a path of ours, else `/`. Refuses whatever a browser could take for another host. */
export function localPath(text: string | undefined): string {
  if (text === undefined || !/^\/(?![/\\])[\x21-\x7e]*$/.test(text) || text.includes('\\')) return '/';
  return /^\/(login|logout|oidc\/)/.test(text) ? '/' : text;
}

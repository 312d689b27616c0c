import { html } from 'hono/html';
import type { Html } from '../html/html.ts';
import { frontPage } from '../html/page.ts';

/**
 * Where a one-time link leads. The secret is in the address's fragment, which browsers send to nobody; the page's script
 * takes it out of the address and the history, and sends it by POST. Loading the page changes nothing.
 */
export function signInLinkPage(): Html {
  return frontPage(
    'Signing in',
    html`<h1>Signing in</h1>
      <p id="link-status" role="status" aria-live="polite">One moment.</p>
      <p><a href="/login">Sign in with the admin token</a></p>
      <noscript><p class="notice">A link from the terminal needs JavaScript from this server; the admin token does not.</p></noscript>`,
    html`<script type="module" src="/console/sign-in-link.js"></script>`,
  );
}

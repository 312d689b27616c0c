import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { html } from 'hono/html';
import { sameSecret } from '../../bytes/same-secret.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { logOutByProvider } from '../../gateway/person/logout.ts';
import { type Logins, Unavailable } from '../../ports.ts';
import { frontPage } from '../html/page.ts';
import { Exchanges } from '../http/exchanges.ts';
import { type LoginSessions, requestHost } from '../http/login-sessions.ts';
import { SignInFlows } from '../http/sign-in-flow.ts';
import { bouncePage, localPath, signedOutPage } from '../pages/login.ts';
import type { ConsoleEnv } from './context.ts';

const MAX_FORM = 32 * 1024;

export interface OidcRouteDeps {
  readonly gateway: Gateway;
  readonly loginSessions: LoginSessions;
  readonly logins: Pick<Logins, 'end'>;
}

/**
 * `GET /oidc/login?next=`: to the provider. `GET /oidc/callback`: back from it. `POST /oidc/logout`: the provider says that
 * one of its sessions is over (back-channel logout), or, from a page of ours, somebody signs out.
 */
export function oidcRoutes(app: Hono<ConsoleEnv>, { gateway, loginSessions, logins }: OidcRouteDeps): void {
  const { addresses } = loginSessions;
  const flows = new SignInFlows(gateway.vault, addresses);
  const exchanges = new Exchanges();
  const redirectUri = (): string => `${addresses.publicUrl()}/oidc/callback`;

  app.get('/oidc/login', async (c) => {
    const { people, provider } = loginSessions;
    if (people === undefined || provider === null) return refused(c, NO_PROVIDER, 404);
    const next = localPath(c.req.query('next'));
    // The cookie must be where the provider sends the browser back to.
    const own = new URL(addresses.publicUrl());
    if (requestHost(c).toLowerCase() !== own.host)
      return c.redirect(`${own.origin}/oidc/login?next=${encodeURIComponent(next)}`, 303);
    const { url, flow } = await people.provider.begin(redirectUri());
    flows.begin(c, { ...flow, next, before: loginSessions.idOfCookie(c) }, gateway.clock.now());
    return c.redirect(url, 303);
  });

  app.get('/oidc/callback', async (c) => {
    const { people, provider } = loginSessions;
    if (people === undefined || provider === null) return refused(c, NO_PROVIDER, 404);
    const flow = flows.end(c, gateway.clock.now());
    const state = c.req.query('state') ?? '';
    if (flow === null) return unfit(c, 'This browser has no sign-in under way, or it took longer than 10 minutes.');
    if (!sameSecret(state, flow.state)) return unfit(c, 'This answer of the provider belongs to another sign-in.');
    // Once, whatever comes of it: nobody makes the provider answer again and again with one flow.
    if (!flows.spend(flow, gateway.clock.now()))
      return unfit(c, 'This answer of the provider was used before. Sign in again.');
    const leave = exchanges.enter(loginSessions.addressOf(c), gateway.clock.now());
    if (typeof leave === 'number') {
      c.header('retry-after', String(leave));
      return unfit(c, BUSY, 429);
    }
    const callback = new URL(redirectUri());
    callback.search = new URL(c.req.url).search;
    const vouched = await people.provider.finish(callback, flow).finally(leave);
    if ('kind' in vouched) return unfit(c, vouched.why);
    const signed = await loginSessions.signInPerson(c, vouched, flow);
    if (signed.kind === 'refused') return refused(c, signed.why, 403);
    // The way here began at another site, so the new cookie is sent only with what a page of ours asks for.
    return c.html(bouncePage(flow.next));
  });

  const tooLong = (c: Context) => c.json({ error: 'too_long', reason: 'The body is too long.' }, 413);
  app.use('/oidc/logout', bodyLimit({ maxSize: MAX_FORM, onError: tooLong }));
  app.post('/oidc/logout', async (c) => {
    const { people } = loginSessions;
    const form = await c.req.parseBody().catch(() => ({}) as Record<string, unknown>);
    const token = form.logout_token;
    if (typeof token !== 'string') {
      if (!loginSessions.isSameOrigin(c)) return c.json({ error: 'invalid_request', reason: NO_TOKEN }, 400);
      const end = await loginSessions.signOut(c);
      if (end !== null) return c.html(signedOutPage(end, loginSessions.provider?.label ?? ''));
      return c.redirect('/login', 303);
    }
    const ended = people === undefined ? null : await logOutByProvider({ gateway, logins, ...people }, token);
    if (ended === null)
      return c.json(
        { error: 'invalid_request', reason: 'This is no logout token for this client, or it has come before.' },
        400,
      );
    return c.body(null, 200);
  });

  const unfit = (c: Context, why: string, status: 400 | 429 = 400): Response => {
    loginSessions.noteFailedSignIn(c, status);
    return refused(c, why, status);
  };
}

const NO_PROVIDER = 'This gateway has no sign-in provider (oidc in the config).';
const BUSY = 'Too many sign-ins are under way, or came from this address. Wait, and sign in again.';
const NO_TOKEN = 'Send logout_token as a form, or sign out from a page of the console.';

/** Says why, and how to begin again. */
function refused(c: Context, why: string, status: 400 | 403 | 404 | 429): Response {
  const body = html`<h1>Not signed in</h1><p class="notice bad" role="alert">${why}</p><p><a href="/login">Start again</a></p>`;
  return c.html(frontPage('Not signed in', body), status) as unknown as Response;
}

/** What a person is told while the provider is away; null: it is something else. */
export function awayWords(error: unknown): string | null {
  if (!(error instanceof Unavailable) || error.part !== 'provider') return null;
  return 'The sign-in provider does not answer, so nobody can be recognised. Your session is not over: try again in a minute. In an emergency, sign in with the admin token.';
}

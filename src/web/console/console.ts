import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { html } from 'hono/html';
import { isOurHost } from '../../domain/addresses.ts';
import { type Json, member } from '../../domain/json/json.ts';
import { judgeAccess } from '../../domain/people/access.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { Unavailable, Unstorable } from '../../ports.ts';
import { frontPage } from '../html/page.ts';
import { noteRoleRefusal } from '../http/callers.ts';
import { cookieRequestFault, type LoginSessions, requestHost } from '../http/login-sessions.ts';
import { securityHeaders } from '../http/security-headers.ts';
import { bouncePage, closedPage, localPath, loginPage, type SignInWays, signedOutPage } from '../pages/login.ts';
import { signInLinkPage } from '../pages/sign-in-link.ts';
import { consoleActions } from './actions.ts';
import type { ConsoleAsset, ConsoleDeps, ConsoleEnv } from './context.ts';
import { EventTail } from './event-tail.ts';
import { liveStream } from './live-stream.ts';
import { awayWords, oidcRoutes } from './oidc-routes.ts';
import { consoleRoutes } from './routes.ts';

export interface ConsoleApp {
  readonly app: Hono;
  /** Ends the live streams. */
  stop(): void;
}

/** The console's paths; all others belong to other doors. */
const CONSOLE_PATHS = [
  '/',
  '/login',
  '/logout',
  '/sign-in',
  '/oidc/*',
  '/console/*',
  '/approvals/*',
  '/mine',
  '/activity',
  '/audit',
  '/audit/*',
  '/overview',
  '/oversight',
  '/policies',
  '/grants',
  '/allowances',
  '/freezes',
  '/people',
  '/tokens',
  '/passkeys',
];

/** Bytes of a form to sign in or out. */
const MAX_FORM = 16 * 1024;

/**
 * The reviewers' door for people. Its pages only read; they send decisions to the API. Answers only to our own Host
 * names, and says how to open the console when no admin token is set.
 */
export function consoleDoor(deps: ConsoleDeps): ConsoleApp {
  const { gateway, records, loginSessions, assets } = deps;
  const tail = new EventTail(records, gateway.log);
  const stopping = new AbortController();
  const app = new Hono<ConsoleEnv>();
  app.on(['GET', 'POST'], CONSOLE_PATHS, securityHeaders);
  app.on(['GET', 'POST'], CONSOLE_PATHS, async (c, next) => {
    if (!isOurHost(loginSessions.addresses, requestHost(c))) return c.html(wrongHost(), 403);
    return next();
  });
  app.get('/console/:file', (c, next) => {
    const asset = assets.get(c.req.param('file'));
    return asset === undefined ? next() : serve(c, asset);
  });
  app.on(['GET', 'POST'], CONSOLE_PATHS, async (c, next) =>
    loginSessions.canSignIn ? next() : c.html(closedPage(), 403),
  );
  signInRoutes(app, loginSessions);
  signInLinkRoutes(app, loginSessions);
  if (deps.logins !== undefined) oidcRoutes(app, { gateway, loginSessions, logins: deps.logins });
  app.on(['GET', 'POST'], CONSOLE_PATHS, (c, next) => requireLogin(c, next, deps));
  app.get('/console/stream', (c) => {
    // A store that does not answer ends no login; nothing is streamed meanwhile either.
    const stillSignedIn = (): Promise<boolean> =>
      loginSessions
        .activeLogin(c, true)
        .then((login) => login !== null)
        // While the provider does not answer, nobody is recognised.
        .catch((error: unknown) => awayWords(error) === null);
    const names = () => gateway.rules.persons().names;
    return liveStream(c, { records, tail, stillSignedIn, stopping: stopping.signal, log: gateway.log, names });
  });
  consoleRoutes(app, deps);
  consoleActions(app, deps);
  app.onError((error, c) => failed(c, error, gateway));
  return { app: app as unknown as Hono, stop: () => stopping.abort() };
}

function serve(c: Context, asset: ConsoleAsset): Response {
  c.header('cache-control', 'no-cache');
  c.header('etag', asset.etag);
  if (c.req.header('if-none-match') === asset.etag) return c.body(null, 304);
  return c.body(asset.body, 200, { 'content-type': asset.type });
}

function signInRoutes(app: Hono<ConsoleEnv>, loginSessions: LoginSessions): void {
  const tooLong = (c: Context) => c.html(loginPage('/', 'This is too long to be a token.'), 413);
  for (const path of ['/login', '/logout', '/sign-in'])
    app.use(path, bodyLimit({ maxSize: MAX_FORM, onError: tooLong }));
  app.get('/login', async (c) => {
    const next = localPath(c.req.query('next'));
    let fault: string | null = null;
    const login = await loginSessions.activeLogin(c, true).catch((error: unknown) => {
      fault = awayWords(error);
      if (fault === null) throw error;
      return null;
    });
    return login === null ? c.html(loginPage(next, fault, waysOf(loginSessions))) : c.redirect(next, 303);
  });
  app.post('/login', async (c) => {
    // Another site's form could sign a reviewer in as somebody else.
    if (!loginSessions.isSameOrigin(c))
      return c.html(loginPage('/', 'Sign in from this page.', waysOf(loginSessions)), 403);
    const form = await c.req.parseBody();
    const next = localPath(typeof form.next === 'string' ? form.next : undefined);
    const token = typeof form.token === 'string' ? form.token.trim() : '';
    const result = await loginSessions.signIn(c, token);
    switch (result.kind) {
      case 'signed_in':
        return c.redirect(next, 303);
      case 'refused':
        return c.html(loginPage(next, 'This is not the admin token.', waysOf(loginSessions)), 401);
      case 'throttled':
        c.header('retry-after', String(result.seconds));
        return c.html(
          loginPage(
            next,
            `Too many wrong tokens. Wait ${result.seconds} seconds. The right token is always accepted.`,
            waysOf(loginSessions),
          ),
          429,
        );
      default:
        return result satisfies never;
    }
  });
  app.post('/logout', async (c) => {
    if (!loginSessions.isSameOrigin(c))
      return c.html(loginPage('/', 'Sign out from a page of the console.', waysOf(loginSessions)), 403);
    const end = await loginSessions.signOut(c);
    return end === null ? c.redirect('/login', 303) : c.html(signedOutPage(end, loginSessions.provider?.label ?? ''));
  });
}

/** The page that a one-time link leads to, and what that page sends. */
function signInLinkRoutes(app: Hono<ConsoleEnv>, loginSessions: LoginSessions): void {
  app.get('/sign-in', (c) => c.html(signInLinkPage()));
  app.post('/sign-in', async (c) => {
    const fault = cookieRequestFault(c, loginSessions);
    if (fault !== null) return c.json({ error: 'forbidden', reason: fault }, 403);
    const link = member(await c.req.json<Json>().catch(() => null), 'link');
    if (typeof link !== 'string') return c.json({ error: 'bad_body', reason: 'The body has no link.' }, 400);
    const result = await loginSessions.signInByLink(c, link);
    switch (result.kind) {
      case 'signed_in':
        return c.json({ signed_in: true });
      case 'refused':
        return c.json({ error: 'unauthorized', reason: LINK_OVER }, 401);
      case 'throttled':
        c.header('retry-after', String(result.seconds));
        return c.json({ error: 'throttled', reason: LINK_OVER }, 429);
      default:
        return result satisfies never;
    }
  });
}

const LINK_OVER =
  'This link opens nothing: it works once, within two minutes, in a browser on the gateway’s own machine. Start the gateway again for another, or sign in with the admin token.';

function waysOf({ provider, takesToken }: LoginSessions): SignInWays {
  return { provider: provider?.label ?? null, token: takesToken };
}

/** Passes signed-in reviewers on; redirects others to sign in, and from there back to the page they asked for. */
async function requireLogin(
  c: Context<ConsoleEnv>,
  next: () => Promise<void>,
  { loginSessions, gateway }: Pick<ConsoleDeps, 'gateway' | 'loginSessions'>,
): Promise<Response | undefined> {
  // A live page reloads itself all the time; that does not count as use.
  const login = await loginSessions.activeLogin(c, c.req.header('x-live') === '1' || c.req.path === '/console/stream');
  if (login !== null) {
    const { reviewer } = login;
    const judged = judgeAccess(reviewer.roles ?? null, c.req.method, c.req.path);
    if (!judged.may) {
      noteRoleRefusal(gateway, c, reviewer, judged.why);
      return isPage(c) ? c.html(notYours(judged.why), 403) : c.json({ error: 'role', reason: judged.why }, 403);
    }
    c.set('login', login);
    await next();
    return undefined;
  }
  const url = new URL(c.req.url);
  const path = localPath(`${url.pathname}${url.search}`);
  if (!isPage(c)) {
    return c.json({ error: 'unauthorized', reason: 'Sign in again.' }, 401);
  }
  if (c.req.header('sec-fetch-site') === 'cross-site') return c.html(bouncePage(path));
  return c.redirect(path === '/' ? '/login' : `/login?next=${encodeURIComponent(path)}`, 303);
}

/** Whether a person looks at what is answered, and no script. */
function isPage(c: Context): boolean {
  return c.req.method === 'GET' && c.req.header('x-live') !== '1' && !c.req.path.startsWith('/console/');
}

function notYours(why: string) {
  return frontPage('Not for your role', html`<h1>Not for your role</h1><p>${why}</p><p><a href="/">Approvals</a></p>`);
}

function failed(c: Context, error: Error, gateway: Gateway): Response | Promise<Response> {
  const bad = error instanceof Unstorable;
  const down = !bad && error instanceof Unavailable;
  if (!down && !bad) gateway.log.error({ err: error, path: c.req.path }, 'a page of the console failed');
  const message =
    awayWords(error) ??
    (bad
      ? 'This address contains characters that cannot be stored.'
      : down
        ? `The ${error.part} does not answer, so nothing can be shown or decided here. Try again in a minute.`
        : 'This page failed. The gateway’s log says why.');
  const again = awayWords(error) === null ? '' : html`<p><a href="/login">Sign in</a></p>`;
  return c.html(
    frontPage('Error', html`<h1>Something went wrong</h1><p class="notice bad" role="alert">${message}</p>${again}`),
    bad ? 400 : down ? 503 : 500,
  );
}

function wrongHost() {
  const message = 'This Host is not one of the gateway’s. Set HOLDFAST_PUBLIC_URL to the address you use.';
  return frontPage('Not here', html`<h1>Not here</h1><p>${message}</p>`);
}

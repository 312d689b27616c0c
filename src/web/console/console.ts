import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { html } from 'hono/html';
import { isOurHost } from '../../domain/addresses.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { Unavailable } from '../../ports.ts';
import { frontPage } from '../html/page.ts';
import { guardHeaders } from '../http/guard-headers.ts';
import { hostOf, type LoginSessions } from '../http/login-sessions.ts';
import { bouncePage, closedPage, localPath, loginPage } from '../pages/login.ts';
import { changes } from './changes.ts';
import type { Asset, ConsoleDeps, ConsoleEnv } from './context.ts';
import { consoleRoutes } from './routes.ts';
import { streamTo } from './stream.ts';
import { Tail } from './tail.ts';

export interface Console {
  readonly app: Hono;
  /** Ends the live streams. */
  stop(): void;
}

/** The console's paths; everything else belongs to other doors. */
const OURS = [
  '/',
  '/login',
  '/logout',
  '/console/*',
  '/approvals/*',
  '/activity',
  '/audit',
  '/audit/*',
  '/overview',
  '/policies',
  '/grants',
];

/** Bytes of a sign-in. */
const LONGEST_FORM = 16 * 1024;

/** The reviewers' door for people. Nothing here decides by GET; decisions go to the API. */
export function consoleDoor(deps: ConsoleDeps): Console {
  const { gateway, records, reception, assets } = deps;
  const tail = new Tail(records, gateway.log);
  const stopping = new AbortController();
  const app = new Hono<ConsoleEnv>();
  app.on(['GET', 'POST'], OURS, guardHeaders);
  app.on(['GET', 'POST'], OURS, async (c, next) => {
    if (!isOurHost(reception.place, hostOf(c))) return c.html(wrongHost(), 403);
    return next();
  });
  app.get('/console/:file', (c, next) => {
    const asset = assets.get(c.req.param('file'));
    return asset === undefined ? next() : serve(c, asset);
  });
  app.on(['GET', 'POST'], OURS, async (c, next) => (reception.open ? next() : c.html(closedPage(), 403)));
  signing(app, reception);
  app.on(['GET', 'POST'], OURS, (c, next) => admit(c, next, reception));
  app.get('/console/stream', (c) => {
    // While the store does not answer, nothing is streamed either: that ends no login.
    const stillIn = (): Promise<boolean> =>
      reception
        .visit(c, true)
        .then((visit) => visit !== null)
        .catch(() => true);
    return streamTo(c, { records, tail, stillIn, stopping: stopping.signal, log: gateway.log });
  });
  consoleRoutes(app, deps);
  changes(app, deps);
  app.onError((error, c) => failed(c, error, gateway));
  return { app: app as unknown as Hono, stop: () => stopping.abort() };
}

function serve(c: Context, asset: Asset): Response {
  c.header('cache-control', 'no-cache');
  c.header('etag', asset.etag);
  if (c.req.header('if-none-match') === asset.etag) return c.body(null, 304);
  return c.body(asset.body, 200, { 'content-type': asset.type });
}

function signing(app: Hono<ConsoleEnv>, reception: LoginSessions): void {
  const tooLong = (c: Context) => c.html(loginPage('/', 'That is too long to be a token.'), 413);
  for (const path of ['/login', '/logout']) app.use(path, bodyLimit({ maxSize: LONGEST_FORM, onError: tooLong }));
  app.get('/login', async (c) => {
    const next = localPath(c.req.query('next'));
    return (await reception.visit(c, true)) === null ? c.html(loginPage(next, null)) : c.redirect(next, 303);
  });
  app.post('/login', async (c) => {
    // A form of somebody else's could sign a reviewer in as somebody else.
    if (!reception.isOurs(c)) return c.html(loginPage('/', 'Sign in from this page.'), 403);
    const form = await c.req.parseBody();
    const next = localPath(typeof form.next === 'string' ? form.next : undefined);
    const token = typeof form.token === 'string' ? form.token.trim() : '';
    const signed = await reception.signIn(c, token);
    switch (signed.kind) {
      case 'in':
        return c.redirect(next, 303);
      case 'refused':
        return c.html(loginPage(next, 'This is not the admin token.'), 401);
      case 'later':
        c.header('retry-after', String(signed.seconds));
        return c.html(loginPage(next, `Too many tries. Wait ${signed.seconds} seconds.`), 429);
      default:
        return signed satisfies never;
    }
  });
  app.post('/logout', async (c) => {
    if (!reception.isOurs(c)) return c.html(loginPage('/', 'Sign out from the console itself.'), 403);
    await reception.signOut(c);
    return c.redirect('/login', 303);
  });
}

/** Lets in who is signed in; sends others to sign in, and back to where they wanted to go. */
async function admit(
  c: Context<ConsoleEnv>,
  next: () => Promise<void>,
  reception: LoginSessions,
): Promise<Response | undefined> {
  // A live page asks all the time: that is not use.
  const visit = await reception.visit(c, c.req.header('x-live') === '1' || c.req.path === '/console/stream');
  if (visit !== null) {
    c.set('visit', visit);
    await next();
    return undefined;
  }
  const wanted = new URL(c.req.url);
  const path = localPath(`${wanted.pathname}${wanted.search}`);
  if (c.req.method !== 'GET' || c.req.header('x-live') === '1' || c.req.path.startsWith('/console/')) {
    return c.json({ error: 'unauthorized', reason: 'Sign in again.' }, 401);
  }
  if (c.req.header('sec-fetch-site') === 'cross-site') return c.html(bouncePage(path));
  return c.redirect(path === '/' ? '/login' : `/login?next=${encodeURIComponent(path)}`, 303);
}

function failed(c: Context, error: Error, gateway: Gateway): Response | Promise<Response> {
  const down = error instanceof Unavailable;
  if (!down) gateway.log.error({ err: error, path: c.req.path }, 'a page of the console failed');
  const words = down
    ? `The ${error.part} does not answer, so nothing can be shown or decided here. Try again in a minute.`
    : 'This page failed. The operator finds the reason in the log.';
  return c.html(
    frontPage('Trouble', html`<h1>Trouble</h1><p class="notice bad" role="alert">${words}</p>`),
    down ? 503 : 500,
  );
}

function wrongHost() {
  const words = 'This Host is not one of the gateway’s. Set HOLDFAST_PUBLIC_URL to the address you use.';
  return frontPage('Not here', html`<h1>Not here</h1><p>${words}</p>`);
}

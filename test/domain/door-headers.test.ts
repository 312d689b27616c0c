import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Hono } from 'hono';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { httpApp } from '../../src/http.ts';
import { targetElsewhere } from '../../src/main/process/request-target.ts';
import { mcpDoor } from '../../src/mcp/door/door.ts';
import { Unavailable } from '../../src/ports.ts';
import { api } from '../../src/web/api/api.ts';
import { auditApi } from '../../src/web/api/audit-api.ts';
import { consoleDoor } from '../../src/web/console/console.ts';
import { health } from '../../src/web/http/health.ts';
import { LoginSessions } from '../../src/web/http/login-sessions.ts';
import { Meters } from '../../src/web/http/meters.ts';
import { metrics } from '../../src/web/http/metrics.ts';
import { policySchemaRoute } from '../../src/web/http/policy-schema.ts';
import { adminIdentity } from '../../src/web/http/reviewer.ts';
import { SignInLinks } from '../../src/web/http/sign-in-links.ts';

const TOKEN = 'Yk0v9Zq3bW7tR1xL5nC8mPs2';
const addresses = { hosts: () => new Set(['localhost']), publicUrl: () => 'http://localhost' };

/** Whatever is asked of it fails with `error`, so that every route's errors are seen too. */
function failing(error: Error): never {
  return new Proxy(
    {},
    {
      get: (_, name) => () => {
        // Promises are told from others by `then`.
        if (name === 'then') return undefined;
        throw error;
      },
    },
  ) as never;
}

/** All doors over a store that fails with `error`. */
function doorsOver(error: Error) {
  const store = failing(error);
  const gateway = {
    store,
    ledger: store,
    vault: { publicKeys: [], digests: (_: string, text: string) => [text] },
    queue: store,
    clock: { now: () => new Date() },
    log: { error: () => undefined, warn: () => undefined, info: () => undefined },
    journal: { note: () => undefined, writable: true, waiting: 0, dropped: 0 },
    accessLog: { refused: () => undefined, read: () => undefined, used: () => undefined },
    reviewerGuesses: { wrong: () => 30 },
    waitingRoom: { open: true, size: 0 },
    leases: { size: 0 },
    checkpointSigner: { alarmed: false },
    rules: { approval: {} },
  } as unknown as Gateway;
  const addressOf = (): null => null;
  const login = { id: 'x', reviewer: 'admin', credential: `basis admin ${TOKEN}` };
  const future = new Date(Date.now() + 3_600_000);
  const logins = {
    find: async () => ({ ...login, at: new Date(), seenAt: new Date(), endsAt: future }),
    seen: async () => {},
  };
  const loginSessions = new LoginSessions({
    gateway,
    logins: logins as never,
    identity: adminIdentity(TOKEN),
    addresses,
    remoteAddress: addressOf,
    signInLinks: new SignInLinks(),
  });
  const asset = { type: 'text/css', body: 'x', etag: '"x"' };
  const console = consoleDoor({
    gateway,
    records: store,
    revocations: store,
    loginSessions,
    config: store,
    proof: store,
    assets: new Map([['console.css', asset]]),
  });
  const doors = {
    mcp: mcpDoor({
      ...addresses,
      servers: () => undefined,
      authenticate: () => null,
      store,
      log: gateway.log,
    } as never).app,
    slack: null,
    api: api({ gateway, adminToken: TOKEN, addressOf, loginSessions, grants: store, records: store, replays: store }),
    audit: auditApi({ gateway, records: store, adminToken: TOKEN }),
    health: health(gateway),
    schema: policySchemaRoute(() => ({})),
    metrics: metrics({
      gateway,
      meters: new Meters({ ofProcess: false }),
      adminToken: TOKEN,
      addressOf,
      hosts: addresses.hosts,
    }),
    console: console.app,
  };
  const routes = Object.values(doors).flatMap((door) => door?.routes ?? []);
  return { app: httpApp(doors), routes, stop: () => console.stop() };
}

/** Every path of every door, with something for its parameters. */
const { routes } = doorsOver(new Error('never'));
const PATHS = [...new Set(routes.map(({ path }) => path.replace(/:\w+/g, 'x').replace('*', 'x')))];
const OTHERS = [
  '/nothing',
  '/api',
  '/api/',
  '/openapi.json',
  '/mcp',
  '/mcp/x/y',
  '/login/x',
  '/console/console.css',
  '/..%2f',
];

const WHO: Record<string, Record<string, string>> = {
  nobody: {},
  'a wrong token': { authorization: 'Bearer wrong' },
  'the admin token': { authorization: `Bearer ${TOKEN}` },
  'a console login': { cookie: 'holdfast_session=s', origin: 'http://localhost', 'content-type': 'application/json' },
  'another Host': { host: 'evil.example' },
};

describe('Every route of every door', () => {
  it('is in the table', () => {
    for (const path of [
      '/api/approvals/x/decisions',
      '/api/events/export',
      '/metrics',
      '/login',
      '/readyz',
      '/mcp/x',
      '/audit',
    ])
      assert.ok(PATHS.includes(path), path);
    assert.ok(PATHS.length > 25, String(PATHS.length));
  });

  for (const [kind, error] of [
    ['a store that is away', new Unavailable('store', 'away')],
    ['a failure', new Error('broken')],
  ] as const) {
    const { app, stop } = doorsOver(error);
    after(stop);
    for (const [who, headers] of Object.entries(WHO)) {
      it(`confines its answers: ${who}, ${kind}`, async () => {
        for (const path of [...PATHS, ...OTHERS]) {
          for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
            const body = method === 'POST' || method === 'PUT' ? { body: '{' } : {};
            const request = new Request(`http://localhost${path}`, {
              method,
              headers: { host: 'localhost', ...headers },
              ...body,
            });
            const answer = await app.fetch(request);
            const said = `${method} ${path}: ${answer.status} ${JSON.stringify(Object.fromEntries(answer.headers))}`;
            assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', said);
            assert.match(
              answer.headers.get('content-security-policy') ?? '',
              /default-src 'none'.*frame-ancestors 'none'/,
              said,
            );
            assert.doesNotMatch(answer.headers.get('content-security-policy') ?? '', /unsafe|\*/, said);
            const cached = path.startsWith('/console/console.css') || (path === '/schema/policy.json' && answer.ok);
            if (!cached) assert.match(answer.headers.get('cache-control') ?? '', /no-store/, said);
            await answer.body?.cancel();
          }
        }
      });
    }
  }

  it('confines what is refused before any door', () => {
    const { headers } = targetElsewhere();
    assert.deepEqual([headers.get('cache-control'), headers.get('x-content-type-options')], ['no-store', 'nosniff']);
  });

  it('leaves what a server answered to an agent as it is', async () => {
    const mcp = new Hono().post(
      '/mcp/:server',
      () => new Response('{}', { headers: { 'content-type': 'application/json' } }),
    );
    const none = new Hono();
    const app = httpApp({
      mcp,
      slack: none,
      api: none,
      audit: none,
      health: none,
      schema: none,
      metrics: none,
      console: none,
    });
    const answer = await app.fetch(new Request('http://localhost/mcp/x', { method: 'POST' }));
    assert.deepEqual([...answer.headers.keys()], ['content-type']);
  });
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
`;

/** Every route of the web doors, as its source names it. The test looks there whether one is missing here. */
const ROUTES: readonly (readonly [method: string, path: string, queries: readonly string[]])[] = [
  ['GET', '/healthz', []],
  ['GET', '/readyz', ['gated']],
  ['GET', '/metrics', []],
  ['GET', '/openapi.json', []],
  ['GET', '/api/freeze', []],
  ['POST', '/api/freeze', []],
  ['DELETE', '/api/freeze/:id', []],
  ['GET', '/api/allowances', ['state', 'approval', 'limit', 'after']],
  ['DELETE', '/api/allowances/:id', []],
  ['GET', '/api/denials', ['state', 'approval', 'limit', 'after']],
  ['DELETE', '/api/denials/:id', []],
  ['GET', '/allowances', []],
  ['GET', '/api/approvals', ['state', 'owner', 'limit', 'after']],
  ['GET', '/api/approvals/:id', []],
  ['GET', '/api/approvals/:id/evidence', []],
  ['POST', '/api/approvals/:id/erase', []],
  ['POST', '/api/erasures', []],
  ['POST', '/api/approvals/:id/decisions', []],
  ['POST', '/api/decisions', []],
  ['POST', '/api/approvals/:id/take-back', []],
  ['POST', '/api/approvals/:id/snooze', []],
  ['DELETE', '/api/approvals/:id/snooze', []],
  ['GET', '/api/snoozes', []],
  ['GET', '/api/oversight', ['quarter', 'from', 'to']],
  ['GET', '/api/oversight/report.csv', ['quarter', 'from', 'to']],
  ['GET', '/api/oversight/report.html', ['quarter', 'from', 'to']],
  ['GET', '/oversight', ['quarter', 'from', 'to']],
  [
    'GET',
    '/api/events',
    [
      ...['after', 'limit', 'approval', 'type', 'what', 'verdict', 'server', 'tool', 'grant', 'approver', 'since'],
      ...['until', 'state', 'text', 'before'],
    ],
  ],
  ['POST', '/api/policy/replay', []],
  ['POST', '/api/policy/suggest', []],
  ['GET', '/api/store/accept', []],
  ['POST', '/api/store/accept', []],
  ['GET', '/api/tokens', []],
  ['POST', '/api/tokens', []],
  ['DELETE', '/api/tokens/:id', []],
  ['GET', '/api/keys', []],
  ['POST', '/api/keys', []],
  ['POST', '/api/keys/challenge', []],
  ['POST', '/api/keys/:id/register', []],
  ['DELETE', '/api/keys/:id', []],
  ['POST', '/api/approvals/:id/challenge', []],
  ['POST', '/api/approvals/:id/signatures', []],
  ['GET', '/passkeys', []],
  ['GET', '/api/people', []],
  ['GET', '/oidc/login', ['next']],
  ['GET', '/oidc/callback', ['state', 'code', 'iss', 'error']],
  ['POST', '/oidc/logout', []],
  ['GET', '/people', []],
  ['GET', '/tokens', []],
  ['GET', '/api/grants', []],
  ['DELETE', '/api/grants/:name', []],
  ['ALL', '/api/*', []],
  ['GET', '/api/events/tail', ['after', 'wait']],
  ['GET', '/api/events/export', ['cards']],
  ['GET', '/api/checkpoints', ['after']],
  ['POST', '/console/explain', []],
  ['POST', '/console/tools', []],
  ['POST', '/console/revoke', []],
  ['GET', '/', ['text', 'server', 'tool', 'agent', 'risk', 'mine', 'after']],
  ['GET', '/approvals/:id', []],
  ['GET', '/approvals/:id/export', []],
  ['GET', '/mine', ['after']],
  ['GET', '/activity', []],
  ['GET', '/audit', ['from', 'to', 'agent', 'server', 'tool', 'approver', 'what', 'state', 'types', 'text', 'before']],
  ['GET', '/audit/export', ['from', 'to', 'agent', 'types', 'text', 'before']],
  ['GET', '/audit/events/:n', []],
  ['GET', '/overview', ['span']],
  ['GET', '/policies', []],
  ['GET', '/grants', []],
  ['GET', '/freezes', []],
  ['GET', '/console/:file', []],
  ['GET', '/console/stream', ['after']],
  ['GET', '/login', ['next']],
  ['POST', '/login', []],
  ['GET', '/sign-in', []],
  ['POST', '/sign-in', []],
  ['POST', '/logout', []],
];

/** Not compressible, so that an index cannot make it short. */
const LONG = randomBytes(1_500).toString('hex');
/** As they stand in an address. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a NUL': 'a%00b',
  'nothing but a NUL': '%00',
  'bytes that are no UTF-8': '%ff%fe',
  'an overlong slash': '%c0%af',
  'half of a surrogate pair': '%ed%a0%80',
  '3,000 characters': LONG,
  '3,000 characters of three bytes': encodeURIComponent('語'.repeat(1_000)),
  'a percent sign alone': '%',
  'percent signs that encode nothing': '%zz',
  'a huge number': '99999999999999999999999999',
  'a huge whole number': '9007199254740993',
  'a negative number': '-1',
  'no number': 'NaN',
  infinity: '1e999',
  quotes: "'%22%5C;--",
  'control characters': '%01%1b%0d%0a%7f',
  'a right-to-left override': '%e2%80%ae',
  'a year that does not exist': '300000-01-01T00:00',
  'a far year': '9999-12-31T23:59',
  dots: '..%2f..%2fetc',
};

for (const kind of ['embedded', 'redis and postgres'] as const) {
  const skip = kind === 'embedded' ? false : skipWithoutBacking(kind);
  describe(`hostile bytes, ${kind}`, { skip }, () => {
    let backing: Backing | null = null;
    let upstream: CountingUpstream;
    let house: House;
    let gateway: GatewayProcess;
    let cookie: string;
    before(async () => {
      upstream = await countingUpstream();
      if (kind !== 'embedded') backing = await startBacking(kind);
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        slack: false,
        approval: '{ hold: { default: 100ms, progress: 100ms } }',
        ...(backing === null ? {} : { databaseUrl: await backing.database(), redisUrl: backing.redis!.url }),
      });
      gateway = await house.start();
      const body = new URLSearchParams({ credential: house.adminToken, token: house.adminToken });
      const signedIn = await fetch(`${gateway.url}/login`, {
        method: 'POST',
        body,
        redirect: 'manual',
        headers: { origin: gateway.url },
      });
      cookie = (signedIn.headers.get('set-cookie') ?? '').split(';', 1)[0]!;
      assert.match(cookie, /holdfast_session=/, `signed in: ${signedIn.status}`);
    });
    after(async () => {
      await house?.close();
      await upstream?.close();
      await backing?.stop();
    });

    /** Sends a path as it is; `fetch` would tidy it up. */
    function send(
      method: string,
      path: string,
      { headers = {}, body }: { headers?: Record<string, string>; body?: string } = {},
    ): Promise<{ status: number; text: string }> {
      return new Promise((resolve, reject) => {
        const asked = request(
          `${gateway.url}`,
          {
            method,
            path,
            headers: { ...headers, ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }) },
          },
          (answer) => {
            let text = '';
            const done = (): void => resolve({ status: answer.statusCode ?? 0, text });
            answer.setEncoding('utf8').on('data', (piece: string) => {
              text += piece;
              // A stream that is open is an answer.
              if (answer.headers['content-type']?.startsWith('text/event-stream')) {
                done();
                asked.destroy();
              }
            });
            answer.on('end', done);
            answer.on('error', done);
            if (answer.headers['content-type']?.startsWith('text/event-stream')) {
              done();
              asked.destroy();
            }
          },
        );
        asked.on('error', reject);
        asked.end(body);
      });
    }
    function isNoOutage(what: string, { status, text }: { status: number; text: string }): void {
      assert.ok(status < 500, `${what}: ${status} ${text.slice(0, 300)}`);
      assert.doesNotMatch(text, /does not answer|cannot decide/i, what);
    }

    test('P6: the table has every route', () => {
      const known = new Set(ROUTES.map(([method, path]) => `${method} ${path}`));
      const missing = routesInSource().filter((route) => !known.has(route));
      assert.deepEqual(missing, []);
    });

    test('P6: hostile bytes in any path or query are the sender’s mistake, and no outage', async () => {
      const tokens = { authorization: `Bearer ${house.adminToken}` };
      const people = { cookie, origin: gateway.url };
      for (const [method, path, queries] of ROUTES) {
        for (const [what, text] of Object.entries(HOSTILE)) {
          const asked: string[] = [];
          if (/:|\*/.test(path)) asked.push(path.replace(/:\w+|\*/, text));
          for (const query of queries) {
            // What is a long time is waited for.
            if (query === 'wait' && /^(9|1e)/.test(text)) continue;
            asked.push(`${path.replace(/:\w+|\*/, 'x')}?${query}=${text}&wait=0`);
          }
          if (asked.length === 0) asked.push(`${path}?x=${text}`);
          for (const one of asked) {
            for (const headers of path.startsWith('/api') ? [tokens, people] : [people]) {
              const verb = method === 'ALL' ? 'GET' : method;
              const body = verb === 'GET' ? {} : { body: '{"decision":"deny","reason":"x"}' };
              const answer = await send(verb, one, {
                headers: { ...headers, 'content-type': 'application/json' },
                ...body,
              });
              isNoOutage(`${verb} ${path} with ${what}`, answer);
            }
          }
        }
      }
    });

    test('P6: what no id can be is 400 on the API', async () => {
      const headers = { authorization: `Bearer ${house.adminToken}` };
      for (const id of ['%00', 'a%00b', '%ff', '%ed%a0%80', LONG]) {
        for (const path of [`/api/approvals/${id}`, `/api/events?approval=${id}`, `/api/approvals?after=${id}`]) {
          const answer = await send('GET', path, { headers });
          const expected = id === LONG && path.includes('?') ? 200 : 400;
          assert.equal(answer.status, expected, `${path.slice(0, 60)}: ${answer.text.slice(0, 200)}`);
        }
      }
    });

    test('P6: hostile bytes in bodies are no outage', async () => {
      const headers = { authorization: `Bearer ${house.adminToken}`, 'content-type': 'application/json' };
      for (const text of ['\\u0000', 'a\\u0000b', '\\ud800', LONG, '\\uffff']) {
        const bodies = [
          `{"decision":"deny","reason":"${text}","fingerprint":"${text}"}`,
          `{"decision":"${text}"}`,
          `{"scope":{"server":"${text}"},"reason":"${text}"}`,
          `{"scope":"all${text}","reason":"r"}`,
          `{"${text}":1}`,
          `"${text}"`,
        ];
        for (const [method, path] of ROUTES.filter(([verb]) => verb === 'POST' || verb === 'DELETE')) {
          for (const body of bodies) {
            if (path === '/api/store/accept') continue;
            const answer = await send(method, path.replace(/:\w+/, 'ap_none'), { headers, body });
            isNoOutage(`${method} ${path} ${body.slice(0, 60)}`, answer);
          }
        }
      }
    });

    test('P6: hostile bytes from an agent are no outage', async () => {
      const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      const ids = ['\\u0000', '\\ud800', LONG, '語'.repeat(250), LONG.slice(0, 250)];
      for (const id of ids) {
        for (const tool of ['create_key', 'read', `x${id}`]) {
          const body = `{"jsonrpc":"2.0","id":"${id}","method":"tools/call","params":{"name":"${tool}","arguments":{"a":"${id}","${id}":"b"}}}`;
          const answer = await agent.post(body);
          isNoOutage(`${tool.slice(0, 20)} ${id.slice(0, 20)}`, { status: answer.status, text: await answer.text() });
        }
        for (const method of ['notifications/cancelled', 'tasks/get', 'tasks/cancel', `x/${id}`]) {
          const body = `{"jsonrpc":"2.0","id":1,"method":"${method}","params":{"requestId":"${id}","taskId":"${id}"}}`;
          const answer = await agent.post(body);
          isNoOutage(`${method.slice(0, 30)} ${id.slice(0, 20)}`, { status: answer.status, text: await answer.text() });
        }
      }
      for (const name of ['mcp-session-id', 'last-event-id', 'mcp-protocol-version', 'mcp-method', 'mcp-name']) {
        for (const value of [LONG, '%00', '\xff\xfe', 'a,b', '\t']) {
          for (const method of ['POST', 'GET', 'DELETE']) {
            const answer = await send(method, '/mcp/tools', {
              headers: {
                authorization: `Bearer ${house.tokens.agent}`,
                accept: 'application/json, text/event-stream',
                'content-type': 'application/json',
                [name]: value,
              },
              ...(method === 'POST' ? { body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' } : {}),
            });
            isNoOutage(`${method} ${name}: ${value.slice(0, 10)}`, answer);
          }
        }
      }
      for (const text of Object.values(HOSTILE)) {
        isNoOutage(
          `/mcp/${text.slice(0, 20)}`,
          await send('POST', `/mcp/${text}`, {
            headers: { authorization: `Bearer ${house.tokens.agent}`, 'content-type': 'application/json' },
            body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
          }),
        );
      }
    });

    test('P6: and the gateway is as ready as before, and has told of no outage', async () => {
      assert.equal((await gateway.api('/readyz')).status, 200);
      assert.doesNotMatch(gateway.log, /did not answer|accepts no writes|"level":50/);
    });
  });
}

/** `METHOD path` of every route that the web doors name. */
function routesInSource(): string[] {
  const root = new URL('../../../src/web', import.meta.url).pathname;
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return files.flatMap((name) =>
    [...readFileSync(join(root, name), 'utf8').matchAll(/\bapp\.(get|post|delete|put|patch|all)\(\s*'([^']+)'/g)].map(
      ([, method, path]) => `${method!.toUpperCase()} ${path!.replace(/\{.*\}$/, '')}`,
    ),
  );
}

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { consoleDoor } from '../../../src/web/console/console.ts';
import { LoginSessions } from '../../../src/web/http/login-sessions.ts';
import { adminIdentity } from '../../../src/web/http/reviewer.ts';
import { SignInLinks } from '../../../src/web/http/sign-in-links.ts';
import { ADMIN_TOKEN, type ConsoleWorld, consoleWorld } from '../../support/console/browser.ts';
import { eventually } from '../../support/wait.ts';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

/** A request with exactly these headers: fetch would not let us lie about Host and Origin. */
function ask(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const target = new URL(path, url);
    const sent = request(target, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        // A stream never ends by itself: its first chunk is enough.
        if (response.headers['content-type']?.startsWith('text/event-stream')) response.destroy();
      });
      response.on('close', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const FORM = 'application/x-www-form-urlencoded';

function signingIn(url: string, token: string, more: Record<string, string> = {}, next = '/'): Promise<Answer> {
  const body = new URLSearchParams({ token, next }).toString();
  return ask(url, 'POST', '/login', { 'content-type': FORM, origin: url, ...more }, body);
}

function cookieOf(answer: Answer): string {
  const [cookie = ''] = (answer.headers['set-cookie'] as string[] | undefined) ?? [];
  return cookie.split(';')[0]!;
}

describe('The console’s login', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let url: string;
  let cookie: string;
  let id: string;
  let held: Promise<unknown>;

  before(async () => {
    world = await consoleWorld();
    url = world.url;
    cookie = cookieOf(await signingIn(url, ADMIN_TOKEN));
    const agent = await world.agent();
    held = agent.callTool({ name: 'create_api_key', arguments: { name: 'held', role: 'viewer' } });
    id = await eventually('the call is parked', async () => {
      const { text } = await ask(url, 'GET', '/api/approvals?state=pending', { cookie });
      return (JSON.parse(text) as { items: { id: string }[] }).items[0]?.id ?? null;
    });
  });

  after(async () => {
    await world?.close();
  });

  const types = async (): Promise<string[]> => {
    const bearer = { authorization: `Bearer ${ADMIN_TOKEN}` };
    const { text } = await ask(url, 'GET', '/api/events?after=0&limit=500', bearer);
    return (JSON.parse(text) as { items: { type: string }[] }).items.map((event) => event.type);
  };

  it('gives a cookie that scripts cannot read and other sites cannot send', async () => {
    const answer = await signingIn(url, ADMIN_TOKEN);
    assert.equal(answer.status, 303);
    const [set = ''] = answer.headers['set-cookie'] as string[];
    assert.match(set, /^holdfast_session=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; SameSite=Strict$/);
  });

  it('sends a strict policy with every page', async () => {
    for (const path of ['/login', '/', '/audit', '/console/app.js']) {
      const { headers } = await ask(url, 'GET', path, { cookie });
      assert.match(
        String(headers['content-security-policy']),
        /^default-src 'none'; script-src 'self'; style-src 'self'/,
      );
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['x-frame-options'], 'DENY');
    }
  });

  it('sends whoever is not signed in to sign in, and back only to pages of ours', async () => {
    for (const path of [
      '/',
      '/audit?agent=x',
      '/approvals/ap_1',
      '/overview',
      '/policies',
      '/grants',
      '/allowances',
      '/freezes',
      '/activity',
      '/mine',
    ]) {
      const answer = await ask(url, 'GET', path);
      assert.equal(answer.status, 303, path);
      assert.ok(String(answer.headers.location).startsWith('/login'), path);
    }
    assert.equal((await ask(url, 'GET', '/console/stream')).status, 401);
    for (const next of ['https://evil.example', '//evil.example', '/\\evil.example', '/a\\b', 'javascript:alert(1)']) {
      assert.equal((await signingIn(url, ADMIN_TOKEN, {}, next)).headers.location, '/', next);
    }
    assert.equal((await signingIn(url, ADMIN_TOKEN, {}, '/audit?agent=x')).headers.location, '/audit?agent=x');
  });

  it('brings a link from elsewhere home: without the cookie it takes one step from our own page', async () => {
    const answer = await ask(url, 'GET', `/approvals/${id}`, { 'sec-fetch-site': 'cross-site' });
    assert.equal(answer.status, 200);
    assert.match(answer.text, new RegExp(`http-equiv="refresh" content="0; url=/approvals/${id}"`));
  });

  it('does not answer to a Host that is not ours', async () => {
    for (const path of ['/', '/login', '/console/app.js']) {
      assert.equal((await ask(url, 'GET', path, { host: 'evil.example', cookie })).status, 403, path);
    }
    const headers = { host: 'evil.example', cookie };
    assert.equal((await ask(url, 'GET', '/api/approvals', headers)).status, 401, 'a cookie does not count there');
  });

  it('P1: a cookie decides only with our Origin and a JSON body, and no GET decides', async () => {
    const path = `/api/approvals/${id}/decisions`;
    const json = { cookie, 'content-type': 'application/json' };
    const body = JSON.stringify({ decision: 'approve' });
    const port = new URL(url).port;
    const table: [string, string, string, Record<string, string>, number][] = [
      ['no Origin', 'POST', path, json, 403],
      ['a foreign Origin', 'POST', path, { ...json, origin: 'https://evil.example' }, 403],
      ['the Origin null', 'POST', path, { ...json, origin: 'null' }, 403],
      ['another port of ours', 'POST', path, { ...json, origin: 'http://127.0.0.1:1' }, 403],
      ['another of our names', 'POST', path, { ...json, origin: `http://localhost:${port}` }, 403],
      ['a prefix of ours', 'POST', path, { ...json, origin: `${url}.evil.example` }, 403],
      ['https instead of http', 'POST', path, { ...json, origin: url.replace('http:', 'https:') }, 403],
      ['a cross-site fetch', 'POST', path, { ...json, origin: url, 'sec-fetch-site': 'cross-site' }, 403],
      ['a form', 'POST', path, { cookie, origin: url, 'content-type': FORM }, 403],
      ['plain text', 'POST', path, { cookie, origin: url, 'content-type': 'text/plain' }, 403],
      ['no content type', 'POST', path, { cookie, origin: url }, 403],
      ['no cookie', 'POST', path, { 'content-type': 'application/json', origin: url }, 401],
      ['another cookie', 'POST', path, { ...json, cookie: 'holdfast_session=x', origin: url }, 401],
      ['GET', 'GET', `${path}?decision=approve`, { ...json, origin: url }, 404],
      ['GET of the page', 'GET', `/approvals/${id}?decision=approve`, { ...json, origin: url }, 200],
      ['HEAD', 'HEAD', path, { ...json, origin: url }, 404],
      ['PUT', 'PUT', path, { ...json, origin: url }, 404],
      ['POST to the page', 'POST', `/approvals/${id}`, { ...json, origin: url }, 404],
    ];
    for (const [what, method, to, headers, status] of table) {
      const answer = await ask(url, method, to, headers, method === 'GET' || method === 'HEAD' ? undefined : body);
      assert.equal(answer.status, status, what);
    }
    const { text } = await ask(url, 'GET', `/api/approvals/${id}`, { cookie });
    assert.equal((JSON.parse(text) as { state: string }).state, 'pending');
    assert.equal(world.prometheus.keys.length, 0);
  });

  it('P1: a decision names the call that was shown', async () => {
    const path = `/api/approvals/${id}/decisions`;
    const headers = { cookie, origin: url, 'content-type': 'application/json' };
    const other = JSON.stringify({ decision: 'approve', fingerprint: 'f'.repeat(64) });
    const answer = await ask(url, 'POST', path, headers, other);
    assert.equal(answer.status, 403);
    assert.match(answer.text, /other_call/);
  });

  it('takes the decision of a reviewer once, as via the console; a second one is told the true state', async () => {
    const path = `/api/approvals/${id}/decisions`;
    const headers = { cookie, origin: url, 'content-type': 'application/json' };
    const answer = await ask(url, 'POST', path, headers, JSON.stringify({ decision: 'approve' }));
    assert.equal(answer.status, 200);
    const [decision] = (JSON.parse(answer.text) as { decisions: { approver: string; via: string }[] }).decisions;
    assert.deepEqual([decision?.approver, decision?.via], ['admin', 'console']);
    await held;
    const late = await ask(url, 'POST', path, headers, JSON.stringify({ decision: 'deny', reason: 'no' }));
    assert.equal(late.status, 409);
    assert.equal(world.prometheus.keys.length, 1);
  });

  it('signs in and out only from a page of ours, and a login that was ended is good for nothing', async () => {
    assert.equal((await signingIn(url, ADMIN_TOKEN, { origin: 'https://evil.example' })).status, 403);
    const own = cookieOf(await signingIn(url, ADMIN_TOKEN));
    assert.equal((await ask(url, 'POST', '/logout', { cookie: own, origin: 'https://evil.example' })).status, 403);
    assert.equal((await ask(url, 'GET', '/audit', { cookie: own })).status, 200);
    assert.equal((await ask(url, 'POST', '/logout', { cookie: own, origin: url })).status, 303);
    assert.equal((await ask(url, 'GET', '/audit', { cookie: own })).status, 303);
    assert.equal((await ask(url, 'GET', '/api/approvals', { cookie: own })).status, 401);
    assert.equal((await ask(url, 'GET', '/audit', { cookie })).status, 200, 'the other login goes on');
  });

  it('reads no more of a body than a token needs', async () => {
    assert.equal((await signingIn(url, 'x'.repeat(20_000))).status, 413);
  });

  it('takes what a request asks to change only as JSON from our page: explain and revoke', async () => {
    for (const path of ['/console/explain', '/console/revoke']) {
      const body = JSON.stringify({ grant: 'nightly-bot', server: 'prometheus', tool: 'query' });
      const json = { cookie, 'content-type': 'application/json' };
      assert.equal((await ask(url, 'POST', path, json, body)).status, 403, path);
      assert.equal((await ask(url, 'POST', path, { ...json, origin: 'https://evil.example' }, body)).status, 403, path);
      assert.equal(
        (await ask(url, 'POST', path, { cookie, origin: url, 'content-type': FORM }, body)).status,
        403,
        path,
      );
      assert.equal((await ask(url, 'GET', path, { ...json, origin: url })).status, 404, path);
    }
    await (await world.agent('nightly-bot')).listTools();
  });

  it('P7: sign-ins, refusals, decisions and readings are events', async () => {
    await eventually('the events are written', async () => {
      const seen = new Set(await types());
      const wanted = ['admin.signed_in', 'admin.signed_out', 'admin.refused', 'admin.read', 'approval.decided'];
      return wanted.every((type) => seen.has(type)) ? true : null;
    });
  });

  it('slows down guessing, and says for how long', async () => {
    const answers: Answer[] = [];
    for (let i = 0; i < 12; i += 1) answers.push(await signingIn(url, `guess-${i}`));
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [...Array<number>(10).fill(401), 429, 429],
    );
    assert.ok(Number(answers.at(-1)?.headers['retry-after']) > 0);
    assert.ok(answers.every((answer) => answer.headers['set-cookie'] === undefined));
    assert.equal((await signingIn(url, ADMIN_TOKEN)).status, 303, 'the right token passes');
    assert.equal((await ask(url, 'GET', '/audit', { cookie })).status, 200, 'who is in stays in');
  });
});

describe('A console without an admin token', () => {
  it('is closed, and says how to open it', async () => {
    const gateway = {} as never;
    const place = { hosts: () => new Set(['localhost']), publicUrl: () => 'http://localhost' };
    const identity = adminIdentity(null);
    const reception = new LoginSessions({
      gateway,
      logins: {} as never,
      identity,
      addresses: place,
      remoteAddress: () => '127.0.0.1',
      signInLinks: new SignInLinks(),
    });
    const nothing = {} as never;
    const { app } = consoleDoor({
      gateway,
      loginSessions: reception,
      records: nothing,
      revocations: nothing,
      config: nothing,
      proof: nothing,
      assets: new Map(),
    });
    for (const path of ['/', '/login', '/audit', '/console/stream', '/approvals/ap_1']) {
      const answer = await app.request(`http://localhost${path}`);
      assert.equal(answer.status, 403, path);
      assert.match(await answer.text(), /HOLDFAST_ADMIN_TOKEN/, path);
    }
    assert.equal(await identity.authenticate(''), null);
    assert.equal(await identity.authenticate('null'), null);
    assert.equal(await identity.reviewer('admin'), null);
  });
});

describe('A console behind https', { concurrency: false }, () => {
  let world: ConsoleWorld;
  const host = 'holdfast.example.com';
  before(async () => {
    world = await consoleWorld({ approver: false, env: { HOLDFAST_PUBLIC_URL: `https://${host}` } });
  });
  after(async () => {
    await world?.close();
  });

  it('gives a __Host- cookie, and takes only the https Origin', async () => {
    const answer = await signingIn(world.url, ADMIN_TOKEN, { host, origin: `https://${host}` });
    assert.equal(answer.status, 303);
    const [set = ''] = answer.headers['set-cookie'] as string[];
    assert.match(set, /^__Host-holdfast_session=[\w-]{43}; Max-Age=28800; Path=\/; HttpOnly; Secure; SameSite=Strict$/);
    assert.equal((await signingIn(world.url, ADMIN_TOKEN, { host, origin: `http://${host}` })).status, 403);
  });

  it('reads, but does not decide, where no approvers’ group lists admin', async () => {
    const at = { host, origin: `https://${host}` };
    const cookie = cookieOf(await signingIn(world.url, ADMIN_TOKEN, at));
    const agent = await world.agent();
    const held = agent.callTool({ name: 'create_api_key', arguments: { name: 'x', role: 'viewer' } }).catch(() => null);
    const page = await eventually('the call is in the inbox', async () => {
      const { text } = await ask(world.url, 'GET', '/', { cookie, host });
      return text.includes('data-key="ap_') ? text : null;
    });
    assert.match(page, /To let admin decide, add it to an approver group/);
    assert.ok(!page.includes('data-decide'));
    const id = /data-key="(ap_\w+)"/.exec(page)?.[1];
    const json = { cookie, ...at, 'content-type': 'application/json' };
    const path = `/api/approvals/${id}/decisions`;
    const answer = await ask(world.url, 'POST', path, json, JSON.stringify({ decision: 'approve' }));
    assert.equal(answer.status, 403);
    assert.match(answer.text, /not_an_approver/);
    await agent.close();
    await held;
  });
});

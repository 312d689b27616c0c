import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { ADMIN_TOKEN, type ConsoleWorld, consoleWorld } from '../../support/console/browser.ts';
import { eventually } from '../../support/wait.ts';

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly text: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** One of the addresses of this machine: 127.0.0.7. */
  readonly from?: string;
}

function ask(url: string, path: string, { method = 'GET', headers = {}, body, from }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const address = from === undefined ? {} : { localAddress: from };
    const sent = request(new URL(path, url), { method, headers, agent: false, ...address }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function signIn(url: string, token: string, from?: string, headers: Record<string, string> = {}): Promise<Answer> {
  const body = new URLSearchParams({ token, next: '/' }).toString();
  const form = { 'content-type': 'application/x-www-form-urlencoded', origin: url, ...headers };
  return ask(url, '/login', { method: 'POST', headers: form, body, ...(from === undefined ? {} : { from }) });
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const count = (answers: readonly Answer[], status: number): number =>
  answers.filter((answer) => answer.status === status).length;

describe('Guessing at the doors', { concurrency: false }, () => {
  let world: ConsoleWorld;
  let url: string;
  before(async () => {
    world = await consoleWorld();
    url = world.url;
  });
  after(async () => {
    await world?.close();
  });

  it('P8: a hundred wrong logins from ten addresses lock no reviewer out, and most are told to wait', async () => {
    const answers: Answer[] = [];
    for (let i = 0; i < 100; i += 1) answers.push(await signIn(url, `guess-${i}`, `127.0.0.${10 + (i % 10)}`));
    assert.deepEqual([count(answers, 401), count(answers, 429)], [60, 40]);
    const late = answers.at(-1)!;
    assert.ok(Number(late.headers['retry-after']) > 0);
    assert.match(late.text, /The right token is always accepted/);
    for (const from of ['127.0.0.10', '127.0.0.99', undefined]) {
      assert.equal((await signIn(url, ADMIN_TOKEN, from)).status, 303, `from ${from}`);
    }
  });

  it('P8: the API takes no more guesses, and the right token at once, from the very same address', async () => {
    const many = await Promise.all(
      Array.from({ length: 300 }, (_, i) =>
        ask(url, '/api/approvals', { headers: bearer(`guess-${i}`), from: `127.0.0.${20 + (i % 3)}` }),
      ),
    );
    assert.equal(count(many, 401), 0, 'the console’s guesses count too: it is the same token');
    assert.equal(count(many, 429), 300);
    assert.ok(Number(many[0]!.headers['retry-after']) > 0);
    const right = await ask(url, '/api/approvals', { headers: bearer(ADMIN_TOKEN), from: '127.0.0.20' });
    assert.equal(right.status, 200);
    const none = await ask(url, '/api/approvals', { from: '127.0.0.20' });
    assert.equal(none.status, 401, 'who sends no token guesses at none');
  });

  it('P8: agents’ tokens cannot be guessed faster either, and who has one is not stopped', async () => {
    const post = { method: 'POST', body: '{}', from: '127.0.0.40' } as const;
    const many: Answer[] = [];
    for (let i = 0; i < 50; i += 1) {
      many.push(await ask(url, '/mcp/prometheus', { ...post, headers: bearer(`hf_${i}`) }));
    }
    assert.deepEqual([count(many, 401), count(many, 429)], [30, 20]);
    const none = await ask(url, '/mcp/prometheus', post);
    assert.equal(none.status, 401);
    assert.ok(none.headers['www-authenticate'], 'a client without a token still learns where to get one');
    await (await world.agent()).listTools();
  });

  it('P7: what was refused is in the log, in groups with their counts, and in the metrics', async () => {
    const events = await eventually('the events', async () => {
      const answer = await ask(url, '/api/events?limit=500', { headers: bearer(ADMIN_TOKEN) });
      const { items } = JSON.parse(answer.text) as {
        items: { type: string; data: { door?: string; status?: number; times: number } }[];
      };
      const refused = items.filter(({ type, data }) => /refused$/.test(type) && data.door !== undefined);
      return refused.length >= 6 ? refused : null;
    });
    const groups = events.map(({ type, data }) => `${type} ${data.door} ${data.status}`);
    for (const group of [
      'admin.refused console 401',
      'admin.refused console 429',
      'access.refused api 429',
      'access.refused mcp 429',
    ])
      assert.equal(groups.filter((each) => each === group).length, 1, `${group} in ${groups.join()}`);
    assert.ok(!JSON.stringify(events).includes('guess-'), 'what was tried is not');
    const { text } = await ask(url, '/metrics', { headers: bearer(ADMIN_TOKEN) });
    assert.match(text, /holdfast_access_refused_total\{door="console",status="429"\} \d/);
    assert.match(text, /holdfast_access_refused_total\{door="api",status="429"\} \d/);
  });

  it('P8: X-Forwarded-For of nobody in particular is not believed', async () => {
    const headers = (i: number) => ({ 'x-forwarded-for': `198.51.100.${i}` });
    const post = (i: number) => ({
      method: 'POST',
      body: '{}',
      headers: { ...bearer('x'), ...headers(i) },
      from: '127.0.0.41',
    });
    const many: Answer[] = [];
    for (let i = 0; i < 40; i += 1) many.push(await ask(url, '/mcp/prometheus', post(i)));
    assert.equal(count(many, 429), 10);
  });

  it('P8: metrics are for this machine alone, not for who comes through a proxy on it', async () => {
    const { host } = new URL(url);
    assert.equal((await ask(url, '/metrics')).status, 200);
    assert.equal(
      (await ask(url, '/metrics', { headers: { host: host.replace('127.0.0.1', 'localhost') } })).status,
      200,
    );
    for (const headers of [
      ...[
        'x-forwarded-for',
        'x-forwarded-proto',
        'x-forwarded-host',
        'forwarded',
        'via',
        'x-real-ip',
        'cf-ray',
        'cf-connecting-ip',
        'true-client-ip',
        'x-envoy-external-address',
        'x-amzn-trace-id',
        'fly-client-ip',
      ].map((name) => ({ [name]: '1.2.3.4' })),
      { host: 'holdfast.example.com' },
      { host: 'evil.localhost.example' },
      { origin: 'http://evil.example' },
    ]) {
      const answer = await ask(url, '/metrics', { headers });
      assert.equal(answer.status, 403, JSON.stringify(headers));
      assert.equal((await ask(url, '/metrics', { headers: { ...headers, ...bearer(ADMIN_TOKEN) } })).status, 200);
    }
    assert.equal(
      (await ask(url, '/metrics', { headers: { via: 'x', ...bearer('wrong') } })).status,
      429,
      'it is a guess too',
    );
  });
});

describe('Behind a proxy that is trusted', { concurrency: false }, () => {
  let world: ConsoleWorld;
  before(async () => {
    world = await consoleWorld({ env: { HOLDFAST_TRUSTED_PROXIES: '127.0.0.50/31' } });
  });
  after(async () => {
    await world?.close();
  });

  it('P8: each caller has a count of its own, which the caller cannot choose', async () => {
    const guess = (forwarded: string, from = '127.0.0.50') =>
      ask(world.url, '/mcp/prometheus', {
        method: 'POST',
        body: '{}',
        headers: { ...bearer('x'), 'x-forwarded-for': forwarded },
        from,
      });
    for (let i = 0; i < 30; i += 1) assert.equal((await guess(`203.0.113.${i}, 198.51.100.7`)).status, 401);
    assert.equal((await guess('203.0.113.99, 198.51.100.7')).status, 429);
    assert.equal((await guess('198.51.100.7, 127.0.0.51', '127.0.0.51')).status, 429, 'through two proxies');
    assert.equal((await guess('198.51.100.8')).status, 401);
    assert.equal((await guess('198.51.100.7', '127.0.0.60')).status, 401, 'another peer counts as itself');
  });
});

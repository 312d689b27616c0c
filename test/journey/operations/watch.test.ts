import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { visitor } from '../../support/console/visitor.ts';
import { type ApiEvent, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
hide: [hidden]
tools:
  read: {}
  create_key: { action: require_approval, reason: A key outlives its session., risk: write, redact: [args.seed] }
  charge: { deny_if: [{ path: args.amount, op: gt, value: 100 }] }
  burst: { limits: [{ counter: burst, window: month, max: 2 }] }
resources: { default: deny }
`;
const PARTLY = POLICY.replace('{ action: require_approval,', '{ mode: watch, action: require_approval,');

describe('watch mode', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  let database: pg.Client;

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    const databaseUrl = await backing.database();
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}", mode: watch`, policy: POLICY },
        strict: { at: `url: "${upstream.url}"`, policy: POLICY },
        partly: { at: `url: "${upstream.url}"`, policy: PARTLY },
      },
      approval: '{ timeout: 10m, hold: { default: 60s, progress: 60s } }',
      databaseUrl,
      redisUrl: backing.redis!.url,
    });
    gateway = await house.start();
    agent = await at('tools');
    database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
  });
  after(async () => {
    await database?.end();
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  const at = (server: string) => Agent.open(`${gateway.url}/mcp/${server}`, house.tokens.agent!);
  const readyz = async () => {
    const response = await fetch(`${gateway.url}/readyz`);
    return {
      status: response.status,
      body: (await response.json()) as { watching?: { server: string; rule: string | null; since: string | null }[] },
    };
  };
  const happened = (what: string, found: (event: ApiEvent) => boolean) =>
    eventually(what, async () => (await gateway.events()).find(found) ?? null);
  const setMode = async (mode: 'enforce' | 'watch') => {
    const file = join(house.folder, 'holdfast.yaml');
    const text = readFileSync(file, 'utf8').replace(/(\n {2}tools: .*mode: )\w+/, `$1${mode}`);
    writeFileSync(file, text);
    process.kill(gateway.pid, 'SIGHUP');
    await eventually(`tools: ${mode}`, async () => {
      const isWatched = (await readyz()).body.watching?.some(({ server }) => server === 'tools') === true;
      return isWatched === (mode === 'watch') ? true : null;
    });
  };

  test('P7: what would be asked or denied is forwarded and told, with its rule, trace and what a card would have named', async () => {
    const asked = await agent.call('create_key', { name: 'k1', seed: 'hush-hush' }).answer;
    assert.deepEqual(asked, { content: [{ type: 'text', text: 'done' }] });
    const would = await happened('would ask', ({ type }) => type === 'call.would_ask');
    assert.equal(would.data.rule, 'create_key');
    assert.equal(would.data.watched, 'server');
    assert.deepEqual(would.data.approvers, ['security']);
    assert.equal(would.data.quorum, 1);
    assert.equal(would.data.reason, 'A key outlives its session.');
    assert.deepEqual(would.data.arguments, { name: 'k1', seed: '[redacted]' });
    assert.match(JSON.stringify(would.data.trace), /action is require_approval/);
    assert.equal(JSON.stringify(await gateway.events()).includes('hush-hush'), false);
    assert.equal(textOf(await agent.call('charge', { amount: 500 }).answer), 'done');
    const denied = await happened(
      'would deny',
      ({ type, data }) => type === 'call.would_deny' && data.rule === 'charge',
    );
    assert.match(String(denied.data.reason), /args\.amount is above 100/);
    assert.equal(textOf(await agent.call('forbidden', {}).answer), 'done');
    await happened(
      'would deny by default',
      ({ type, data }) => type === 'call.would_deny' && data.decidedBy === 'default',
    );
    const allowed = (await gateway.events()).filter(({ type }) => type === 'call.allowed');
    assert.deepEqual(
      allowed.map(({ data }) => data.would),
      ['ask', 'deny', 'deny'],
    );
    assert.equal((await gateway.approvals()).length, 0);
    assert.equal(house.slackTraffic().includes('create_key'), false);
  });

  test('P9: an agent cannot tell by the bytes that it is watched', async () => {
    const raw = async (server: string, tool: string) => {
      const one = await at(server);
      const body = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: tool, arguments: { amount: 500 } } };
      const response = await one.post(body);
      return { status: response.status, names: [...response.headers.keys()].sort(), text: await response.text() };
    };
    const plain = await raw('strict', 'read');
    for (const tool of ['create_key', 'charge', 'forbidden']) assert.deepEqual(await raw('tools', tool), plain);
  });

  test('limits count and refuse nothing, and a full one is told', async () => {
    for (let n = 0; n < 4; n += 1) assert.equal(textOf(await agent.call('burst', { n }).answer), 'done');
    const over = await eventually('both are told', async () => {
      const found = (await gateway.events()).filter(
        ({ type, data }) => type === 'call.would_deny' && data.counter === 'burst',
      );
      return found.length === 2 ? found : null;
    });
    assert.match(String(over[0]!.data.reason), /the limit burst is full/);
    const rows = await database.query(`select used::text from holdfast.counters where key like '%"tools","burst"%'`);
    assert.deepEqual(rows.rows, [{ used: '4' }]);
  });

  test('what is denied of resources is relayed and told', async () => {
    const response = await agent.post({
      jsonrpc: '2.0',
      id: 9,
      method: 'resources/read',
      params: { uri: 'file:///etc/passwd' },
    });
    assert.equal(response.status, 200);
    assert.doesNotMatch(await response.text(), /[Pp]olicy/);
    const would = await happened('would deny', ({ type }) => type === 'method.would_deny');
    assert.match(JSON.stringify(would.data), /passwd/);
    await happened('and was read', ({ type }) => type === 'resource.read');
  });

  /** What watch does not suspend; none of these reaches the server. */
  const STILL: [name: string, call: () => Promise<unknown>, says: RegExp][] = [
    ['hide', () => agent.call('hidden', {}).answer.then(textOf), /Policy violation/],
    ['the form of names', () => agent.call('two words', {}).answer.then(textOf), /Policy violation/],
    [
      'the strict door',
      async () =>
        (await agent.post('{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{"name":"read"}}')).text(),
      /error/,
    ],
    [
      'a freeze',
      async () => {
        const body = JSON.stringify({ scope: { server: 'tools' }, reason: 'incident 7' });
        const headers = { 'content-type': 'application/json' };
        const { id } = (await (await gateway.api('/api/freeze', { method: 'POST', headers, body })).json()) as {
          id: string;
        };
        const said = textOf(await agent.call('create_key', {}).answer) + textOf(await agent.call('burst', {}).answer);
        await gateway.api(`/api/freeze/${id}`, { method: 'DELETE', headers, body: '{"reason":"over"}' });
        await eventually('thawed', async () => (textOf(await agent.call('read', {}).answer) === 'done' ? true : null));
        return said;
      },
      /^Frozen: [\s\S]*Frozen: /,
    ],
  ];
  for (const [name, call, says] of STILL) {
    test(`P6: ${name} holds as ever while the server is watched`, async () => {
      const counts = () => ['hidden', 'two words', 'create_key', 'burst'].map((tool) => upstream.count(tool));
      const before = counts();
      assert.match(String(await call()), says);
      assert.deepEqual(counts(), before);
    });
  }

  test('P6: a log that cannot be written stops watched calls, and so does a store that limits cannot ask', async () => {
    await database.query('begin; lock table holdfast.events in access exclusive mode');
    try {
      assert.equal(textOf(await agent.call('create_key', { n: 1 }).answer), 'done', 'nothing is known of it yet');
      await eventually('the log is slow', async () => ((await readyz()).status === 503 ? true : null));
      const counts = ['create_key', 'burst'].map((tool) => upstream.count(tool));
      assert.match(textOf(await agent.call('create_key', { n: 2 }).answer), /the audit log cannot be written/);
      assert.match(textOf(await agent.call('burst', { n: 9 }).answer), /cannot be written|does not answer|not answer/);
      assert.deepEqual(
        ['create_key', 'burst'].map((tool) => upstream.count(tool)),
        counts,
      );
    } finally {
      await database.query('commit');
    }
    await eventually('the log is written', async () => ((await readyz()).status === 200 ? true : null));
  });

  test('P1: one watched rule leaves the others enforced', async () => {
    const partly = await at('partly');
    assert.equal(textOf(await partly.call('create_key', { n: 3 }).answer), 'done');
    assert.match(textOf(await partly.call('charge', { amount: 500 }).answer), /Policy violation/);
    assert.match(textOf(await partly.call('forbidden', {}).answer), /Policy violation/);
  });

  test('P1: what is parked stays parked with its requirement when its server is only watched, and runs only approved', async () => {
    await setMode('enforce');
    const parked = agent.call('create_key', { name: 'parked' }, { meta: { progressToken: 'p' } });
    const { id } = await gateway.pending('create_key', { name: 'parked' });
    await setMode('watch');
    const sent = upstream.count('create_key', { name: 'parked' });
    assert.equal(textOf(await agent.call('create_key', { name: 'another' }).answer), 'done');
    assert.equal((await gateway.approval(id)).state, 'pending');
    assert.equal(upstream.count('create_key', { name: 'parked' }), sent);
    await house.approve(id);
    assert.equal(textOf(await parked.answer), 'done');
    await gateway.reaches(id, 'succeeded');
    await setMode('enforce');
    const again = agent.call('create_key', { name: 'asked again' }, { meta: { progressToken: 'p' } });
    const { id: refused } = await gateway.pending('create_key', { name: 'asked again' });
    const body = JSON.stringify({ decision: 'deny', reason: 'no', standing: { minutes: 60 } });
    const headers = { 'content-type': 'application/json' };
    const decided = await gateway.api(`/api/approvals/${refused}/decisions`, { method: 'POST', headers, body });
    assert.equal(decided.status, 200, await decided.text());
    assert.match(textOf(await again.answer), /^Denied/);
    // What it counted while it was watched counts.
    assert.match(textOf(await agent.call('burst', { n: 5 }).answer), /Rate limited/);
    await setMode('watch');
    // A person's no in advance is no verdict of policy.
    assert.match(textOf(await agent.call('create_key', { name: 'asked again' }).answer), /^Denied/);
    assert.equal(upstream.count('create_key', { name: 'asked again' }), 0);
  });

  test('/readyz, the console, metrics and doctor say what is only watched, and since when across restarts', async () => {
    const watching = async () => (await readyz()).body.watching ?? [];
    const list = await eventually('since when', async () => {
      const now = await watching();
      return now.every(({ since }) => since !== null) ? now : null;
    });
    assert.deepEqual(
      list.map(({ server, rule }) => [server, rule]),
      [
        ['tools', null],
        ['partly', 'create_key'],
      ],
    );
    const { cookie } = await visitor(gateway.url, house.adminToken);
    for (const path of ['/', '/audit', '/policies', '/overview', '/audit?verdict=would+deny']) {
      const page = await (await fetch(`${gateway.url}${path}`, { headers: { cookie } })).text();
      assert.match(page, /class="watch-banner"/, path);
      assert.match(page, /not enforced/, path);
    }
    const metrics = await (await gateway.api('/metrics')).text();
    assert.match(metrics, /holdfast_watched_seconds\{server="tools",rule=""\} \d/);
    assert.match(metrics, /holdfast_verdicts_total\{server="tools",tool="create_key",verdict="would_ask"\} \d/);
    assert.match(metrics, /holdfast_verdicts_total\{server="tools",tool="charge",verdict="would_deny"\} \d/);
    assert.match(gateway.log, /tools is only watched/);
    assert.equal(await gateway.stop(), 0);
    gateway = await house.start();
    const after = await eventually('since when', async () => {
      const now = await watching();
      return now.length === 2 && now.every(({ since }) => since !== null) ? now : null;
    });
    assert.deepEqual(after, list);
    const types = (await gateway.events()).filter(({ type }) => type.startsWith('watch.')).map(({ type }) => type);
    assert.deepEqual(types, ['watch.began', 'watch.began', 'watch.ended', 'watch.began', 'watch.ended', 'watch.began']);
    const kept = keptTerminal({
      env: {
        HOLDFAST_LISTEN: gateway.url.replace('http://', ''),
        DATABASE_URL: 'postgres://127.0.0.1:1/x',
        HOLDFAST_SECRET: 'for-tests-only-9Qw4zKp1xVd7Lm2sRb8T',
      },
      cwd: house.folder,
    });
    await runCommandLine(['doctor', '--config', join(house.folder, 'holdfast.yaml'), '--json'], kept.terminal);
    const { findings } = JSON.parse(kept.out()) as { findings: { about: string; level: string; what: string }[] };
    const told = findings.filter(({ about }) => about === 'watch');
    assert.deepEqual(
      told.map(({ level }) => level),
      ['warn', 'warn'],
    );
    assert.match(told[0]!.what, new RegExp(`tools is only watched.*since ${list[0]!.since}`));
    assert.match(told[1]!.what, /partly\.create_key is only watched/);
  });
});

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { Agent, noteOf, type ToolAnswer, textOf } from '../../support/agent/agent.ts';
import { visitor } from '../../support/console/visitor.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, type BackingKind, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  burst: { limits: [{ counter: burst, window: hour, max: 1000, scope: grant }] }
  create_key: { action: require_approval }
  charge: { action: require_approval, approval: { timeout: 2s } }
`;
const JSON_BODY = { 'content-type': 'application/json' };

interface Frozen {
  readonly id: string;
  readonly scope: unknown;
  readonly by: string;
  readonly since: string;
  readonly reason: string;
}

for (const kind of ['redis and postgres', 'embedded'] as const) suite(kind);

function suite(kind: BackingKind | 'embedded'): void {
  const embedded = kind === 'embedded';
  describe(`the freeze, ${kind}`, { skip: embedded ? false : skipWithoutBacking(kind) }, () => {
    let backing: Backing | null = null;
    let upstream: CountingUpstream;
    let house: House;
    let a: GatewayProcess;
    let b: GatewayProcess;

    before(async () => {
      upstream = await countingUpstream();
      backing = embedded ? null : await startBacking(kind);
      const stores = backing === null ? {} : { databaseUrl: await backing.database() };
      house = await openHouse({
        servers: {
          tools: { at: `url: "${upstream.url}"`, policy: POLICY },
          other: { at: `url: "${upstream.url}"`, policy: POLICY },
        },
        grants: ['second'],
        operators: '[admin, U0OPS]',
        approval: '{ timeout: 10m, hold: { default: 700ms, progress: 60s } }',
        ...stores,
        ...(backing?.redis ? { redisUrl: backing.redis.url } : {}),
      });
      a = await house.start();
      b = embedded ? a : await house.start();
    });
    afterEach(async () => {
      for (const { id } of await inForce()) await thaw(a, id);
      await eventually('every replica knows', async () => ((await readyz(b)).frozen === undefined ? true : null));
    });
    after(async () => {
      await house?.close();
      await upstream.close();
      await backing?.stop();
    });

    const at = (gateway: GatewayProcess, server = 'tools', grant = 'agent') =>
      Agent.open(`${gateway.url}/mcp/${server}`, house.tokens[grant]!);
    const post = (gateway: GatewayProcess, body: unknown) =>
      gateway.api('/api/freeze', { method: 'POST', headers: JSON_BODY, body: JSON.stringify(body) });
    const freeze = async (gateway: GatewayProcess, scope: unknown = 'all', reason = 'incident 7'): Promise<Frozen> => {
      const response = await post(gateway, { scope, reason });
      assert.equal(response.status, 201);
      return (await response.json()) as Frozen;
    };
    const thaw = (gateway: GatewayProcess, id: string, reason = 'it is over') =>
      gateway.api(`/api/freeze/${id}`, { method: 'DELETE', headers: JSON_BODY, body: JSON.stringify({ reason }) });
    const inForce = async () => ((await (await a.api('/api/freeze')).json()) as { items: Frozen[] }).items;
    const readyz = async (gateway: GatewayProcess) => {
      const response = await fetch(`${gateway.url}/readyz`);
      return { status: response.status, ...((await response.json()) as { ready: boolean; frozen?: string[] }) };
    };
    const frozenAt = (gateway: GatewayProcess) =>
      eventually('it knows', async () => (await readyz(gateway)).frozen ?? null, 2_000);

    test('P7: is set, listed, told and lifted, with its events, and a GET changes nothing', async () => {
      const set = await freeze(a, { server: 'tools' });
      assert.deepEqual(
        { ...set, id: '', since: '' },
        { id: '', scope: { server: 'tools' }, reason: 'incident 7', by: 'admin', since: '' },
      );
      assert.ok(Math.abs(Date.parse(set.since) - Date.now()) < 10_000);
      const twice = await post(b, { scope: { server: 'tools' }, reason: 'again' });
      assert.equal(twice.status, 409);
      assert.deepEqual(await twice.json(), set);
      assert.deepEqual(await (await b.api('/api/freeze')).json(), { items: [set], next: null });
      assert.deepEqual(await frozenAt(b), ['the server tools']);
      assert.equal((await readyz(b)).status, 200);
      const metrics = await (await b.api('/metrics')).text();
      assert.match(metrics, /holdfast_frozen\{scope="server"\} 1/);
      assert.match(metrics, /holdfast_frozen\{scope="all"\} 0/);

      assert.equal((await thaw(b, set.id, '')).status, 400, 'not without a reason');
      assert.equal((await inForce()).length, 1);
      assert.equal((await thaw(b, set.id)).status, 200);
      const again = await thaw(a, set.id);
      assert.equal(again.status, 409);
      assert.equal(((await again.json()) as { liftedBy: string }).liftedBy, 'admin');
      const events = (await a.events()).filter(({ type }) => type.startsWith('freeze.'));
      const [was, over] = events.filter(({ data }) => data.id === set.id);
      assert.deepEqual([was?.type, was?.actor, was?.data.reason], ['freeze.set', 'admin', 'incident 7']);
      assert.deepEqual([over?.type, over?.actor, over?.data.reason], ['freeze.lifted', 'admin', 'it is over']);
    });

    test('refuses what it cannot read, what it does not know, and who is nobody', async () => {
      const wrong: [unknown, number][] = [
        [{ scope: 'all' }, 400],
        [{ scope: 'all', reason: ' ' }, 400],
        [{ scope: 'all', reason: 'x'.repeat(501) }, 400],
        [{ scope: 'everything', reason: 'r' }, 400],
        [{ scope: { server: 'tools', grant: 'agent' }, reason: 'r' }, 400],
        [{ scope: { tool: 'read' }, reason: 'r' }, 400],
        [{ reason: 'r' }, 400],
        [[], 400],
        [{ scope: { server: 'tolls' }, reason: 'r' }, 404],
        [{ scope: { grant: 'agents' }, reason: 'r' }, 404],
      ];
      for (const [body, status] of wrong) assert.equal((await post(a, body)).status, status, JSON.stringify(body));
      const nobody = await fetch(`${a.url}/api/freeze`, {
        method: 'POST',
        headers: JSON_BODY,
        body: '{"scope":"all","reason":"r"}',
      });
      assert.equal(nobody.status, 401);
      const form = await a.api('/api/freeze', { method: 'POST', body: 'scope=all' });
      assert.equal(form.status, 400);
      const cookie = await visitor(a.url, house.adminToken);
      const foreign = await fetch(`${a.url}/api/freeze`, {
        method: 'POST',
        headers: { ...JSON_BODY, cookie: cookie.cookie, origin: 'https://evil.example' },
        body: '{"scope":"all","reason":"r"}',
      });
      assert.equal(foreign.status, 403);
      assert.deepEqual(await inForce(), []);
      assert.equal((await thaw(a, 'fz_none')).status, 404);
    });

    test('P1: within two seconds no replica forwards anything new, and every session lives on', async () => {
      const agent = await at(b);
      assert.equal(textOf(await agent.call('read', { n: 1 }).answer), 'done');
      const { by, since } = await freeze(a);
      await frozenAt(b);
      const before = upstream.calls.length;
      for (const tool of ['read', 'burst', 'create_key']) {
        const answer = await agent.call(tool, { n: 2 }).answer;
        assert.equal(answer.isError, true);
        const minute = since.slice(0, 16).replace('T', ' ');
        assert.match(
          textOf(answer),
          new RegExp(`^Frozen: everything is frozen by ${by} since ${minute} UTC: incident 7\\.`),
          tool,
        );
        assert.equal('structuredContent' in answer, false);
      }
      assert.deepEqual(await a.approvals('pending'), [], 'nobody was asked');
      const rpc = async (body: object) => {
        const response = await agent.post(body);
        const text = await response.text();
        return { status: response.status, text };
      };
      for (const [method, params] of [
        ['resources/read', { uri: 'file:///x' }],
        ['prompts/get', { name: 'x' }],
        ['completion/complete', { ref: { type: 'ref/prompt', name: 'x' }, argument: { name: 'a', value: 'b' } }],
        ['resources/subscribe', { uri: 'file:///x' }],
        ['logging/setLevel', { level: 'debug' }],
      ] as const) {
        const { status, text } = await rpc({ jsonrpc: '2.0', id: 7, method, params });
        assert.equal(status, 200, method);
        assert.match(text, /"id":7,"error":\{"code":423,"message":"Frozen: everything is frozen by admin/, method);
      }
      assert.equal((await rpc({ jsonrpc: '2.0', id: 8, result: { action: 'accept' } })).status, 423, 'an answer');
      assert.equal((await rpc({ jsonrpc: '2.0', id: 8, error: { code: 1, message: 'no' } })).status, 423);
      assert.notEqual((await rpc({ jsonrpc: '2.0', id: 8, result: {} })).status, 423, 'of a ping');
      assert.equal((await rpc({ jsonrpc: '2.0', method: 'notifications/roots/list_changed' })).status, 202, 'dropped');
      for (const method of ['ping', 'tools/list', 'resources/list', 'prompts/list']) {
        const { text } = await rpc({ jsonrpc: '2.0', id: 9, method });
        assert.doesNotMatch(text, /Frozen/, method);
      }
      const next = await at(b);
      assert.match(textOf(await next.call('read', {}).answer), /^Frozen: /, 'a new session opens, and is frozen');
      assert.equal(upstream.calls.length, before, 'the server saw no call');
      await eventually('each refusal is logged', async () => {
        const refused = (await a.events()).filter(
          ({ type, data }) => type === 'call.refused' && data.reason === 'frozen',
        );
        return refused.length >= 4 ? true : null;
      });
    });

    test('P1: of one server or one grant, and of no other', async () => {
      const [server] = [await freeze(a, { server: 'tools' })];
      await frozenAt(b);
      assert.match(textOf(await (await at(b)).call('read', {}).answer), /^Frozen: the server tools is frozen/);
      assert.equal(textOf(await (await at(b, 'other')).call('burst', {}).answer), 'done');
      await thaw(b, server.id);
      await freeze(b, { grant: 'agent' });
      await eventually(
        'the other scope',
        async () => ((await readyz(a)).frozen?.[0] === 'the grant agent' ? true : null),
        2_000,
      );
      assert.match(textOf(await (await at(a)).call('read', {}).answer), /^Frozen: the grant agent is frozen/);
      assert.match(textOf(await (await at(a, 'other')).call('burst', {}).answer), /^Frozen: the grant agent/);
      assert.equal(textOf(await (await at(a, 'tools', 'second')).call('read', {}).answer), 'done');
    });

    // Embedded, there is no other replica.
    if (!embedded)
      test('P5: once it is answered, no call within a wide limit passes, at a replica that stood still either', async () => {
        const agent = await at(b, 'other', 'second');
        // So often that it holds a part of the window.
        for (let n = 0; n < 40; n += 1) assert.equal(textOf(await agent.call('burst', { n }).answer), 'done');
        const before = upstream.count('burst');
        process.kill(b.pid, 'SIGSTOP');
        const sent: Promise<ToolAnswer>[] = [];
        try {
          await freeze(a);
          for (let n = 0; n < 5; n += 1) sent.push(agent.call('burst', { n: 100 + n }).answer);
          await sleep(100);
        } finally {
          process.kill(b.pid, 'SIGCONT');
        }
        for (const answer of await Promise.all(sent)) assert.match(textOf(answer), /^Frozen: everything is frozen/);
        assert.equal(upstream.count('burst'), before);
      });

    test('P2: what is parked stays parked, is decided, waits, and runs once after the thaw', async () => {
      const args = { name: 'parked' };
      const sent = (await at(a)).call('create_key', args, { meta: { progressToken: 'p' } });
      const { id } = await b.pending('create_key', args);
      await house.card(id);
      const { id: freezeId } = await freeze(b, { server: 'tools' }, 'because <of> that');
      await house.card(id, /is frozen.*because &lt;of&gt; that|is frozen.*because <of> that/s, 15_000);
      await house.approve(id);
      await b.reaches(id, 'approved');
      await house.card(id, /Approved, not run yet.*is frozen/s, 15_000);
      assert.equal(upstream.count('create_key', args), 0);
      assert.equal((await a.approval(id)).state, 'approved', 'the pass waits');
      assert.equal((await thaw(b, freezeId)).status, 200);
      assert.equal(textOf(await sent.answer), 'done');
      assert.equal(upstream.count('create_key', args), 1);
      await house.card(id, /Approved and done/, 15_000);
      assert.doesNotMatch(JSON.stringify((await house.card(id)).blocks), /is frozen/);
    });

    test('P4: a caller that can wait no longer is told so, and collects after the thaw', async () => {
      const args = { name: 'impatient' };
      const agent = await at(a);
      const pending = await agent.call('create_key', args).answer;
      assert.match(textOf(pending), /^Waiting for approval/);
      const { id } = noteOf(pending);
      const { id: freezeId } = await freeze(a);
      await frozenAt(b);
      const still = await agent.call('create_key', args).answer;
      assert.match(
        textOf(still),
        /^Waiting for approval(.|\n)*Meanwhile everything is frozen by admin/,
        'it joins what is parked',
      );
      await house.approve(id);
      await a.reaches(id, 'approved');
      const other = await at(b);
      const frozen = await other.call('create_key', args).answer;
      assert.match(textOf(frozen), /^Frozen: everything is frozen by admin(.|\n)*The approval is kept/);
      assert.deepEqual([noteOf(frozen).id, noteOf(frozen).state], [id, 'approved']);
      assert.equal(upstream.count('create_key', args), 0);
      await thaw(b, freezeId);
      await eventually('thawed', async () => ((await readyz(a)).frozen === undefined ? true : null));
      assert.equal(textOf(await agent.call('create_key', args).answer), 'done');
      assert.equal(upstream.count('create_key', args), 1);
    });

    test('clocks run: what nobody decides expires meanwhile', async () => {
      const sent = (await at(a)).call('charge', { name: 'late' }, { meta: { progressToken: 'p' } });
      const { id } = await a.pending('charge', { name: 'late' });
      await freeze(a);
      assert.match(textOf(await sent.answer), /^Approval expired/);
      assert.equal((await a.approval(id)).state, 'expired');
    });

    test('P4: what was sent goes on, and its answer reaches the agent', async () => {
      const held = Promise.withResolvers<void>();
      const arrived = Promise.withResolvers<void>();
      upstream.behave = async () => {
        arrived.resolve();
        await held.promise;
        return { text: 'finished' };
      };
      const args = { name: 'running' };
      const sent = (await at(a)).call('create_key', args, { meta: { progressToken: 'p' } });
      const { id } = await a.pending('create_key', args);
      await house.approve(id);
      await arrived.promise;
      await freeze(b);
      await frozenAt(a);
      held.resolve();
      assert.equal(textOf(await sent.answer), 'finished');
      assert.equal((await a.approval(id)).state, 'succeeded');
      upstream.behave = () => ({ text: 'done' });
    });

    test('P4: survives the death of every process', async () => {
      const { id } = await freeze(b, 'all', 'over night');
      await Promise.all([a.kill(), b === a ? undefined : b.kill()]);
      a = await house.start();
      b = embedded ? a : await house.start();
      assert.deepEqual(
        (await inForce()).map((one) => one.id),
        [id],
      );
      assert.match(
        textOf(await (await at(b)).call('read', {}).answer),
        /^Frozen: everything is frozen by admin since .*: over night/,
      );
    });

    test('from the command line, and on every page of the console', async () => {
      let said = '';
      const run = async (...argv: string[]): Promise<number> => {
        const kept = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: house.adminToken }, cwd: house.folder });
        const code = await runCommandLine([...argv, '--url', a.url], kept.terminal);
        said = kept.said();
        return code;
      };
      assert.equal(await run('freeze', '--server', 'tools', '--reason', 'by hand'), 0, said);
      assert.match(said, /^Frozen: the server tools, by admin since .*: by hand/);
      assert.equal(await run('freeze', '--server', 'tools', '--reason', 'again'), 1);
      assert.match(said, /^Frozen already: the server tools/);
      assert.equal(await run('thaw', '--reason', 'wrong one'), 1);
      assert.match(said, /^There is no such freeze. In force:\n {2}the server tools/);
      assert.equal(await run('freeze', '--grant', 'agent', '--reason', 'two <b>'), 0);
      const { cookie } = await visitor(a.url, house.adminToken);
      for (const path of [
        '/',
        '/activity',
        '/audit',
        '/overview',
        '/policies',
        '/grants',
        '/freezes',
        '/approvals/none',
      ]) {
        const page = await (await fetch(`${a.url}${path}`, { headers: { cookie } })).text();
        assert.match(page, /class="freeze-banner"/, path);
        assert.match(page, /2 freezes in force/, path);
        assert.match(page, /two &lt;b&gt;/, path);
      }
      assert.equal(await run('thaw', '--server', 'tools', '--reason', 'done'), 0);
      assert.match(said, /^Thawed: the server tools/);
      assert.equal(await run('thaw', '--grant', 'agent', '--reason', 'done', '--json'), 0);
      assert.equal(JSON.parse(said).scope.grant, 'agent');
      const page = await (await fetch(`${a.url}/freezes`, { headers: { cookie } })).text();
      assert.doesNotMatch(page, /freeze-banner/);
      assert.match(page, /Nothing is frozen/);
    });
  });
}

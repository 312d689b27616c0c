import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import pg from 'pg';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { clockAhead, skipWithoutFakeTime } from '../../support/gateway/other-clock.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: allow
tools:
  read_page: { risk: read }
  send: { ask_if: [{ after: { tool: "read_*", within: 1h } }], reason: It sends something out. }
  never_after: { deny_if: [{ after: { tool: "read_*", within: 1h } }] }
  delete: { require: [{ after: { tool: backup, within: 1h }, reason: Make a backup first. }] }
  in_session: { deny_if: [{ after: { tool: "read_*", within: 1h, in: session } }] }
  soon: { deny_if: [{ after: { tool: "read_*", within: 1s } }] }
  once: { deny_if: [{ after: { tool: once, within: 1h } }] }
  charge: { action: require_approval, deny_if: [{ after: { tool: charge, within: 1h } }] }
  gated_read: { action: require_approval }
  after_gated: { deny_if: [{ after: { tool: gated_read, within: 1h } }] }
  needs_gated: { require: [{ after: { tool: gated_read, within: 1h } }] }
`;
const OTHER = `version: "1"
default: deny
tools:
  post: { ask_if: [{ after: { server: tools, risk: read, within: 1h } }] }
`;

describe('conditions on earlier calls, over two gateways', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  let gateways: GatewayProcess[];
  let database: pg.Client;
  const patient = { meta: { progressToken: 'p' } };
  /** A grant of its own for each test. */
  const grants = Array.from({ length: 24 }, (_, n) => `g${n}`);
  let next = 0;

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    const databaseUrl = await backing.database();
    house = await openHouse({
      servers: {
        tools: { at: `url: "${upstream.url}"`, policy: POLICY },
        again: { at: `url: "${upstream.url.replace('127.0.0.1', 'localhost')}"`, policy: POLICY },
        out: { at: `url: "${upstream.url}?out"`, policy: OTHER },
      },
      approval: '{ timeout: 10m, max_pending: 50 }',
      grants,
      databaseUrl,
      redisUrl: backing.redis!.url,
    });
    gateways = await Promise.all([house.start(), house.start()]);
    database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
  });
  afterEach(() => {
    upstream.behave = () => ({ text: 'done' });
  });
  after(async () => {
    await database?.end();
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  const at = (grant: string, which = 0, server = 'tools') =>
    Agent.open(`${gateways[which]!.url}/mcp/${server}`, house.tokens[grant]!);
  const fresh = () => grants[next++]!;
  const said = async (agent: Agent, tool: string, args: Record<string, unknown> = {}) =>
    textOf(await agent.call(tool, args).answer);

  test('P1: what is asked about after a read is asked at the other replica too, and the card says which call it was', async () => {
    const grant = fresh();
    const [one, two] = [await at(grant, 0), await at(grant, 1)];
    assert.equal(await said(two, 'send', { n: 0 }), 'done');
    assert.equal(await said(one, 'read_page', { url: 'x' }), 'done');
    const asked = two.call('send', { n: 1 }, patient);
    const pending = await gateways[0]!.pending('send', { n: 1 });
    assert.equal(upstream.count('send', { n: 1 }), 0);
    const read = await eventually('the event', async () => {
      const events = await gateways[0]!.events();
      return events.find(({ type, data }) => type === 'call.allowed' && data.rule === 'read_page') ?? null;
    });
    const card = JSON.stringify((await house.card(pending.id)).blocks);
    assert.match(String(read.data.call), /^ca_/);
    assert.ok(card.includes(String(read.data.call)), card);
    assert.match(card, /after read_\* within 1h by the same grant/);
    await house.approve(pending.id);
    assert.equal(textOf(await asked.answer), 'done');
  });

  test('P1: a new session, another letter case, another name of the server and another replica are no way out', async () => {
    for (const [server, tool] of [
      ['tools', 'READ_PAGE'],
      ['again', 'read_page'],
      ['tools', 'read_any'],
    ] as const) {
      const grant = fresh();
      assert.equal(await said(await at(grant, 0, server), tool), 'done');
      assert.match(
        await said(await at(grant, 1), 'never_after'),
        /Policy violation: after read_\*/,
        `${server}.${tool}`,
      );
    }
  });

  test('another grant has a history of its own', async () => {
    await said(await at(fresh()), 'read_page');
    assert.equal(await said(await at(fresh()), 'never_after'), 'done');
  });

  test('a policy may ask after calls of another server, by their risk', async () => {
    const grant = fresh();
    const out = await at(grant, 1, 'out');
    assert.equal(await said(out, 'post', { n: 1 }), 'done');
    await said(await at(grant), 'read_page');
    const asked = out.call('post', { n: 2 }, patient);
    await house.deny((await gateways[1]!.pending('post', { n: 2 })).id, 'no');
    assert.match(textOf(await asked.answer), /^Denied/);
  });

  test('in: session ends with the session, and grant is the default', async () => {
    const grant = fresh();
    const agent = await at(grant);
    await said(agent, 'read_page');
    assert.match(await said(agent, 'in_session'), /Policy violation/);
    assert.equal(await said(await at(grant), 'in_session'), 'done');
  });

  test('within is over when it is over', async () => {
    const agent = await at(fresh());
    await said(agent, 'read_page');
    assert.match(await said(agent, 'soon'), /Policy violation/);
    await eventually('it is over', async () => ((await said(agent, 'soon')) === 'done' ? true : null));
  });

  test('P1: what is required needs a success, at any replica; errors, resets and a status are none', async () => {
    const grant = fresh();
    const [one, two] = [await at(grant, 0), await at(grant, 1)];
    assert.match(await said(two, 'delete'), /Policy violation: Make a backup first/);
    for (const ending of [{ text: 'no', isError: true }, 'reset', { status: 500 }, { status: 404 }] as const) {
      upstream.behave = () => ending;
      await one.call('backup', {}).answer.catch(() => null);
      upstream.behave = () => ({ text: 'done' });
      assert.match(await said(await at(grant, 1), 'delete'), /Policy violation/, JSON.stringify(ending));
    }
    const again = await at(grant, 0);
    assert.equal(await said(again, 'backup'), 'done');
    // At once: the success is remembered before the agent has the answer.
    assert.equal(await said(await at(grant, 1), 'delete'), 'done');
    assert.equal(upstream.count('delete'), 1);
  });

  test('P1: a call that is still under way has begun, and has not succeeded', async () => {
    const grant = fresh();
    const [one, two] = [await at(grant, 0), await at(grant, 1)];
    const gate = Promise.withResolvers<{ text: string }>();
    upstream.behave = ({ tool }) => (tool === 'read_page' || tool === 'backup' ? gate.promise : { text: 'done' });
    const running = [one.call('read_page', {}).answer, one.call('backup', {}).answer];
    await eventually('both arrived', async () =>
      upstream.calls
        .slice(-2)
        .map(({ tool }) => tool)
        .sort()
        .join() === 'backup,read_page'
        ? true
        : null,
    );
    assert.match(await said(two, 'never_after'), /Policy violation/);
    assert.match(await said(two, 'delete'), /Policy violation/);
    gate.resolve({ text: 'done' });
    await Promise.all(running);
    assert.equal(await said(two, 'delete'), 'done');
  });

  test('P1: of many that exclude each other, at once over both replicas, at most one runs', async () => {
    const grant = fresh();
    const agents = await Promise.all([0, 1, 0, 1, 0, 1].map((which) => at(grant, which)));
    await Promise.all(agents.map((agent, n) => agent.call('once', { n }).answer));
    assert.ok(upstream.count('once') <= 1, `${upstream.count('once')}`);
  });

  test('P1: two that are approved and exclude each other: at most one is sent', async () => {
    const grant = fresh();
    const agents = [await at(grant, 0), await at(grant, 1)];
    const sent = agents.map((agent, n) => agent.call('charge', { n }, patient));
    const ids = await eventually('both are parked', async () => {
      const all = (await gateways[0]!.approvals('pending')).filter(({ tool }) => tool === 'charge');
      return all.length === 2 ? all.map(({ id }) => id) : null;
    });
    for (const id of ids) await house.approve(id);
    const answers = (await Promise.all(sent.map(({ answer }) => answer))).map(textOf);
    // Each is remembered first and judged again, so two that come to that at once may both lapse; never do both run.
    const ran = upstream.count('charge');
    assert.ok(ran <= 1, String(ran));
    assert.equal(answers.filter((text) => text === 'done').length, ran);
    const states = await Promise.all(ids.map(async (id) => (await gateways[0]!.approval(id)).state));
    assert.deepEqual(states.sort(), ran === 1 ? ['lapsed', 'succeeded'] : ['lapsed', 'lapsed']);
  });

  test('P1: a gated call counts once it is sent, and as a success once it has succeeded', async () => {
    const grant = fresh();
    const agent = await at(grant);
    const other = await at(grant, 1);
    const sent = agent.call('gated_read', {}, patient);
    const { id } = await gateways[0]!.pending('gated_read');
    assert.equal(await said(other, 'after_gated'), 'done', 'it is only asked about');
    assert.match(await said(other, 'needs_gated'), /Policy violation/);
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    assert.match(await said(other, 'after_gated'), new RegExp(`Policy violation: .*${id}`));
    assert.equal(await said(other, 'needs_gated'), 'done');
  });

  test('P6: while nothing can be remembered, what has to be is not forwarded, and other calls are', async () => {
    const agent = await at(fresh());
    await database.query('begin; lock table holdfast.memories in access exclusive mode');
    try {
      const before = upstream.count('read_page');
      assert.equal(await said(agent, 'unnamed'), 'done');
      assert.match(await said(agent, 'read_page'), /the database does not answer/);
      assert.match(await said(agent, 'delete'), /the database does not answer/);
      assert.equal(upstream.count('read_page'), before);
    } finally {
      await database.query('commit');
    }
  });

  test('P1: kill -9 after it was remembered leaves it remembered, at every replica', async () => {
    const grant = fresh();
    const agent = await at(grant, 1);
    upstream.behave = ({ tool }) => (tool === 'read_page' ? new Promise(() => {}) : { text: 'done' });
    const count = upstream.count('read_page');
    agent.call('read_page', {}).answer.catch(() => null);
    await eventually('it arrived', async () => (upstream.count('read_page') > count ? true : null));
    await gateways[1]!.kill();
    assert.match(await said(await at(grant, 0), 'never_after'), /Policy violation/);
    gateways[1] = await house.start();
    assert.match(await said(await at(grant, 1), 'never_after'), /Policy violation/);
  });

  test('P1: a replica whose clock is an hour off remembers and looks back as the others do', {
    skip: skipWithoutFakeTime(),
  }, async () => {
    for (const seconds of [3_600, -3_600]) {
      const wrong = await house.start({ env: clockAhead(seconds) });
      const here = (grant: string) => Agent.open(`${wrong.url}/mcp/tools`, house.tokens[grant]!);
      const [one, two] = [fresh(), fresh()];
      assert.equal(await said(await here(one), 'read_page'), 'done');
      assert.match(await said(await at(one), 'never_after'), /Policy violation/, `${seconds}`);
      await eventually('it is over', async () => ((await said(await at(one), 'soon')) === 'done' ? true : null));
      assert.equal(await said(await at(two), 'backup'), 'done');
      assert.equal(await said(await here(two), 'delete'), 'done');
      assert.match(await said(await here(fresh()), 'delete'), /Policy violation/);
      assert.equal(await said(await at(two), 'read_page'), 'done');
      assert.match(await said(await here(two), 'never_after'), /Policy violation/, `${seconds}`);
      await wrong.stop();
    }
  });

  // These raise alarms, so they come last.
  test('P1: a forged success is not believed', async () => {
    const grant = fresh();
    const agent = await at(grant);
    const place = JSON.stringify([grant, 'grant', 'succeeded', '["tools","backup",null]']);
    const forge =
      "insert into holdfast.memories (place, ref, at, until, seal) values ($1, $2, now(), now() + interval '1 hour', $3)";
    await database.query(forge, [place, 'ca_forged', 'x']);
    assert.match(
      await said(agent, 'delete'),
      /Policy violation: after backup.*cannot be believed|Policy violation: Make a backup/,
    );
    // One that a gateway wrote for somebody else does not fit either.
    await database.query('delete from holdfast.memories where ref = $1', ['ca_forged']);
    const stolen = `insert into holdfast.memories select $1, ref, at, until, seal from holdfast.memories where place like '%"succeeded"%' limit 1`;
    await database.query(stolen, [place]);
    assert.match(await said(agent, 'delete'), /Policy violation/);
    await database.query('delete from holdfast.memories where place = $1', [place]);
  });

  test('P1: a beginning that somebody deletes still counts where it was written, and raises the alarm', async () => {
    const grant = fresh();
    const agent = await at(grant);
    await said(agent, 'read_page');
    await database.query(`delete from holdfast.memories where place like $1`, [`["${grant}"%`]);
    assert.match(await said(agent, 'never_after'), /Policy violation/);
    await eventually('an alarm', async () => {
      const response = await fetch(`${gateways[0]!.url}/readyz`);
      return (await response.text()).includes('memories') ? true : null;
    });
  });
});

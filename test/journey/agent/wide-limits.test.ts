import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Client } from 'pg';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const MAX = 300;
/** What one process holds of such a window at most. */
const HELD = 6;

const POLICY = `version: "1"
default: deny
tools:
  read: { limits: [{ counter: reads, window: month, max: ${MAX}, scope: grant }] }
  gated:
    action: require_approval
    limits: [{ counter: reads, window: month, max: ${MAX}, scope: grant }]
`;

describe('wide limits over two gateways, which take quota in advance', {
  skip: skipWithoutBacking('redis and postgres'),
}, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  let database: Client;
  let gateways: GatewayProcess[];
  const patient = { meta: { progressToken: 'p' } };
  const at = (n: number, grant: string) => Agent.open(`${gateways[n]!.url}/mcp/tools`, house.tokens[grant]!);
  const rows = async (text: string, values: unknown[] = []) => (await database.query(text, values)).rows;
  const partsOf = (grant: string) =>
    rows('select size::int as size, recalls from holdfast.quota_parts where key like $1', [`%"reads"%"${grant}"%`]);
  const usedBy = async (grant: string): Promise<number> =>
    (await rows('select used::int as used from holdfast.counters where key like $1', [`%"reads"%"${grant}"%`]))[0]
      ?.used;
  /** From now on what no gateway holds is used up. */
  const fill = (grant: string) =>
    rows('update holdfast.counters set used = $2 where key like $1', [`%"reads"%"${grant}"%`, MAX]);
  /** Calls one gateway so often that it holds parts of the counter. */
  const holdParts = async (agent: Agent, grant: string): Promise<void> => {
    await eventually('it holds a part', async () => {
      assert.equal(textOf(await agent.call('read', { warm: grant }).answer), 'done');
      return (await partsOf(grant)).length > 0 ? true : null;
    });
  };

  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    const databaseUrl = await backing.database();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, max_pending: 50 }',
      grants: ['storm', 'held', 'stopped', 'killed', 'lowered', 'unsent'],
      databaseUrl,
      redisUrl: backing.redis!.url,
    });
    gateways = await Promise.all([house.start(), house.start()]);
    database = new Client({ connectionString: databaseUrl });
    await database.connect();
  });
  after(async () => {
    await database?.end();
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  test('P5: calls at once over two gateways: exactly max are let through, all of it, and each has its event', async () => {
    const agents = await Promise.all([at(0, 'storm'), at(0, 'storm'), at(0, 'storm'), at(1, 'storm')]);
    const answers: string[] = [];
    let next = 0;
    const line = async (n: number): Promise<void> => {
      while (next < MAX + 100) {
        next += 1;
        answers.push(textOf(await agents[n % 4]!.call('read', { storm: next }).answer));
      }
    };
    await Promise.all(Array.from({ length: 24 }, (_, n) => line(n)));
    assert.equal(answers.filter((text) => text === 'done').length, MAX);
    assert.equal(upstream.count('read'), MAX);
    assert.ok(answers.filter((text) => text !== 'done').every((text) => /^Rate limited: reads allows 300/.test(text)));
    assert.equal(await usedBy('storm'), MAX);
    await eventually('all of them are in the log', async () => {
      const [{ n }] = (await rows(
        `select count(*)::int as n from holdfast.events where type = 'call.allowed' and grant_name = 'storm'`,
      )) as [{ n: number }];
      return n === MAX ? true : null;
    });
  });

  test('P5: an approved call that meets a full window gets what another gateway holds of it', async () => {
    const [busy, gated] = await Promise.all([at(0, 'held'), at(1, 'held')]);
    const sent = gated.call('gated', { n: 1 }, patient);
    const { id } = await gateways[1]!.pending('gated', { n: 1 });
    await holdParts(busy, 'held');
    await fill('held');
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    assert.ok((await usedBy('held')) <= MAX);
    const [counter] = await rows('select recalls from holdfast.counters where key like $1', ['%"reads"%"held"%']);
    assert.equal(counter.recalls, 1, 'it was called back, and did not come back by itself');
  });

  test('P5: one that stands still and holds quota: the caller is told to come again soon; what is left of it comes back', async () => {
    const [busy, gated] = await Promise.all([at(0, 'stopped'), at(1, 'stopped')]);
    const sent = gated.call('gated', { n: 2 }, patient);
    const { id } = await gateways[1]!.pending('gated', { n: 2 });
    await holdParts(busy, 'stopped');
    process.kill(gateways[0]!.pid, 'SIGSTOP');
    try {
      assert.ok((await partsOf('stopped')).length > 0);
      await fill('stopped');
      const decided = gateways[1]!.api(`/api/approvals/${id}/decisions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ decision: 'approve', fingerprint: (await gateways[1]!.approval(id)).fingerprint }),
      });
      const told = await sent.answer;
      await decided;
      assert.match(textOf(told), /^Rate limited: .* is approved, but reads has no room/);
      assert.ok(noteOf(told).retryAfter! <= 5, `${noteOf(told).retryAfter} s`);
      assert.equal((await gateways[1]!.approval(id)).state, 'approved', 'the pass stays');
    } finally {
      process.kill(gateways[0]!.pid, 'SIGCONT');
    }
    const ran = await eventually('its quota is back', async () => {
      const answer = await gated.call('gated', { n: 2 }, patient).answer;
      return textOf(answer) === 'done' ? answer : null;
    });
    assert.equal(textOf(ran), 'done');
    assert.equal(upstream.count('gated', { n: 2 }), 1);
  });

  test('P5: a gateway that is killed loses what it held, and no other gives it again', async () => {
    const before = upstream.count('read');
    const dying = await house.start();
    const agent = await Agent.open(`${dying.url}/mcp/tools`, house.tokens.killed!);
    await holdParts(agent, 'killed');
    const calls = Array.from({ length: 40 }, (_, n) => agent.call('read', { killed: n }).answer.catch(() => null));
    await Promise.all(calls.slice(0, 10));
    await dying.kill();
    // What was counted and on its way when it died may never have arrived.
    const unanswered = (await Promise.all(calls)).filter((answer) => answer === null).length;
    const other = await at(1, 'killed');
    let told = '';
    while (!told.startsWith('Rate limited')) told = textOf(await other.call('read', { after: 'it' }).answer);
    const arrived = upstream.count('read') - before;
    assert.ok(arrived <= MAX && arrived >= MAX - HELD - unanswered, `${arrived} of ${MAX}, ${unanswered} unanswered`);
    assert.equal(await usedBy('killed'), MAX);
  });

  test('P5: quota of calls that reached no server is given back, and a policy that is loaded ends all parts', async () => {
    const agent = await at(1, 'unsent');
    await holdParts(agent, 'unsent');
    const before = await usedBy('unsent');
    await upstream.shut();
    for (let n = 0; n < 20; n += 1) {
      const params = { name: 'read', arguments: { gone: n } };
      assert.equal((await agent.post({ jsonrpc: '2.0', id: `g${n}`, method: 'tools/call', params })).status, 502);
    }
    await upstream.open();
    assert.ok((await usedBy('unsent')) <= before + HELD);
    house.writePolicy('tools', POLICY.replaceAll(`max: ${MAX}`, 'max: 120'));
    await eventually('all parts are back', async () => ((await partsOf('unsent')).length === 0 ? true : null));
    const lowered = await at(1, 'lowered');
    let passed = 0;
    while (textOf(await lowered.call('read', { lowered: passed }).answer) === 'done') passed += 1;
    assert.equal(passed, 120);
  });

  test('P5: a gateway that stops gives back what it holds', async () => {
    const stopping = await house.start();
    const agent = await Agent.open(`${stopping.url}/mcp/tools`, house.tokens.agent!);
    await eventually('it holds a part', async () => {
      assert.equal(textOf(await agent.call('read', { last: true }).answer), 'done');
      return (await partsOf('agent')).length > 0 ? true : null;
    });
    const arrived = upstream.count('read', { last: true });
    await stopping.stop();
    assert.deepEqual(await partsOf('agent'), []);
    assert.equal(await usedBy('agent'), arrived);
  });
});

import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Redis } from 'ioredis';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type ApiEvent, type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { restore, snapshot } from '../../support/store/back-in-time.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  read: {}
  create_key: { action: require_approval }
`;

interface Ready {
  readonly gated: boolean;
  readonly parts: Record<string, string>;
  readonly alarms?: readonly { readonly kind: string; readonly about: string; readonly why: string }[];
}

/** A database that is put back to an earlier time: a restored backup, a standby that lacked the last commits. */
describe('a database that goes back in time', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let database: string;
  let house: House;
  let gateway: GatewayProcess;
  let agent: Agent;
  let made = 0;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
  });
  after(async () => {
    await upstream.close();
    await backing.stop();
  });
  beforeEach(async () => {
    database = await backing.database();
  });
  afterEach(() => house?.close());

  const open = async (redisUrl?: string) => {
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 1s, progress: 60s } }',
      databaseUrl: database,
      ...(redisUrl === undefined ? {} : { redisUrl }),
    });
    gateway = await house.start();
    agent = await connect(gateway);
  };
  const connect = (to: GatewayProcess) => Agent.open(`${to.url}/mcp/tools`, house.tokens.agent!);
  const patient = { meta: { progressToken: 'p' } };
  const nameOf = (): string => {
    made += 1;
    return `backup_${made}`;
  };
  const ready = async (at = gateway): Promise<Ready> => (await (await at.api('/readyz')).json()) as Ready;
  const alarmed = (at = gateway) =>
    eventually(
      'the alarm',
      async () => {
        const now = await ready(at).catch(() => null);
        return now?.alarms?.some(({ kind }) => kind === 'went_back') ? now : null;
      },
      20_000,
    );
  const calm = (at = gateway) =>
    eventually('the alarm is over', async () => ((await ready(at).catch(() => null))?.gated ? true : null), 20_000);
  const event = (type: string, at = gateway): Promise<ApiEvent> =>
    eventually(type, async () => (await at.events()).find((one) => one.type === type) ?? null, 20_000);
  const accept = async (at = gateway) => {
    const response = await at.api('/api/store/accept', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'restored on purpose' }),
    });
    assert.equal(response.status, 200, await response.clone().text());
    return (await response.json()) as { unknown: string[]; restored: string[]; ended: string[]; found: unknown[] };
  };
  /** Parks a call, copies the database, lets the call run, and puts the copy back. */
  const runAndGoBack = async (args: { name: string }) => {
    const sent = agent.call('create_key', args, patient);
    const { id } = await gateway.pending('create_key', args);
    await house.card(id);
    const backup = nameOf();
    await snapshot(database, backup);
    await eventually('the gateway is back', async () => ((await ready().catch(() => null))?.gated ? true : null));
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    await gateway.reaches(id, 'succeeded');
    return { id, backup };
  };

  test('P2: restored while it runs, a call does not run twice; an operator accepts; it goes on', async () => {
    await open();
    const args = { name: 'once' };
    const { id, backup } = await runAndGoBack(args);
    await restore(database, backup);
    const { alarms } = await alarmed();
    assert.ok(
      alarms!.some(({ why }) => why.includes(id)),
      JSON.stringify(alarms),
    );
    assert.equal((await gateway.api('/readyz?gated=1')).status, 503);
    assert.equal((await gateway.api('/readyz')).status, 200);
    const told = await event('log.went_back');
    assert.ok((told.data.approvals as string[]).includes(id));
    await house.card(id, /Holdfast will not run this/);
    assert.equal((await gateway.approval(id)).broken, 'older');
    const decided = await gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"decision":"approve"}',
    });
    assert.equal(decided.status, 403, 'nobody can decide it again');
    assert.match(textOf(await agent.call('create_key', args).answer), /^Cannot decide/);
    assert.equal(textOf(await agent.call('read', {}).answer), 'done', 'what needs no approval goes on');
    const done = await accept();
    assert.deepEqual(done.unknown, [id]);
    assert.equal((await gateway.reaches(id, 'unknown')).broken, null);
    await calm();
    assert.equal((await event('store.accepted')).data.reason, 'restored on purpose');
    const again = agent.call('create_key', { name: 'another' }, patient);
    const next = await gateway.pending('create_key', { name: 'another' });
    await house.approve(next.id);
    assert.equal(textOf(await again.answer), 'done', 'what is asked anew runs');
    assert.deepEqual([upstream.count('create_key', args), upstream.count('create_key', { name: 'another' })], [1, 1]);
  });

  test('P2: restored while it is stopped, it is found at the start, from the file alone, and after a second start too', async () => {
    await open();
    const args = { name: 'file' };
    const { id, backup } = await runAndGoBack(args);
    await gateway.kill();
    // The crash tore the last line.
    const folder = join(house.folder, 'data', 'witness');
    for (const name of readdirSync(folder)) appendFileSync(join(folder, name), '1torn');
    await restore(database, backup);
    gateway = await house.start();
    assert.equal((await alarmed()).gated, false);
    await gateway.kill();
    gateway = await house.start();
    await alarmed();
    agent = await connect(gateway);
    assert.match(textOf(await agent.call('create_key', args).answer), /^Cannot decide/);
    assert.deepEqual((await accept()).unknown, [id]);
    await calm();
    await gateway.kill();
    gateway = await house.start();
    assert.equal((await ready()).gated, true, 'what was accepted stays accepted');
    assert.equal(upstream.count('create_key', args), 1);
  });

  test('P2: an approval that the database lost altogether is there again, and the same call is told of it', async () => {
    await open();
    const backup = nameOf();
    await snapshot(database, backup);
    await eventually('the gateway is back', async () => ((await ready().catch(() => null))?.gated ? true : null));
    const args = { name: 'lost' };
    const sent = agent.call('create_key', args, patient);
    const { id } = await gateway.pending('create_key', args);
    await house.approve(id);
    assert.equal(textOf(await sent.answer), 'done');
    await restore(database, backup);
    await alarmed();
    assert.deepEqual((await accept()).restored, [id]);
    assert.equal((await gateway.reaches(id, 'unknown')).broken, null);
    await calm();
    agent = await connect(gateway);
    await agent.call('create_key', args).answer;
    assert.equal((await gateway.pending('create_key', args)).previousUnknown, id);
  });

  test('P2: another replica knows it by Redis, whose entries nobody else can write; flushed, the file knows it', async () => {
    const { redis } = backing;
    await open(redis!.url);
    const args = { name: 'shared' };
    const { id, backup } = await runAndGoBack(args);
    await gateway.kill();
    const client = new Redis(redis!.url);
    const keys = await client.keys('holdfast:witness:*:passes');
    for (const key of keys) {
      // Somebody with Redis says of every pass that it was given back, and invents one.
      for (const [field, text] of Object.entries(await client.hgetall(key))) {
        assert.ok(text.includes('"pass"'));
        await client.hset(key, `${field} copy`, text.replace(/false\]$/, 'true]'));
      }
    }
    await restore(database, backup);
    const elsewhere = { HOLDFAST_DATA: join(house.folder, 'elsewhere') };
    gateway = await house.start({ env: elsewhere });
    const { alarms } = await alarmed();
    assert.ok(
      alarms!.some(({ why }) => why.includes(id)),
      JSON.stringify(alarms),
    );
    await gateway.kill();
    await client.flushall();
    client.disconnect();
    gateway = await house.start();
    assert.ok(
      (await alarmed()).alarms!.some(({ why }) => why.includes(id)),
      'the file of the first one knows it',
    );
    const second = await house.start({ env: elsewhere });
    await alarmed(second);
    assert.deepEqual((await accept()).unknown, [id]);
    await Promise.all([calm(), calm(second)]);
    assert.equal(upstream.count('create_key', args), 1);
  });

  test('P6: with Redis away the file serves alone and is said to; with neither, an approved call is not sent', async () => {
    await open(backing.redis!.url);
    const folder = join(house.folder, 'data', 'witness');
    await backing.redis!.kill();
    try {
      const args = { name: 'alone' };
      const sent = agent.call('create_key', args, patient);
      const { id } = await gateway.pending('create_key', args);
      await decide(id);
      assert.equal(textOf(await sent.answer), 'done');
      const { parts } = await ready();
      assert.match(parts.witness!, /^Redis: .*The others serve alone/);
      // The folder is gone and cannot be made again.
      rmSync(folder, { recursive: true });
      writeFileSync(folder, '');
      const second = agent.call('create_key', { name: 'neither' }, patient);
      const next = await gateway.pending('create_key', { name: 'neither' });
      await decide(next.id);
      assert.match(textOf(await second.answer), /^Cannot (send|decide)/);
      assert.equal((await gateway.approval(next.id)).state, 'approved', 'it keeps its pass');
      assert.equal(upstream.count('create_key', { name: 'neither' }), 0);
      assert.match((await ready()).parts.witness!, /not sent until/);
    } finally {
      await backing.redis!.begin();
    }
    const sent = await eventually('it is sent', async () => {
      const answer = textOf(await agent.call('create_key', { name: 'neither' }).answer);
      return answer === 'done' ? answer : null;
    });
    assert.equal(sent, 'done');
    assert.equal(upstream.count('create_key', { name: 'neither' }), 1);
  });

  const decide = async (id: string) => {
    const response = await gateway.api(`/api/approvals/${id}/decisions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"decision":"approve"}',
    });
    assert.equal(response.status, 200, await response.clone().text());
  };

  test('P7: a migration that is played again is noticed, although nothing in the database tells of it', async () => {
    await open();
    await gateway.stop();
    await query(
      database,
      `delete from holdfast.epoch; update holdfast.events set seal = null, type = 'x' where type = 'seals.began';
        update holdfast.events set seal = null`,
    );
    gateway = await house.start();
    const why = await eventually('the alarm', async () => {
      const { alarms } = await ready();
      return alarms?.find(({ kind, about }) => kind === 'seal_broken' && about === 'epoch')?.why ?? null;
    });
    assert.match(why, /^the record of when seals began is missing/);
    assert.deepEqual(await query(database, 'select log from holdfast.epoch'), [], 'seals do not begin anew');
    await accept();
    await calm();
    await gateway.stop();
    gateway = await house.start();
    await calm();
  });

  test('P7: the last line of checkpoints.jsonl is compared at the start', async () => {
    await open();
    const backup = nameOf();
    await snapshot(database, backup);
    const file = join(house.folder, 'data', 'checkpoints.jsonl');
    await gateway.stop();
    assert.match(readFileSync(file, 'utf8'), /"checkpoint"/);
    rmSync(join(house.folder, 'data', 'witness'), { recursive: true });
    await restore(database, backup);
    gateway = await house.start();
    const { alarms } = await alarmed();
    assert.ok(
      alarms!.some(({ about }) => about.startsWith('checkpoints.jsonl')),
      JSON.stringify(alarms),
    );
    await accept();
    await calm();
    await gateway.kill();
    gateway = await house.start();
    assert.equal((await ready()).gated, true);
  });
});

import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { restore, snapshot } from '../../support/store/back-in-time.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
`;
const JSON_BODY = { 'content-type': 'application/json' };
const patient = { meta: { progressToken: 'p' } };

/** What is in the row of before, of all that says how it stands. */
const STANDING = `state = b.state, revision = b.revision, pickup_until = b.pickup_until, state_revision = b.state_revision,
  state_seal = b.state_seal, request = b.request, note = b.note, result_until = b.result_until, dispatcher = null,
  lease_until = null, awaits = null`;

/** Where the agent tries again: which of these knows of the end by what witness. */
const PLACES = ['the same replica', 'the same replica, started again', 'another replica that shares Redis'] as const;

/** A no, or a yes that was taken back, that the database forgets: by somebody's hand, or by a fail-over. */
describe('a question that has ended and whose row is put back', {
  skip: skipWithoutBacking('redis and postgres'),
}, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let database: string;
  let house: House;
  let gateway: GatewayProcess;
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

  const sql = (text: string) => query(database, text);
  const connect = (to: GatewayProcess) => Agent.open(`${to.url}/mcp/tools`, house.tokens.agent!);
  const post = (path: string, body: object, to = gateway) =>
    to.api(path, { method: 'POST', headers: JSON_BODY, body: JSON.stringify(body) });
  const alarmed = (to: GatewayProcess) =>
    eventually(
      'the alarm',
      async () => {
        const found = (await (await to.api('/readyz')).json()) as { gated: boolean };
        return found.gated ? null : true;
      },
      20_000,
    );
  const open = async (redis: boolean) => {
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 500ms, progress: 10s } }',
      operators: '[admin]',
      databaseUrl: database,
      ...(redis ? { redisUrl: backing.redis!.url } : {}),
    });
    gateway = await house.start();
  };
  const ask = async (args: Record<string, unknown>): Promise<string> => {
    await (await connect(gateway)).call('create_key', args).answer;
    return (await gateway.pending('create_key', args)).id;
  };
  const unspent = async (args: Record<string, unknown>): Promise<string> => {
    const id = await ask(args);
    await house.approve(id);
    await gateway.reaches(id, 'approved');
    return id;
  };
  const takeBack = async (id: string): Promise<void> => {
    const answer = await post(`/api/approvals/${id}/take-back`, { reason: 'not today' });
    assert.equal(answer.status, 200, await answer.text());
  };
  const deny = async (id: string): Promise<void> => {
    const answer = await post(`/api/approvals/${id}/decisions`, { decision: 'deny', reason: 'no' });
    assert.equal(answer.status, 200, await answer.text());
  };
  /** Nothing in the log remembers the end, and the row is as it was. */
  const putBack = async (id: string): Promise<void> => {
    await sql(`delete from holdfast.events where approval_id = '${id}' and (type in ('approval.taken_back',
      'approval.lapsed', 'approval.withdrawn') or body like '%"state":"denied"%')`);
    await sql(`delete from holdfast.decisions where approval_id = '${id}' and choice = 'deny'`);
    await sql(`update holdfast.approvals a set ${STANDING} from before b where a.id = b.id and a.id = '${id}'`);
  };
  const remember = (id: string) => sql(`create table before as select * from holdfast.approvals where id = '${id}'`);

  for (const place of PLACES) {
    test(`P2: a yes that was taken back does not run at ${place}`, async () => {
      await open(place.includes('Redis'));
      const other = place.includes('another')
        ? await house.start({ env: { HOLDFAST_DATA: join(house.folder, 'other-data') } })
        : null;
      const args = { name: `taken back, ${place}` };
      const id = await unspent(args);
      await remember(id);
      await takeBack(id);
      if (place.includes('again')) await gateway.stop();
      await putBack(id);
      gateway = other ?? (place.includes('again') ? await house.start() : gateway);
      const answer = textOf(await (await connect(gateway)).call('create_key', args, patient).answer);
      assert.equal(upstream.count('create_key', args), 0, answer);
      await alarmed(gateway);
    });
  }

  test('P1: a no whose row and events are put back is asked once more of nobody, and a yes to it runs nothing', async () => {
    await open(false);
    const args = { name: 'denied' };
    const id = await ask(args);
    await remember(id);
    await deny(id);
    await putBack(id);
    await post(`/api/approvals/${id}/decisions`, { decision: 'approve' });
    const answer = textOf(await (await connect(gateway)).call('create_key', args, patient).answer);
    assert.equal(upstream.count('create_key', args), 0, answer);
    await alarmed(gateway);
  });

  test('P2: a trigger that puts the row back in the transaction that took it back, and swallows its event, lets nothing run', async () => {
    await open(false);
    const args = { name: 'by a trigger' };
    const id = await unspent(args);
    await remember(id);
    await sql(`create function put_back() returns trigger language plpgsql as $$ begin
      if new.state = 'lapsed' then update holdfast.approvals a set ${STANDING} from public.before b where a.id = b.id; end if;
      return null; end $$`);
    await sql('create trigger put_back after update on holdfast.approvals for each row execute function put_back()');
    await sql(`create function swallow() returns trigger language plpgsql as $$ begin
      if new.body like '%taken_back%' then return null; end if; return new; end $$`);
    await sql('create trigger swallow before insert on holdfast.events for each row execute function swallow()');
    await takeBack(id);
    const answer = textOf(await (await connect(gateway)).call('create_key', args, patient).answer);
    assert.equal(upstream.count('create_key', args), 0, answer);
    await alarmed(gateway);
  });

  test('P1: a trigger that keeps a no, and a take-back, from their rows does not keep them from stopping the call', async () => {
    await open(true);
    const other = await house.start({ env: { HOLDFAST_DATA: join(house.folder, 'other-data') } });
    const [asked, taken] = [{ name: 'kept from no' }, { name: 'kept from being taken back' }];
    const ids = [await ask(asked), await unspent(taken)] as const;
    await sql(`create function keep() returns trigger language plpgsql as $$ begin
      if new.state in ('denied', 'lapsed') then return old; end if; return new; end $$`);
    await sql('create trigger keep before update on holdfast.approvals for each row execute function keep()');
    const swallow = `create function swallow() returns trigger language plpgsql as $$ begin return null; end $$`;
    await sql(swallow);
    for (const table of ['events', 'notices']) {
      await sql(`create trigger swallow before insert on holdfast.${table} for each row execute function swallow()`);
    }
    const denied = await post(`/api/approvals/${ids[0]}/decisions`, { decision: 'deny', reason: 'no' });
    assert.notEqual(denied.status, 200);
    assert.equal((await post(`/api/approvals/${ids[1]}/take-back`, { reason: 'no' })).status, 409);
    for (const table of ['events', 'notices']) await sql(`drop trigger swallow on holdfast.${table}`);
    await post(`/api/approvals/${ids[0]}/decisions`, { decision: 'approve' }, other);
    const agent = await connect(other);
    for (const args of [asked, taken]) {
      const answer = textOf(await agent.call('create_key', args, patient).answer);
      assert.equal(upstream.count('create_key', args), 0, answer);
    }
    await alarmed(other);
  });

  test('P2: a fail-over that loses the take-back does not let the call run; an operator accepts, and it has lapsed', async () => {
    await open(false);
    const args = { name: 'lost' };
    const id = await unspent(args);
    await snapshot(database, 'before_taking_back');
    await eventually('the gateway is back', async () => ((await gateway.api('/readyz')).ok ? true : null));
    await eventually('taken back', async () =>
      (await post(`/api/approvals/${id}/take-back`, { reason: 'not today' })).ok ? true : null,
    );
    await restore(database, 'before_taking_back');
    const answer = textOf(await (await connect(gateway)).call('create_key', args, patient).answer);
    assert.equal(upstream.count('create_key', args), 0, answer);
    await alarmed(gateway);
    const accepted = await post('/api/store/accept', { reason: 'promoted' });
    assert.equal(accepted.status, 200);
    assert.deepEqual(((await accepted.json()) as { ended: string[] }).ended, [id]);
    await gateway.reaches(id, 'lapsed');
    await eventually('no alarm', async () => ((await gateway.api('/readyz?gated=1')).ok ? true : null), 20_000);
    assert.equal(upstream.count('create_key', args), 0);
  });

  test('P2: a freeze that a fail-over loses at once is missed by the next process too', async () => {
    await open(false);
    await snapshot(database, 'before_the_freeze');
    const frozen = await eventually('frozen', async () => {
      const answer = await post('/api/freeze', { scope: 'all', reason: 'incident 9' });
      return answer.status === 201 ? true : null;
    });
    assert.ok(frozen);
    await gateway.kill();
    await restore(database, 'before_the_freeze');
    gateway = await house.start();
    await alarmed(gateway);
  });

  test('P6: while no witness can be written, whoever says no is told that it is not recorded; it stands, and is told later', async () => {
    await open(false);
    const args = { name: 'nobody remembers' };
    const id = await unspent(args);
    await remember(id);
    const folder = join(house.folder, 'data', 'witness');
    rmSync(folder, { recursive: true });
    writeFileSync(folder, '');
    const told = await post(`/api/approvals/${id}/take-back`, { reason: 'stop' });
    assert.equal(told.status, 503);
    assert.match(await told.text(), /is lapsed in the database, and nothing outside it could record that/);
    await gateway.reaches(id, 'lapsed');
    await putBack(id);
    const agent = await connect(gateway);
    await agent.call('create_key', args).answer;
    rmSync(folder);
    await eventually(
      'the witness is back',
      async () => ((await (await gateway.api('/readyz')).text()).includes('"witness":"ok"') ? true : null),
      20_000,
    );
    const answer = textOf(await agent.call('create_key', args, patient).answer);
    assert.equal(upstream.count('create_key', args), 0, answer);
    await alarmed(gateway);
  });

  test('P2: an end that its process told nobody of, because it died, is told to the witness by the next one', async () => {
    await open(false);
    const args = { name: 'died' };
    const id = await unspent(args);
    await remember(id);
    await takeBack(id);
    await gateway.kill();
    rmSync(join(house.folder, 'data', 'witness'), { recursive: true });
    gateway = await house.start();
    await putBack(id);
    const answer = textOf(await (await connect(gateway)).call('create_key', args, patient).answer);
    assert.equal(upstream.count('create_key', args), 0, answer);
    await alarmed(gateway);
  });
});

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { clockAhead, skipWithoutFakeTime } from '../../support/gateway/other-clock.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
`;
const TEN_YEARS = '10 years';

/** Somebody who owns the database and its clock. There is no Redis, so each node remembers what it sent itself. */
describe('a database whose clock is set, without Redis', { skip: skipWithoutBacking('postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  let database: string;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('postgres'), countingUpstream()]);
  });
  after(async () => {
    await upstream.close();
    await backing.stop();
  });
  afterEach(() => house?.close());

  const connect = (to: GatewayProcess) => Agent.open(`${to.url}/mcp/tools`, house.tokens.agent!);
  const patient = { meta: { progressToken: 'p' } };
  const sql = (text: string) => query(database, text);
  const setClock = (by: string) =>
    sql(`create or replace function pg_catalog.clock_timestamp() returns timestamptz language sql volatile
      as $$ select pg_catalog.statement_timestamp() + interval '${by}' $$`);
  async function open(): Promise<GatewayProcess> {
    database = await backing.database();
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 10m, hold: { default: 500ms, progress: 10s } }',
      databaseUrl: database,
    });
    return house.start();
  }
  const clocks = async (gateway: GatewayProcess) =>
    ((await (await gateway.api('/readyz')).json()) as { parts: Record<string, string> }).parts.clock!;

  for (const place of ['the same process', 'one that started while the clock was wrong'] as const) {
    test(`P2: ten years ahead and back, with row and events put back, a pass runs no second time at ${place}`, async () => {
      let gateway = await open();
      const agent = await connect(gateway);
      const args = { name: place };
      await agent.call('create_key', args).answer;
      const { id } = await gateway.pending('create_key', args);
      await house.approve(id);
      await gateway.reaches(id, 'approved');
      await sql(`create table before as select * from holdfast.approvals where id = '${id}'`);
      assert.equal(textOf(await agent.call('create_key', args, patient).answer), 'done');
      await gateway.reaches(id, 'succeeded');
      await setClock(TEN_YEARS);
      await eventually(
        'it is noticed',
        async () => (/behind the database/.test(await clocks(gateway)) ? true : null),
        15_000,
      );
      if (place !== 'the same process') {
        await gateway.stop();
        gateway = await house.start();
      }
      // It is compared with its witnesses every 10 s, and looks what is over then.
      const compared = Date.now() + 11_000;
      await eventually('it was compared', async () => (Date.now() > compared ? true : null), 15_000);
      await setClock('0 s');
      await eventually(
        'the clock is right again',
        async () => ((await clocks(gateway)) === 'ok' ? true : null),
        15_000,
      );
      await sql(
        `delete from holdfast.events where approval_id = '${id}' and type in ('call.dispatched', 'call.succeeded')`,
      );
      await sql(`update holdfast.approvals a set state = b.state, revision = b.revision, pickup_until = b.pickup_until,
        state_revision = b.state_revision, state_seal = b.state_seal, request = b.request, dispatcher = null,
        lease_until = null, result = null, result_until = b.result_until, note = b.note, awaits = null
        from before b where a.id = b.id`);
      const answer = textOf(await (await connect(gateway)).call('create_key', args, patient).answer);
      assert.equal(upstream.count('create_key', args), 1, answer);
      assert.notEqual(answer, 'done');
    });
  }

  test('P2: a pass that is long over by this machine’s clock is not sent: nobody may remember any more that it was', {
    skip: skipWithoutFakeTime(),
  }, async () => {
    const right = await open();
    await right.stop();
    const gateway = await house.start({ env: clockAhead(10 * 3_600) });
    const agent = await connect(gateway);
    const args = { name: 'long over' };
    await agent.call('create_key', args).answer;
    const { id } = await gateway.pending('create_key', args);
    await house.approve(id);
    await gateway.reaches(id, 'approved');
    const answer = textOf(await agent.call('create_key', args, patient).answer);
    assert.match(answer, /^Cannot send/);
    const returned = (await gateway.events(id)).find(({ type }) => type === 'call.returned');
    assert.match(String(returned?.data.why), /this machine's clock/);
    assert.match(await clocks(gateway), /ahead of the database/);
    assert.equal(upstream.count('create_key', args), 0);
    assert.equal((await gateway.approval(id)).state, 'approved', 'the yes is kept');
    await gateway.stop();
    const again = await house.start();
    assert.equal(textOf(await (await connect(again)).call('create_key', args, patient).answer), 'done');
    assert.equal(upstream.count('create_key', args), 1);
  });
});

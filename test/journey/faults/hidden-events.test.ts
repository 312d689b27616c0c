import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
`;

/** What somebody with the database does to the events that say that a call was sent and has ended. */
const HIDINGS: readonly (readonly [string, (id: string) => readonly string[]])[] = [
  ['taken from their approval', (id) => [`update holdfast.events set approval_id = null where ${sent(id)}`]],
  [
    'called something else',
    (id) => [`update holdfast.events set type = 'call.returned', approval_id = 'ap_x' where ${sent(id)}`],
  ],
  ['deleted', (id) => [`delete from holdfast.events where ${sent(id)}`]],
];

function sent(id: string): string {
  return `approval_id = '${id}' and type in ('call.dispatched', 'call.succeeded')`;
}

/** Where the agent tries again: which of these knows of the call by what witness. */
const PLACES = ['the same replica', 'the same replica, started again', 'another replica that shares Redis'] as const;

describe('a spent pass whose row is put back and whose events are hidden', {
  skip: skipWithoutBacking('redis and postgres'),
}, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
  });
  after(async () => {
    await upstream.close();
    await backing.stop();
  });
  afterEach(() => house?.close());

  const connect = (to: GatewayProcess) => Agent.open(`${to.url}/mcp/tools`, house.tokens.agent!);
  const patient = { meta: { progressToken: 'p' } };

  for (const place of PLACES) {
    for (const [name, hide] of HIDINGS) {
      test(`P2: with its events ${name}, it runs no second time at ${place}`, async () => {
        const database = await backing.database();
        const sql = (text: string) => query(database, text);
        house = await openHouse({
          servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
          approval: '{ timeout: 10m, hold: { default: 500ms, progress: 10s } }',
          databaseUrl: database,
          ...(place.includes('Redis') ? { redisUrl: backing.redis!.url } : {}),
        });
        let gateway = await house.start();
        const other = place.includes('another')
          ? await house.start({ env: { HOLDFAST_DATA: join(house.folder, 'other-data') } })
          : null;
        const agent = await connect(gateway);
        const args = { name: `${place} ${name}` };
        await agent.call('create_key', args).answer;
        const { id } = await gateway.pending('create_key', args);
        await house.approve(id);
        await gateway.reaches(id, 'approved');
        await sql(`create table before as select * from holdfast.approvals where id = '${id}'`);
        assert.equal(textOf(await agent.call('create_key', args, patient).answer), 'done');
        await gateway.reaches(id, 'succeeded');
        const open = 'select count(*)::int as open from holdfast.events where seq is null';
        await eventually('all is chained', async () => ((await sql(open))[0]!.open === 0 ? true : null));
        if (place.includes('again')) await gateway.stop();
        for (const statement of hide(id)) await sql(statement);
        await sql(`update holdfast.approvals a set state = b.state, revision = b.revision, pickup_until = b.pickup_until,
          state_revision = b.state_revision, state_seal = b.state_seal, request = b.request, dispatcher = null,
          lease_until = null, result = null, result_until = b.result_until, note = b.note, awaits = null
          from before b where a.id = b.id`);
        gateway = other ?? (place.includes('again') ? await house.start() : gateway);
        const answer = textOf(await (await connect(gateway)).call('create_key', args, patient).answer);
        assert.notEqual(answer, 'done');
        assert.equal(upstream.count('create_key', args), 1, answer);
        await eventually('the alarm', async () => {
          const { gated } = (await (await gateway.api('/readyz')).json()) as { gated: boolean };
          return gated ? null : true;
        });
      });
    }
  }
});

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Agent, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse, STORE_SECRET } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
`;
/** What the first release left behind. */
const OLDEST = readFileSync(new URL('../../support/store/oldest-schema.sql', import.meta.url), 'utf8');
const TOGETHER = 3;

describe('a new release after an old one', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
  });
  after(async () => {
    await upstream.close();
    await backing.stop();
  });

  const openOn = (databaseUrl: string): Promise<House> =>
    openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ hold: { default: 1s, progress: 60s } }',
      databaseUrl,
      redisUrl: backing.redis!.url,
      // What the oldest schema holds was sealed with forty times the letter s, which no gateway takes for its newest any more.
      env: { HOLDFAST_SECRET: `${STORE_SECRET},${'s'.repeat(40)}` },
      slack: false,
    });
  const together = (house: House): Promise<GatewayProcess[]> =>
    Promise.all(Array.from({ length: TOGETHER }, () => house.start()));

  test('P1: replicas that start at once bring the first schema up to date; what it had asked is asked anew', async () => {
    const database = await backing.database({ empty: true });
    await query(database, OLDEST);
    const house = await openOn(database);
    try {
      const [a, b] = await together(house);
      const agent = await Agent.open(`${a!.url}/mcp/tools`, house.tokens.agent!);
      const heard = async (name: string) => textOf(await agent.call('create_key', { name }).answer);

      assert.equal(await heard('succeeded'), 'kept result', 'what is owed from before is handed over');
      assert.equal(upstream.count('create_key', { name: 'succeeded' }), 0);
      for (const name of ['approved', 'pending']) {
        assert.match(await heard(name), /^Waiting for approval/, 'no row without a seal lets a call run');
        assert.equal(upstream.count('create_key', { name }), 0);
        const { id } = await b!.pending('create_key', { name });
        await decided(b!, id);
        assert.equal(await heard(name), 'done');
        assert.equal(upstream.count('create_key', { name }), 1);
      }
      const before = (await b!.approvals()).filter(({ broken }) => broken === 'unsealed');
      assert.deepEqual(
        new Set(before.map(({ state }) => state)),
        new Set(['denied', 'lapsed', 'succeeded', 'withdrawn']),
      );
      const types = new Set((await b!.events()).map(({ type }) => type));
      assert.ok(types.has('seals.began') && types.has('approval.requested'), 'the log of before is kept');
      const ready = (await (await b!.api('/readyz')).json()) as { gated: boolean };
      assert.equal(ready.gated, true, 'what is from before the seals raises no alarm');
    } finally {
      await house.close();
    }
  });

  test('replicas that start at once on an empty database agree on one schema', async () => {
    const house = await openOn(await backing.database({ empty: true }));
    try {
      const gateways = await together(house);
      for (const gateway of gateways) assert.equal((await gateway.api('/readyz')).status, 200);
    } finally {
      await house.close();
    }
  });

  test('a replica of the release before still starts once a newer one has changed the schema', async () => {
    const database = await backing.database({ empty: true });
    const house = await openOn(database);
    try {
      await (await house.start()).stop();
      await query(
        database,
        `insert into holdfast.kysely_migration values ('9999-of-tomorrow', '2099-01-01T00:00:00Z')`,
      );
      await query(database, 'alter table holdfast.approvals add column of_tomorrow text');
      const gateway = await house.start();
      const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      assert.match(textOf(await agent.call('create_key', { name: 'old' }).answer), /^Waiting for approval/);
    } finally {
      await house.close();
    }
  });
});

async function decided(gateway: GatewayProcess, id: string): Promise<void> {
  const response = await gateway.api(`/api/approvals/${id}/decisions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ decision: 'approve' }),
  });
  assert.equal(response.status, 200, await response.text());
}

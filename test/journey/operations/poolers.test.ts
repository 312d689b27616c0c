import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, query, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type Pooler, startPgbouncer } from '../../support/store/pgbouncer.ts';
import { skipWithout } from '../../support/store/servers.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval, limits: [{ counter: keys, window: day, max: 1000 }] }
  read: { action: allow, limits: [{ counter: reads, window: hour, max: 1000 }] }
`;

/** What somebody else has set for the database, all at once. */
const STRANGE = {
  DateStyle: "'German'",
  IntervalStyle: "'sql_standard'",
  TimeZone: "'Asia/Kathmandu'",
  bytea_output: "'escape'",
  standard_conforming_strings: 'off',
  search_path: "''",
} as const;
/** The same, where nothing in between refuses to have it set otherwise. */
const STRANGER = {
  ...STRANGE,
  default_transaction_isolation: "'serializable'",
  extra_float_digits: '-5',
  lock_timeout: '1',
};

const WAYS = {
  'a database with strange settings, the queue in SQL': { settings: STRANGER, pooled: false, redis: false },
  'pgbouncer by transaction before such a database, and Redis': { settings: STRANGE, pooled: true, redis: true },
  'the same, with the queue in SQL past it': { settings: STRANGE, pooled: true, redis: false },
} as const;

describe('others’ settings and poolers', {
  skip: skipWithoutBacking('redis and postgres') || skipWithout('pgbouncer'),
}, () => {
  let backing: Backing;
  let pooler: Pooler;
  let upstream: CountingUpstream;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    pooler = await startPgbouncer(backing.postgres.port);
  });
  after(async () => {
    await upstream?.close();
    await pooler?.stop();
    await backing?.stop();
  });

  for (const [what, { settings, pooled, redis }] of Object.entries(WAYS)) {
    test(`P6: ${what}: calls are asked, decided, counted, logged and verified as anywhere`, async () => {
      const url = await backing.database({ empty: true });
      const name = new URL(url).pathname.slice(1);
      for (const [setting, value] of Object.entries(settings)) {
        await query(backing.postgres.url, `alter database ${name} set ${setting} = ${value}`);
      }
      const house: House = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approval: '{ hold: { default: 500ms, progress: 60s } }',
        databaseUrl: pooled ? pooler.through(url) : url,
        ...(pooled && !redis ? { env: { DATABASE_DIRECT_URL: url } } : {}),
        ...(redis ? { redisUrl: backing.redis!.url } : {}),
      });
      try {
        const gateway = await house.start();
        const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
        const many = await Promise.all(Array.from({ length: 20 }, (_, n) => agent.call('read', { n }).answer));
        assert.ok(
          many.every((answer) => textOf(answer) === 'done'),
          JSON.stringify(many),
        );
        const sent = agent.call('create_key', { name: what, back: 'a\\b' }, { meta: { progressToken: 'p' } });
        const { id } = await gateway.pending('create_key', { name: what });
        await house.card(id, /./);
        await house.approve(id);
        assert.equal(textOf(await sent.answer), 'done');
        await house.card(id, /went through/);
        const parked = noteOf(await agent.call('create_key', { name: `${what}, denied` }).answer);
        await house.deny(parked.id!, 'no');
        assert.match(textOf(await agent.call('create_key', { name: `${what}, denied` }).answer), /^Denied by/);
        const told = ['approval.requested', 'approval.decided', 'call.dispatched', 'call.succeeded'];
        const events = (await gateway.events(id)).map(({ type }) => type);
        assert.deepEqual(
          events.filter((type) => told.includes(type)),
          told,
        );
        await eventually('it is ready', async () => ((await gateway.api('/readyz')).status === 200 ? true : null));
        const { status } = await gateway.api('/audit');
        assert.ok(status < 500);
        assert.doesNotMatch(gateway.log, /"level":50/, gateway.log);
        assert.equal(await gateway.stop(), 0);
      } finally {
        await house.close();
      }
    });
  }
});

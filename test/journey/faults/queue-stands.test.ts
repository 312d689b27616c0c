import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Queue as BullQueue, createPostgresBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { SchemaPool } from '../../../src/queue/schema-pool.ts';
import { Agent, noteOf, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, type BackingKind, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

const POLICY = `version: "1"
default: deny
tools:
  create_key: { action: require_approval }
`;
/** Milliseconds of an approval's time, and of the sweep's period with what a slow machine adds. */
const TIMEOUT_MS = 3_000;
const SWEEP_MS = 5_000 + 3_000;

/** A way in which the queue stands still, and how it goes on. */
interface Standstill {
  begin(): Promise<unknown>;
  end(): Promise<unknown>;
  readonly says: RegExp;
  readonly metric: RegExp;
}

for (const kind of ['redis and postgres', 'postgres'] as const) suite(kind);

function suite(kind: BackingKind): void {
  describe(`a queue that stands still, on ${kind}`, { skip: skipWithoutBacking(kind) }, () => {
    let backing: Backing;
    let databaseUrl: string;
    let upstream: CountingUpstream;
    let house: House;
    let gateway: GatewayProcess;
    let agent: Agent;
    let redis: Redis;

    before(async () => {
      [backing, upstream] = await Promise.all([startBacking(kind), countingUpstream()]);
      databaseUrl = await backing.database();
      house = await openHouse({
        servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
        approval: `{ timeout: ${TIMEOUT_MS}ms, hold: { default: 1s, progress: 60s } }`,
        databaseUrl,
        ...(backing.redis ? { redisUrl: backing.redis.url } : {}),
      });
      gateway = await house.start();
      agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      if (backing.redis) redis = new Redis(backing.redis.url);
    });
    after(async () => {
      redis?.disconnect();
      await house?.close();
      await upstream?.close();
      await backing?.stop();
    });

    const paused: Standstill = {
      begin: () => each(backing, databaseUrl, (queue) => queue.pause()),
      end: () => each(backing, databaseUrl, (queue) => queue.resume()),
      says: /queue parked and outbox is paused.*by the sweep instead, up to 5 s late\. Resume it/,
      metric: /holdfast_queue_paused\{queue="outbox"\} 1/,
    };
    const onRedis: Record<string, Standstill> = {
      'Redis is out of memory': {
        begin: () => redis.config('SET', 'maxmemory', '1mb'),
        end: () => redis.config('SET', 'maxmemory', '0'),
        says: /out of memory and refuses writes.*maxmemory/,
        metric: /holdfast_queue_writes_refused 1/,
      },
      'Redis is a read-only replica': {
        begin: () => redis.call('REPLICAOF', '127.0.0.1', '1'),
        end: () => redis.call('REPLICAOF', 'NO', 'ONE'),
        says: /read-only replica.*primary/,
        metric: /holdfast_queue_writes_refused 1/,
      },
      'Redis hangs': {
        begin: () => redis.call('CLIENT', 'PAUSE', '20000', 'ALL'),
        end: async () => undefined,
        says: /does not answer/,
        metric: /holdfast_queue_up 0/,
      },
    };

    const ways = { 'both queues are paused': paused, ...(kind === 'postgres' ? {} : onRedis) };
    for (const [what, standstill] of Object.entries(ways)) {
      test(`P4: ${what}: an approval ends within the sweep's period, agent and card are told, and it is said`, async () => {
        await standstill.begin();
        try {
          const args = { name: what };
          const asked = performance.now();
          const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
          const { id } = await gateway.pending('create_key', args);
          // Nobody waits for this one or looks at it, so that only the sweep can end it.
          const alone = { name: `${what}, alone` };
          const unwatched = noteOf(await agent.call('create_key', alone).answer);
          const ready = await eventually('/readyz says so', async () => {
            const response = await gateway.api('/readyz');
            const { parts } = (await response.json()) as { parts: Record<string, string> };
            return response.status === 503 && standstill.says.test(parts.queue!) ? parts.queue! : null;
          });
          assert.match(ready, standstill.says);
          assert.match(await (await gateway.api('/metrics')).text(), standstill.metric);
          assert.match(textOf(await sent.answer), /expired|nobody decided/i);
          assert.ok(performance.now() - asked < TIMEOUT_MS + SWEEP_MS, `after ${performance.now() - asked} ms`);
          assert.equal((await gateway.approval(id)).state, 'expired');
          await gateway.reaches(unwatched.id!, 'expired', TIMEOUT_MS + SWEEP_MS);
          assert.ok(performance.now() - asked < 2 * TIMEOUT_MS + SWEEP_MS, `after ${performance.now() - asked} ms`);
          // What could be seen in Slack in time must not go on asking.
          const cards = house.slackTraffic().includes(id);
          if (cards) await house.card(id, /xpired/);
          assert.equal(upstream.count('create_key', args), 0);
          await eventually('the log says so', async () => (standstill.says.test(saidIn(gateway)) ? true : null));
        } finally {
          await standstill.end();
        }
        await eventually(
          'it is ready again',
          async () => ((await gateway.api('/readyz')).status === 200 ? true : null),
          40_000,
        );
        await eventually('the log says so', async () =>
          /the queue does its work again/.test(gateway.log) ? true : null,
        );
      });
    }

    test('P4: while both queues are paused a card is posted, a decision counts, and its card says so', async () => {
      await paused.begin();
      try {
        const args = { name: 'decided meanwhile' };
        // More than one attempt: the card may come later than the approval lives.
        const id = await eventually(
          'one was posted in time',
          async () => {
            const sent = agent.call('create_key', args, { meta: { progressToken: 'p' } });
            const pending = await gateway.pending('create_key', args);
            const posted = await house.card(pending.id, /./, 2_900).catch(() => null);
            if (posted === null) return sent.answer.then(() => null);
            await house.approve(pending.id);
            assert.equal(textOf(await sent.answer), 'done');
            return pending.id;
          },
          60_000,
        );
        await house.card(id, /went through/);
        assert.equal(upstream.count('create_key', args), 1);
      } finally {
        await paused.end();
      }
    });
  });
}

/** What the log says of the queue. */
function saidIn({ log }: GatewayProcess): string {
  const lines = log.split('\n').filter((line) => line.includes('the queue does not do its work'));
  return lines
    .map((line) => JSON.parse(line) as { what: string; remedy: string })
    .map(({ what, remedy }) => `${what}. ${remedy}`)
    .join('\n');
}

/** Does it with both queues, as somebody with BullMQ would. */
async function each(backing: Backing, databaseUrl: string, what: (queue: BullQueue) => Promise<void>): Promise<void> {
  const pool = backing.redis ? null : new pg.Pool({ connectionString: databaseUrl, max: 2 });
  for (const name of ['parked', 'outbox']) {
    const queue =
      pool === null
        ? new BullQueue(name, { connection: { url: backing.redis!.url }, prefix: 'holdfast' })
        : (new BullQueue(
            name,
            { connection: new SchemaPool(pool) as never },
            createPostgresBackend as never,
          ) as unknown as BullQueue);
    await what(queue);
    await queue.close();
  }
  await pool?.end();
}

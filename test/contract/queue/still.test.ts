import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { Queue as BullQueue, createPostgresBackend } from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Queue, QueueTrouble } from '../../../src/ports.ts';
import { OUTBOX_AT_ONCE } from '../../../src/queue/bull-workers.ts';
import { redisQueue } from '../../../src/queue/redis.ts';
import { SchemaPool } from '../../../src/queue/schema-pool.ts';
import { sqlQueue } from '../../../src/queue/sql.ts';
import { pglitePool } from '../../../src/sql/connection/pglite-pool.ts';
import { writtenLog } from '../../support/log.ts';
import { newId, type QueueReplica, startReplica } from '../../support/store/queue.ts';
import { skipWithout, startPostgres, startRedis, type TestServer } from '../../support/store/servers.ts';
import { until } from '../../support/wait.ts';

const { log } = writtenLog();

async function troubleOf(queue: Queue): Promise<QueueTrouble | null> {
  return (await queue.health()).trouble;
}

async function recovered(queue: Queue): Promise<void> {
  await until('it works again', async () => (await troubleOf(queue)) === null, 15_000);
}

/** What everybody reads who asks: what is wrong, what it means, what to do; and no address. */
function assertSays(trouble: QueueTrouble | null, kind: QueueTrouble['kind'], words: RegExp): void {
  assert.equal(trouble?.kind, kind, JSON.stringify(trouble));
  assert.match(`${trouble?.what}. ${trouble?.remedy}`, words);
  assert.match(trouble!.what, /by the sweep instead, up to 5 s late$/);
  assert.doesNotMatch(trouble!.what + trouble!.remedy, /127\.0\.0\.1|localhost|:\d{4,5}/);
}

describe('P4: a queue on Redis that stands still says so', { skip: skipWithout('redis') }, () => {
  let server: TestServer;
  let redis: Redis;
  let replica: QueueReplica;

  before(async () => {
    server = await startRedis();
    redis = new Redis(server.url);
    replica = await startReplica(redisQueue({ url: server.url, log }));
  });
  after(async () => {
    redis?.disconnect();
    await replica?.queue.close();
    await server?.stop();
  });

  test('while it works there is nothing to say, and the check leaves one small key that goes away', async () => {
    const health = await replica.queue.health();
    assert.equal(health.trouble, null);
    assert.deepEqual(
      health.lanes.map(({ lane, paused }) => [lane, paused]),
      [
        ['parked', false],
        ['outbox', false],
      ],
    );
    const left = await redis.pttl('holdfast:ready');
    assert.ok(left > 0 && left <= 30_000, `${left} ms`);
    assert.equal(await redis.strlen('holdfast:ready'), 1);
  });

  for (const lane of ['parked', 'outbox']) {
    test(`${lane} is paused`, async () => {
      const bull = new BullQueue(lane, { connection: { url: server.url }, prefix: 'holdfast' });
      try {
        await bull.pause();
        assertSays(await troubleOf(replica.queue), 'paused', new RegExp(`queue ${lane} is paused.*Resume it`));
        await bull.resume();
        await recovered(replica.queue);
      } finally {
        await bull.close();
      }
    });
  }

  test('Redis is out of memory', async () => {
    const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
    await redis.config('SET', 'maxmemory', String(Math.floor(used / 2)));
    await until('said', async () => (await troubleOf(replica.queue))?.kind === 'refuses');
    assertSays(await troubleOf(replica.queue), 'refuses', /out of memory and refuses writes.*Raise its maxmemory/);
    await assert.rejects(replica.queue.ping(), /OOM/);
    await redis.config('SET', 'maxmemory', '0');
    await recovered(replica.queue);
  });

  test('Redis is a read-only replica', async () => {
    await redis.call('REPLICAOF', '127.0.0.1', '1');
    assertSays(await troubleOf(replica.queue), 'refuses', /read-only replica and refuses writes.*primary/);
    await redis.call('REPLICAOF', 'NO', 'ONE');
    await recovered(replica.queue);
  });

  test('Redis hangs', async () => {
    await redis.call('CLIENT', 'PAUSE', '4000', 'ALL');
    const asked = performance.now();
    assertSays(await troubleOf(replica.queue), 'down', /Redis does not answer/);
    assert.ok(performance.now() - asked < 4_000, 'within 4 s');
    await recovered(replica.queue);
  });

  test('nobody takes what is due, although nothing is paused and everything is written', async () => {
    const stuck = Promise.withResolvers<null>();
    const ids = Array.from({ length: OUTBOX_AT_ONCE }, newId);
    const scripts = new Map(ids.map((id) => [id, () => stuck.promise]));
    const other = await startRedis();
    const alone = await startReplica(redisQueue({ url: other.url, log }), scripts);
    try {
      await Promise.all(ids.map((id) => alone.queue.publish(id)));
      await until('every place is taken', () => alone.cards.length === OUTBOX_AT_ONCE);
      await until('it is noticed', async () => (await troubleOf(alone.queue)) !== null, 25_000);
      assertSays(await troubleOf(alone.queue), 'still', /queue outbox stands still, nobody has taken a job for 1\d s/);
      stuck.resolve(null);
      await recovered(alone.queue);
    } finally {
      stuck.resolve(null);
      await alone.queue.close();
      await other.stop();
    }
  });

  test('Redis is gone', async () => {
    await server.kill();
    await until('said', async () => (await troubleOf(replica.queue))?.kind === 'down');
    assertSays(await troubleOf(replica.queue), 'down', /Redis does not answer.*See that Redis runs/);
    await server.begin();
    await recovered(replica.queue);
  });
});

const SQL: Record<string, { skip: string | false; start(): Promise<{ pool: never; stop(): Promise<void> }> }> = {
  Postgres: {
    skip: skipWithout('postgres'),
    start: async () => {
      const server = await startPostgres();
      const pool = new pg.Pool({ connectionString: server.url, max: 8 });
      pool.on('error', () => undefined);
      return {
        pool: pool as never,
        stop: async () => {
          await pool.end();
          await server.stop();
        },
      };
    },
  },
  PGlite: {
    skip: false,
    start: async () => {
      const pglite = await PGlite.create();
      return { pool: pglitePool(pglite) as never, stop: () => pglite.close() };
    },
  },
};

for (const [name, { skip, start }] of Object.entries(SQL)) {
  test(`P4: a paused queue on ${name} says so, and that it works again`, { skip }, async () => {
    const { pool, stop } = await start();
    const replica = await startReplica(sqlQueue({ pool, log }));
    const bull = new BullQueue('parked', { connection: new SchemaPool(pool) as never }, createPostgresBackend as never);
    try {
      assert.equal(await troubleOf(replica.queue), null);
      await bull.pause();
      assertSays(await troubleOf(replica.queue), 'paused', /queue parked is paused/);
      await bull.resume();
      await recovered(replica.queue);
    } finally {
      await bull.close();
      await replica.queue.close();
      await stop();
    }
  });
}

test('P4: a queue on a Postgres that has become read-only says so', { skip: skipWithout('postgres') }, async () => {
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.url, max: 8 });
  pool.on('error', () => undefined);
  const replica = await startReplica(sqlQueue({ pool: pool as never, log }));
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  try {
    await admin.query('alter system set default_transaction_read_only = on');
    await admin.query('select pg_reload_conf()');
    await until('said', async () => (await troubleOf(replica.queue))?.kind === 'refuses');
    assertSays(await troubleOf(replica.queue), 'refuses', /read-only and refuses writes.*primary/);
    await admin.query('set default_transaction_read_only = off');
    await admin.query('alter system reset default_transaction_read_only');
    await admin.query('select pg_reload_conf()');
    await recovered(replica.queue);
  } finally {
    await admin.end();
    await replica.queue.close();
    await pool.end();
    await server.stop();
  }
});

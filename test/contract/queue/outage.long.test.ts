import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type Queue, Unavailable } from '../../../src/ports.ts';
import { redisQueue } from '../../../src/queue/redis.ts';
import { sqlQueue } from '../../../src/queue/sql.ts';
import { writtenLog } from '../../support/log.ts';
import { freePort } from '../../support/port.ts';
import { inMs, newId, startReplica } from '../../support/store/queue.ts';
import { skipWithout, startPostgres, startRedis, type TestServer } from '../../support/store/servers.ts';
import { until } from '../../support/wait.ts';

const NOBODY = { due: async () => null, card: async () => null, sweep: async () => undefined };

/** Every method rejects with the port's own error, within about 2 s. */
async function assertUnavailable(queue: Queue): Promise<void> {
  const asked = performance.now();
  const id = newId();
  const calls = [
    queue.ping(),
    queue.park(id, inMs(60_000)),
    queue.missing([id]),
    queue.wake(id),
    queue.publish(id),
    queue.publish(id, { delayMs: 1_000 }),
  ];
  for (const call of await Promise.allSettled(calls)) {
    assert.ok(call.status === 'rejected' && call.reason instanceof Unavailable, JSON.stringify(call));
    assert.equal(call.reason.part, 'queue');
  }
  const took = performance.now() - asked;
  assert.ok(took < 3_000, `rejected after ${took} ms`);
}

async function answers(queue: Queue): Promise<boolean> {
  return queue.ping().then(
    () => true,
    () => false,
  );
}

/** Kills the server and starts it again while two replicas run and an approval is parked. */
async function survive(server: TestServer, make: () => Queue, awayMs = 0, said = () => true): Promise<void> {
  const a = await startReplica(make());
  const b = await startReplica(make());
  try {
    const [before, during, afterwards] = [newId(), newId(), newId()];
    await a.queue.park(before, inMs(60_000));
    await server.kill();
    await until('noticed', async () => !(await answers(a.queue)));
    await assertUnavailable(a.queue);
    await assert.rejects(a.queue.park(during, inMs(60_000)), Unavailable);
    await sleep(awayMs);
    await server.begin();
    await until('both answer', async () => (await answers(a.queue)) && (await answers(b.queue)), 10_000);
    assert.deepEqual(await a.queue.missing([before, during]), [during]);
    await a.queue.park(afterwards, inMs(60_000));
    const heard = (id: string) => a.woken.includes(id) && b.woken.includes(id);
    for (const id of [before, afterwards]) {
      await b.queue.wake(id);
      await until('both heard', () => heard(id), 10_000);
    }
    await b.queue.publish(before);
    await until('its card ran', () => [...a.cards, ...b.cards].some((card) => card.id === before), 10_000);
    const swept = a.sweeps.length + b.sweeps.length;
    await until('it sweeps again', () => a.sweeps.length + b.sweeps.length > swept, 22_000);
    await until('it says so', said, 12_000);
  } finally {
    await Promise.all([a.queue.close(), b.queue.close()]);
  }
}

/** Closes the queue while its backend is gone. */
async function closeWithout(server: TestServer, make: () => Queue): Promise<void> {
  const { queue } = await startReplica(make());
  await server.kill();
  const asked = performance.now();
  await queue.close();
  const took = performance.now() - asked;
  assert.ok(took < 4_500, `closed after ${took} ms`);
  await assert.rejects(queue.ping(), /closed/);
  await server.begin();
}

describe('outages', { concurrency: true }, () => {
  describe('the queue without Redis', { skip: skipWithout('redis'), concurrency: true }, () => {
    const servers: TestServer[] = [];
    const begin = async (options?: string[]): Promise<TestServer> => {
      const server = await startRedis(options);
      servers.push(server);
      return server;
    };
    after(() => Promise.all(servers.map((server) => server.stop())));

    test('P4: survives a kill -9 and restart of Redis, and everything parked with it', async () => {
      const server = await begin();
      const { log, lines } = writtenLog();
      await survive(server, () => redisQueue({ url: server.url, log }));
      assert.ok(lines.length < 40, `tells of the outage, not of every attempt: ${lines.length}`);
    });

    test('P4: survives an outage longer than its blocking reads', async () => {
      const server = await begin();
      const { log, lines } = writtenLog();
      const said = (): boolean => /the queue answers/.test(lines.join('\n'));
      await survive(server, () => redisQueue({ url: server.url, log }), 13_000, said);
      const text = lines.join('\n');
      assert.match(text, /the queue has trouble.*ECONNREFUSED/);
      assert.match(text, /the queue answers/);
      assert.ok(lines.length < 40, `tells of the outage, not of every attempt: ${lines.length}`);
    });

    test('P4: after a flush it says that everything is missing, parks, wakes and sweeps again', async () => {
      const server = await begin();
      const a = await startReplica(redisQueue({ url: server.url, log: writtenLog().log }));
      const b = await startReplica(redisQueue({ url: server.url, log: writtenLog().log }));
      const redis = new Redis(server.url);
      try {
        const [kept, lost] = [newId(), newId()];
        await a.queue.park(kept, inMs(60_000));
        await a.queue.park(lost, inMs(60_000));
        await redis.flushall();
        const flushed = performance.now();
        assert.deepEqual(await a.queue.missing([kept, lost]), [kept, lost]);
        await b.queue.park(kept, inMs(60_000));
        for (const id of [kept, lost]) {
          await a.queue.wake(id);
          await until('both heard', () => a.woken.includes(id) && b.woken.includes(id));
        }
        await b.queue.publish(kept);
        await until('its card ran', () => a.cards.length + b.cards.length === 1);
        await until('it sweeps again', () => [...a.sweeps, ...b.sweeps].some((at) => at > flushed), 12_000);
      } finally {
        redis.disconnect();
        await Promise.all([a.queue.close(), b.queue.close()]);
      }
    });

    test('P6: a Redis that hangs is unavailable within 2 s, and used again when it answers', async () => {
      const server = await begin();
      const { queue, woken } = await startReplica(redisQueue({ url: server.url, log: writtenLog().log }));
      try {
        server.freeze();
        await assertUnavailable(queue);
        server.thaw();
        await until('it answers', () => answers(queue));
        const id = newId();
        await queue.wake(id);
        await until('heard', () => woken.includes(id));
      } finally {
        server.thaw();
        await queue.close();
      }
    });

    test('closes within about 3 s when Redis is gone', async () => {
      const server = await begin();
      await closeWithout(server, () => redisQueue({ url: server.url, log: writtenLog().log }));
    });

    test('closes within about 3 s when Redis hangs', async () => {
      const server = await begin();
      const { queue } = await startReplica(redisQueue({ url: server.url, log: writtenLog().log }));
      server.freeze();
      const asked = performance.now();
      await queue.close();
      const took = performance.now() - asked;
      server.thaw();
      assert.ok(took < 4_500, `closed after ${took} ms`);
    });

    test('P8: starts without Redis, and says where it looked but not the password', async () => {
      const { log, lines } = writtenLog();
      const port = await freePort();
      const queue = redisQueue({ url: `redis://me:s3cr%2Fet@127.0.0.1:${port}/0`, log });
      const asked = performance.now();
      await queue.start(NOBODY);
      assert.ok(performance.now() - asked < 6_500);
      const error = await queue.ping().catch((reason: unknown) => reason);
      assert.ok(error instanceof Unavailable);
      assert.match(error.message, new RegExp(`^Redis at 127\\.0\\.0\\.1:${port} does not answer: .*ECONNREFUSED`));
      assert.doesNotMatch(`${error.message}${error.stack}${JSON.stringify(lines)}`, /s3cr/);
      await queue.close();
    });

    test('P8: a wrong password is refused and never repeated', async () => {
      const server = await begin(['--requirepass', 'right']);
      const { log, lines } = writtenLog();
      const queue = redisQueue({ url: server.url.replace('right', 'wr0ng-one'), log });
      const error = await queue.start(NOBODY).then(
        () => null,
        (reason: unknown) => reason,
      );
      assert.ok(error instanceof Unavailable);
      assert.match(error.message, /WRONGPASS/);
      assert.equal(error.cause, undefined, 'ioredis hangs the AUTH command on its errors');
      assert.doesNotMatch(`${error.message}${error.stack}${JSON.stringify(lines)}`, /wr0ng/);
    });

    test('starts with a password, a user and a database of its own', async () => {
      const server = await begin(['--requirepass', 'right/one']);
      const url = `redis://default:${encodeURIComponent('right/one')}@127.0.0.1:${server.port}/3`;
      const queue = redisQueue({ url, log: writtenLog().log });
      await queue.start(NOBODY);
      const id = newId();
      await queue.park(id, inMs(60_000));
      const redis = new Redis({ port: server.port, password: 'right/one', db: 3 });
      assert.equal(await redis.exists(`holdfast:parked:${id}`), 1);
      redis.disconnect();
      await queue.close();
    });

    test('warns once when Redis may evict jobs', async () => {
      const server = await begin(['--maxmemory-policy', 'allkeys-lru']);
      const { log, lines } = writtenLog();
      const queue = redisQueue({ url: server.url, log });
      await queue.start(NOBODY);
      await queue.close();
      assert.deepEqual(
        lines.map((line) => line.split(' ', 1)[0]),
        ['warn'],
      );
      assert.match(lines[0] ?? '', /noeviction.*allkeys-lru/);
    });

    test('refuses a URL that is none without repeating it', () => {
      assert.throws(() => redisQueue({ url: 'https://u:pa55@x', log: writtenLog().log }), /not a redis/);
      assert.throws(
        () => redisQueue({ url: 'pa55', log: writtenLog().log }),
        (e: Error) => !e.message.includes('pa55'),
      );
    });
  });

  describe('the queue without Postgres', { skip: skipWithout('postgres'), concurrency: false }, () => {
    let server: TestServer | null = null;
    const pools: pg.Pool[] = [];
    const make = (): Queue => {
      const pool = new pg.Pool({ connectionString: server?.url ?? '', max: 8, connectionTimeoutMillis: 3_000 });
      pools.push(pool);
      return sqlQueue({ pool, log: writtenLog().log });
    };
    after(async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await server?.stop();
    });

    test('P4: survives a crash and restart of Postgres, and everything parked with it', async () => {
      server = await startPostgres();
      await survive(server, make);
    });

    test('closes within about 3 s when Postgres is gone', async () => {
      assert.ok(server);
      await closeWithout(server, make);
    });

    test('does not start without Postgres, and says why', async () => {
      const pool = new pg.Pool({ host: '127.0.0.1', port: await freePort(), password: 's3cret', user: 'me' });
      const queue = sqlQueue({ pool, log: writtenLog().log });
      await assert.rejects(queue.start(NOBODY), /^Unavailable: The database does not answer: .*ECONNREFUSED/);
      await pool.end();
    });

    test('refuses a pool that its own workers would exhaust', async () => {
      const pool = new pg.Pool({ max: 2 });
      assert.throws(() => sqlQueue({ pool, log: writtenLog().log }), /5 connections/);
      await pool.end();
    });
  });
});

test('a queue that was not started says so', async () => {
  const queue = redisQueue({ url: 'redis://127.0.0.1:1', log: writtenLog().log });
  await assert.rejects(queue.ping(), /not started/);
  await queue.close();
  await assert.rejects(queue.ping(), /closed/);
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { Log, Queue } from '../../../src/ports.ts';
import { OUTBOX_AT_ONCE } from '../../../src/queue/bull-workers.ts';
import { redisQueue } from '../../../src/queue/redis.ts';
import { sqlQueue } from '../../../src/queue/sql.ts';
import { pglitePool } from '../../../src/sql/connection/pglite-pool.ts';
import { writtenLog } from '../../support/log.ts';
import { type CardScripts, inMs, newId, type QueueReplica, startReplica } from '../../support/store/queue.ts';
import { skipWithout, startPostgres, startRedis } from '../../support/store/servers.ts';
import { until } from '../../support/wait.ts';

interface Backend {
  make(log: Log): Queue;
  stop(): Promise<void>;
}

const BACKENDS: Record<string, { skip: string | false; start(): Promise<Backend> }> = {
  Redis: { skip: skipWithout('redis'), start: onRedis },
  Postgres: { skip: skipWithout('postgres'), start: onPostgres },
  PGlite: { skip: false, start: onPglite },
};

for (const [name, { skip, start }] of Object.entries(BACKENDS)) {
  describe(`the queue on ${name}`, { skip }, () => {
    let backend: Backend;
    let a: QueueReplica;
    let b: QueueReplica;
    let sockets: number;
    const scripts: CardScripts = new Map();
    let delivery: () => Promise<number | null> = async () => null;
    const { log } = writtenLog();

    before(async () => {
      backend = await start();
      sockets = openSockets();
      a = await startReplica(backend.make(log), scripts, () => delivery());
      b = await startReplica(backend.make(log), scripts, () => delivery());
    });

    after(async () => {
      await Promise.all([a?.queue.close(), b?.queue.close()]);
      await until('every socket is closed', () => openSockets() <= sockets, 1_000);
      await backend?.stop();
    });

    const due = (id: string): number => [...a.due, ...b.due].filter((one) => one === id).length;
    const heard = (id: string): boolean => a.woken.includes(id) && b.woken.includes(id);
    const runs = (id: string) => [...a.cards, ...b.cards].filter((one) => one.id === id).sort((x, y) => x.at - y.at);

    describe('once started', { concurrency: true }, () => {
      test('answers a ping', () => a.queue.ping());

      test('a parked job that runs too early, by a wrong clock, waits until its handler’s time', async () => {
        const id = newId();
        let ran = 0;
        scripts.set(id, async () => {
          ran += 1;
          return ran === 1 ? 900 : null;
        });
        const parked = performance.now();
        await a.queue.park(id, inMs(100));
        await until('both heard', () => heard(id));
        assert.ok(performance.now() - parked >= 950, `after ${performance.now() - parked} ms`);
        assert.equal(due(id), 2);
      });

      test('what a process left for a time that is far away is fetched', async () => {
        const id = newId();
        scripts.set(id, async () => (runs(id).length === 1 ? 3_600_000 : null));
        await a.queue.publish(id);
        await until('it ran again', () => runs(id).length === 2, 12_000);
      });

      test('a parked approval is due when its time is over, once, and every replica hears it', async () => {
        const id = newId();
        const parked = performance.now();
        await a.queue.park(id, inMs(300));
        await until('both heard', () => heard(id));
        assert.ok(performance.now() - parked >= 290, 'not before its time');
        assert.equal(due(id), 1);
      });

      test('P4: an approval parked on one replica and woken on another is heard on both, long before its expiry', async () => {
        const id = newId();
        await a.queue.park(id, inMs(60_000));
        await b.queue.wake(id);
        await until('both heard', () => heard(id));
        assert.equal(due(id), 1);
        assert.deepEqual(await a.queue.missing([id]), [id], 'nothing stays parked');
      });

      test('P4: waking without a parked job rings on every replica, again and again', async () => {
        const id = newId();
        await a.queue.wake(id);
        await until('both heard', () => heard(id));
        await b.queue.wake(id);
        await until('heard twice', () => a.woken.filter((one) => one === id).length === 2);
      });

      test('parking twice is parking once, with the first expiry', async () => {
        const id = newId();
        await Promise.all([a.queue.park(id, inMs(200)), b.queue.park(id, inMs(200))]);
        await a.queue.park(id, inMs(60_000));
        await until('both heard', () => heard(id));
        assert.equal(due(id), 1);
      });

      test('P4: what is taken away is not due, wakes nobody, and can be woken all the same', async () => {
        const id = newId();
        await a.queue.park(id, inMs(2_000));
        await b.queue.unpark(id);
        assert.deepEqual(await a.queue.missing([id]), [id]);
        await b.queue.unpark(id);
        const other = newId();
        await a.queue.park(other, inMs(2_000));
        await until('the other is due', () => due(other) === 1);
        assert.equal(due(id), 0);
        assert.ok(!a.woken.includes(id) && !b.woken.includes(id));
        await a.queue.wake(id);
        await until('both heard', () => heard(id));
      });

      test('an approval whose expiry has passed is due at once, and can be parked again', async () => {
        const id = newId();
        await a.queue.park(id, new Date(0));
        await until('due', () => due(id) === 1);
        await until('gone', async () => (await a.queue.missing([id])).length === 1);
        await a.queue.park(id, new Date(0));
        await until('due again', () => due(id) === 2);
      });

      test('tells which of many approvals are not parked', async () => {
        const parked = Array.from({ length: 3 }, newId);
        const others = Array.from({ length: 12_000 }, newId);
        await Promise.all(parked.map((id) => a.queue.park(id, inMs(60_000))));
        const missing = await b.queue.missing([parked[0]!, ...others, parked[1]!, parked[2]!]);
        assert.ok(missing.join() === others.join(), `${missing.length} are missing`);
        assert.deepEqual(await b.queue.missing([]), []);
      });

      test('P4: a publish that comes while the card job runs leads to one more run, never to two at once', async () => {
        const id = newId();
        const first = Promise.withResolvers<null>();
        let active = 0;
        let most = 0;
        scripts.set(id, async () => {
          most = Math.max(most, ++active);
          if (runs(id).length === 1) await first.promise;
          active--;
          return null;
        });
        await a.queue.publish(id);
        await until('it runs', () => runs(id).length === 1);
        await Promise.all([a.queue.publish(id), b.queue.publish(id), a.queue.publish(id)]);
        assert.equal(runs(id).length, 1);
        first.resolve(null);
        await until('it runs again', () => runs(id).length === 2);
        await b.queue.publish(id);
        await until('a later publish runs too', () => runs(id).length === 3);
        assert.equal(most, 1);
      });

      test('P4: a card job that fails comes again, after 1 s and then 2 s', async () => {
        const id = newId();
        scripts.set(id, async () => {
          if (runs(id).length < 3) throw new Error('the tool told a secret');
          return null;
        });
        await a.queue.publish(id);
        await until('three runs', () => runs(id).length === 3, 8_000);
        const [one, two, three] = runs(id).map((run) => run.at) as [number, number, number];
        assert.ok(two - one > 950 && two - one < 1_990, `first after ${two - one} ms`);
        assert.ok(three - two > 1_950 && three - two < 4_500, `then after ${three - two} ms`);
      });

      test('a card job comes again after the time it asks for, and publishes meanwhile do not hurry it', async () => {
        const id = newId();
        scripts.set(id, async () => (runs(id).length === 1 ? 600 : null));
        await a.queue.publish(id);
        await until('the first run', () => runs(id).length >= 1);
        // In the middle of the wait.
        await sleep(200);
        await b.queue.publish(id);
        await until('the second run', () => runs(id).length >= 2);
        const [one, two] = runs(id).map((run) => run.at) as [number, number];
        assert.ok(two - one >= 590 && two - one < 4_000, `after ${two - one} ms`);
      });

      test('a publish that is to wait first runs when it has waited, and publishes meanwhile do not hurry it', async () => {
        const id = newId();
        const asked = performance.now();
        await a.queue.publish(id, { waitMs: 1_200, turn: 7 });
        await b.queue.publish(id, { turn: 1 });
        await until('it ran', () => runs(id).length >= 1);
        const ms = runs(id)[0]!.at - asked;
        assert.ok(ms >= 1_190 && ms < 5_000, `after ${ms} ms`);
        await b.queue.publish(id);
        await until('what is ordered afterwards runs', () => runs(id).length === 2);
      });

      test('a delayed publish runs after its delay, beside an immediate one', async () => {
        const id = newId();
        const asked = performance.now();
        await a.queue.publish(id, { delayMs: 5_000 });
        await a.queue.publish(id);
        await until('both ran', () => runs(id).length === 2, 20_000);
        const [one, two] = runs(id).map((run) => run.at - asked) as [number, number];
        assert.ok(one < 4_900, `at once, not after ${one} ms`);
        assert.ok(two >= 4_990, `not before its time, after ${two} ms`);
      });

      test('the sweep runs every 5 s, on one replica', async () => {
        const sweeps = (): number[] => [...a.sweeps, ...b.sweeps].sort((x, y) => x - y);
        await until('two sweeps', () => sweeps().length >= 2, 12_000);
        const [one, two] = sweeps() as [number, number];
        assert.ok(two - one > 3_500, `${two - one} ms apart`);
      });

      test('checkpoints run too', () => until('one', () => a.checkpoints.length + b.checkpoints.length > 0, 12_000));

      test('a delivery runs on one replica, again when it is ordered meanwhile, and after the time it asks for', async () => {
        const runs = () => [...a.deliveries, ...b.deliveries].sort((x, y) => x - y);
        const first = Promise.withResolvers<null>();
        delivery = async () => (runs().length === 1 ? first.promise : runs().length === 2 ? 400 : null);
        await Promise.all([a.queue.deliver(), b.queue.deliver()]);
        await until('it runs', () => runs().length === 1);
        await Promise.all([a.queue.deliver(), b.queue.deliver()]);
        first.resolve(null);
        await until('it runs for the orders meanwhile, and after its wish', () => runs().length === 3);
        const [, two, three] = runs() as [number, number, number];
        assert.ok(three - two >= 390, `after ${three - two} ms`);
      });

      test('an id that is none is refused before anything is asked', async () => {
        await assert.rejects(a.queue.park('a:b', inMs(0)), TypeError);
        await assert.rejects(a.queue.wake('a~b'), TypeError);
        await assert.rejects(a.queue.publish('17'), TypeError);
      });
    });

    test('P4: what is ordered before the queue starts waits for the start, and is then done', async () => {
      const late = backend.make(log);
      try {
        const id = newId();
        const asked = late.park(id, inMs(0));
        await startReplica(late);
        await asked;
        await until('it is heard', () => b.woken.includes(id));
      } finally {
        await late.close();
      }
      await assert.rejects(late.park(newId(), inMs(0)), /closed/);
    });

    test('P5: one grant’s flood of 500 cards delays no other grant’s: a first turn runs among the next', async () => {
      const flood = Array.from({ length: 500 }, newId);
      const [fresh, ended] = [newId(), newId()];
      for (const id of flood) scripts.set(id, () => sleep(400, null));
      await a.queue.publish(ended, { delayMs: 1_000, turn: 3_000 });
      // Fifty at once: on the embedded database, all at once can wait longer than an order may take.
      for (let from = 0; from < flood.length; from += 50) {
        const some = flood.slice(from, from + 50);
        await Promise.all(some.map((id, nth) => a.queue.publish(id, { turn: from + nth + 1 })));
      }
      const begun = (): number => flood.filter((id) => runs(id).length > 0).length;
      const before = begun();
      await b.queue.publish(fresh, { turn: 1 });
      await until('the fresh card ran', () => runs(fresh).length === 1, 20_000);
      const at = runs(fresh)[0]!.at;
      const ahead = flood.filter((id) => (runs(id)[0]?.at ?? Number.POSITIVE_INFINITY) < at).length - before;
      // Two replicas run so many each, and the next ones are taken while the order is on its way.
      assert.ok(
        before + ahead < 400 && ahead <= 3 * OUTBOX_AT_ONCE,
        `${before} before it was ordered, ${ahead} between`,
      );
      await until('the flood ran', () => begun() === 500, 20_000);
      await until('what gives way ran', () => runs(ended).length === 1, 20_000);
    });

    test('P5: cards that Slack sent away run by turn when their time has come', async () => {
      const order: string[] = [];
      let due = performance.now() + 4_000;
      const ids = Array.from({ length: 7 * OUTBOX_AT_ONCE }, newId);
      const gate = Promise.withResolvers<void>();
      const wereSentAway = (): boolean => ids.every((id) => runs(id).length >= 1);
      for (const id of ids) {
        scripts.set(id, async (run) => {
          if (run === 1 && runs(id).length === 1) return Math.max(1, due - performance.now());
          // On a slow machine some come back before all were sent away: they leave their seats to the others.
          if (!wereSentAway()) {
            due = performance.now() + 500;
            return 500;
          }
          order.push(id);
          await gate.promise;
          return sleep(100, null);
        });
      }
      try {
        for (const [nth, id] of ids.entries()) await a.queue.publish(id, { turn: ids.length - nth });
        await until('all were sent away', wereSentAway, 60_000);
        // Each comes back some milliseconds earlier or later than the others. Those that come first keep all seats until all are back.
        await until('their time has come', () => performance.now() > due + 1_500, 20_000);
      } finally {
        gate.resolve();
      }
      const seated = order.length;
      assert.ok(seated <= 2 * OUTBOX_AT_ONCE, `${seated} ran at once`);
      await until('all ran again', () => order.length === ids.length, 20_000);
      const waited = order.slice(seated);
      const byTurn = waited.toSorted((one, other) => ids.indexOf(other) - ids.indexOf(one));
      const early = byTurn.slice(-20).filter((id) => waited.indexOf(id) < waited.length / 2);
      assert.deepEqual(early, [], 'of the last twenty turns that waited these came in the first half');
    });

    test('P4: many that are parked, woken and published at once, each by two replicas, each run and are heard', async () => {
      const ids = Array.from({ length: 25 }, newId);
      await Promise.all(ids.flatMap((id) => [a.queue.park(id, inMs(60_000)), b.queue.park(id, inMs(60_000))]));
      assert.deepEqual(await a.queue.missing(ids), []);
      const both = ids.flatMap((id) => [a.queue.publish(id, { turn: 3 }), b.queue.publish(id, { turn: 3 })]);
      await Promise.all([...both, ...ids.map((id) => b.queue.wake(id)), ...ids.map((id) => a.queue.wake(id))]);
      await until('each ran', () => ids.every((id) => runs(id).length >= 1), 30_000);
      await until('each was heard on both', () => ids.every(heard), 30_000);
    });

    test('P4: of many approvals woken at once, every one is heard on every replica', async () => {
      const ids = Array.from({ length: 150 }, newId);
      // Some at once: on the embedded database of a slow machine, all at once can wait longer than an order may take.
      for (let from = 0; from < ids.length; from += 25) {
        await Promise.all(ids.slice(from, from + 25).map((id) => a.queue.park(id, inMs(60_000))));
      }
      for (let from = 0; from < ids.length; from += 50) {
        const some = ids.slice(from, from + 50);
        await Promise.all(some.map((id, index) => (index % 2 === 0 ? a : b).queue.wake(id)));
      }
      await until('all heard', () => ids.every(heard), 10_000);
    });
  });
}

function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
}

async function onRedis(): Promise<Backend> {
  const server = await startRedis();
  return { make: (log) => redisQueue({ url: server.url, log }), stop: server.stop };
}

async function onPostgres(): Promise<Backend> {
  const server = await startPostgres();
  const pools: pg.Pool[] = [];
  return {
    make: (log) => {
      const pool = new pg.Pool({ connectionString: server.url, max: 8, idleTimeoutMillis: 300 });
      pools.push(pool);
      return sqlQueue({ pool, log });
    },
    stop: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
      await server.stop();
    },
  };
}

async function onPglite(): Promise<Backend> {
  const db = await PGlite.create();
  return { make: (log) => sqlQueue({ pool: pglitePool(db), log }), stop: () => db.close() };
}

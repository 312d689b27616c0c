import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Unavailable } from '../../../src/ports.ts';
import { redisQueue } from '../../../src/queue/redis.ts';
import { redisWitness } from '../../../src/queue/redis-witness.ts';
import { writtenLog } from '../../support/log.ts';
import { inMs, newId, type QueueReplica, startReplica } from '../../support/store/queue.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { startSentinels } from '../../support/store/sentinel.ts';
import { skipWithout, startRedis } from '../../support/store/servers.ts';
import { until } from '../../support/wait.ts';

/** Everything that the gateway asks of its queue, once. */
async function worksWhole({ queue, woken, cards }: QueueReplica): Promise<void> {
  const [parked, soon] = [newId(), newId()];
  await queue.park(parked, inMs(60_000));
  await queue.park(soon, inMs(300));
  assert.deepEqual(await queue.missing([parked, 'ap_nowhere']), ['ap_nowhere']);
  await queue.wake(parked);
  await queue.publish(parked);
  await queue.publish(soon, { delayMs: 200 });
  await queue.deliver();
  await until('both were woken', () => woken.includes(parked) && woken.includes(soon), 10_000);
  await until('both cards ran', () => [parked, soon].every((id) => cards.some((card) => card.id === id)), 10_000);
}
const healthy = async ({ queue }: QueueReplica): Promise<boolean> => (await queue.health()).trouble === null;

describe('Redis as it is found', { skip: skipWithout('redis'), concurrency: true }, () => {
  test('P4: a queue starts while Redis is away, says so, and works as soon as it is there', async () => {
    const server = await startRedis();
    await server.kill();
    const { log, lines } = writtenLog();
    const asked = performance.now();
    const replica = await startReplica(redisQueue({ url: server.url, log }));
    try {
      assert.ok(performance.now() - asked < 6_500, 'nobody waits for it longer');
      const { trouble } = await replica.queue.health();
      assert.match(`${trouble?.what}. ${trouble?.remedy}`, /Redis does not answer.*by the sweep instead/);
      assert.match(lines.join('\n'), /the queue has trouble.*ECONNREFUSED/);
      const begun = performance.now();
      await assert.rejects(replica.queue.park(newId(), inMs(1_000)), Unavailable);
      assert.ok(performance.now() - begun < 500, 'a call does not wait for what is known to be away');
      await server.begin();
      await until('it works', () => healthy(replica), 10_000);
      await worksWhole(replica);
    } finally {
      await replica.queue.close();
      await server.stop();
    }
  });

  test('P4: it starts on a Redis that takes no writes, too', async () => {
    const server = await startRedis(['--maxmemory', '1mb']);
    const admin = new Redis(server.url);
    const replica = await startReplica(redisQueue({ url: server.url, log: writtenLog().log }));
    try {
      const { trouble } = await replica.queue.health();
      assert.equal(trouble?.kind, 'refuses');
      assert.match(trouble!.what, /out of memory/);
      await admin.config('SET', 'maxmemory', '0');
      await until('it works', () => healthy(replica), 15_000);
      await worksWhole(replica);
    } finally {
      admin.disconnect();
      await replica.queue.close();
      await server.stop();
    }
  });

  test('closes at once while Redis has never been there', async () => {
    const server = await startRedis();
    await server.kill();
    const { queue } = await startReplica(redisQueue({ url: server.url, log: writtenLog().log }));
    const asked = performance.now();
    await queue.close();
    assert.ok(performance.now() - asked < 3_000);
    await server.stop();
  });

  test('P8: the documented rights are enough for everything, and nothing else is allowed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-acl-'));
    const rights = readFileSync('deploy/redis/holdfast.acl', 'utf8');
    writeFileSync(join(folder, 'users.acl'), rights.replace('PUT-A-PASSWORD-HERE', 'secret'));
    const server = await startRedis(['--aclfile', join(folder, 'users.acl')]);
    const admin = new Redis(server.url);
    const url = `redis://holdfast:secret@127.0.0.1:${server.port}/0`;
    const replica = await startReplica(redisQueue({ url, log: writtenLog().log }));
    const witness = redisWitness({ url, seals: TEST_SEALS, log: writtenLog().log });
    const own = new Redis(url);
    try {
      assert.equal(await healthy(replica), true);
      await worksWhole(replica);
      await replica.queue.unpark(newId());
      await until('it sweeps by the schedule', () => replica.sweeps.length > 0, 10_000);
      // Longer than a job's lock is looked at, so that this was done, too.
      await sleep(11_000);
      await witness.bind('place', 'log');
      assert.equal(await witness.logOf('place'), 'log');
      const at = new Date();
      const pass = { approval: newId(), round: 0, revision: 2, at, until: new Date(at.getTime() + 60_000) };
      const call = { server: 's', tool: 't', grant: 'g', fingerprint: 'f', returned: false };
      assert.deepEqual(await witness.spend('log', [{ ...pass, ...call }]), []);
      assert.equal((await witness.read('log', Number.POSITIVE_INFINITY)).passes.length, 1);
      assert.deepEqual(await admin.call('ACL', 'LOG'), [], 'nothing was refused');
      for (const [command, ...args] of [
        ['GET', 'others:key'],
        ['SET', 'others:key', '1'],
        ['FLUSHALL'],
        ['KEYS', '*'],
        ['SCAN', '0'],
        ['CONFIG', 'GET', '*'],
        ['FUNCTION', 'FLUSH'],
        ['ACL', 'LIST'],
        ['PUBLISH', 'channel', 'x'],
      ] as const) {
        await assert.rejects(own.call(command, ...args), /NOPERM/, command);
      }
    } finally {
      own.disconnect();
      admin.disconnect();
      await witness.close();
      await replica.queue.close();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('Redis with Sentinel', { skip: skipWithout('redis'), concurrency: false }, () => {
  for (const password of [null, 'pass/word']) {
    test(`P4: Redis with Sentinel${password === null ? '' : ' and a password'}: a fail-over is followed`, async () => {
      const sentinels = await startSentinels(password);
      const { log, lines } = writtenLog();
      const replica = await startReplica(redisQueue({ url: sentinels.url, log }));
      try {
        await worksWhole(replica);
        await sentinels.primary.kill();
        await until('it is noticed', async () => !(await healthy(replica)), 10_000);
        await until('it works on the other server', () => healthy(replica), 40_000);
        await worksWhole(replica);
        assert.doesNotMatch(lines.join('\n'), /pass\/word|pass%2Fword/);
      } finally {
        await replica.queue.close();
        await sentinels.stop();
      }
    });
  }
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { deliver } from '../../../src/gateway/log/deliver.ts';
import { webhookSink } from '../../../src/sink/webhook.ts';
import { type Collector, collector, signedWith } from '../../support/audit/collector.ts';
import { type AuditWorld, auditWorld, event } from '../../support/audit/world.ts';
import { TestClock } from '../../support/clock.ts';
import { quiet } from '../../support/log.ts';

const SECRET = 'what both ends know';

describe('Events that are handed on', () => {
  let world: AuditWorld;
  let siem: Collector;
  before(async () => {
    world = await auditWorld('pglite');
    siem = await collector();
    await world.log(...Array.from({ length: 450 }, (_, n) => event(`${n + 1}`)));
  });
  after(async () => {
    await siem.close();
    await world.close();
  });

  const sink = (path = '/') => webhookSink({ url: siem.url + path, secret: SECRET, clock: new TestClock() });
  const seqs = (): number[] =>
    siem.received.flatMap(({ body }) =>
      body
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { seq: number }).seq),
    );

  test('P4: come again after a failure, later each time, and nothing is skipped', async () => {
    siem.answer = () => ({ status: 500 });
    const waits = [];
    for (let n = 0; n < 8; n += 1) waits.push(await deliver(world.gateway, sink()));
    assert.deepEqual(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    assert.ok(seqs().every((seq) => seq <= 200));
    siem.received.length = 0;
    siem.answer = () => ({ status: 204 });
    assert.equal(await deliver(world.gateway, sink()), null);
    assert.deepEqual(
      seqs(),
      Array.from({ length: 450 }, (_, n) => n + 1),
    );
    assert.ok(siem.received.every((one) => signedWith(SECRET, one)));
    assert.deepEqual(
      siem.received.map(({ headers }) => headers['holdfast-delivery']),
      ['1-200', '201-400', '401-450'],
    );
  });

  test('are not sent again once they were taken, and news follow on', async () => {
    siem.received.length = 0;
    assert.equal(await deliver(world.gateway, sink()), null);
    assert.deepEqual(siem.received, []);
    await world.log(event('new'));
    await deliver(world.gateway, sink());
    assert.deepEqual(seqs(), [451]);
  });

  test('are sent perhaps twice, but never left out, by two replicas at once', async () => {
    siem.received.length = 0;
    const two = sink('/two');
    await Promise.all([deliver(world.gateway, two), deliver(world.gateway, two)]);
    await deliver(world.gateway, two);
    assert.equal(new Set(seqs()).size, 451);
  });

  test('follow no redirect', async () => {
    siem.received.length = 0;
    siem.answer = ({ path }) => ({ status: path === '/three' ? 302 : 200, headers: { location: '/elsewhere' } });
    assert.equal(await deliver(world.gateway, sink('/three')), 1_000);
    assert.deepEqual(
      siem.received.map(({ path }) => path),
      ['/three'],
    );
  });

  test('P8: a collector that does not answer is reported without its address', async () => {
    const lines: string[] = [];
    const log = { ...quiet, warn: (fields: object) => void lines.push(JSON.stringify(fields)) };
    const clock = new TestClock();
    const gone = webhookSink({ url: 'http://127.0.0.1:1/in?key=marker', secret: SECRET, clock });
    assert.equal(await deliver({ ...world.gateway, log }, gone), 1_000);
    assert.ok(lines.length === 1 && !lines[0]!.includes('marker'), lines[0]);
  });
});

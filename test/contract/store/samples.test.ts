import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KeptSample, Samples } from '../../../src/ports.ts';
import { sqlSamples } from '../../../src/sql/samples.ts';
import { STORES, type StoreWorld, skipStore, storeWorld } from '../../support/store/world.ts';

const DAY = '2026-11-30';
const at = new Date(`${DAY}T12:00:00Z`);
const sample = (rank: string, more: Partial<KeptSample> = {}): KeptSample => {
  return { server: 's', tool: 't', day: DAY, rank, at, content: Buffer.from([0, 1, 255, 39, 92]), ...more };
};

for (const kind of STORES) {
  describe(`samples in ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let samples: Samples;
    before(async () => {
      world = await storeWorld(kind);
      samples = sqlSamples(world.db);
    });
    after(() => world?.close());

    const ranks = async (server = 's', from = new Date(0)) =>
      (await samples.read({ from, server, after: null, limit: 100 })).map(({ tool, rank }) => `${tool} ${rank}`);

    test('the smallest of each tool and day stay, whoever kept them and in whatever order', async () => {
      await samples.keep([], 3);
      await samples.keep(
        ['c', 'a', 'e'].map((rank) => sample(rank)),
        3,
      );
      await samples.keep([sample('b'), sample('d'), sample('a', { tool: 'u' }), sample('z', { server: 'other' })], 3);
      assert.deepEqual(await ranks(), ['t a', 't b', 't c', 'u a']);
      assert.deepEqual(await ranks('other'), ['t z']);
      await Promise.all(['f', 'aa', 'ab', 'g'].map((rank) => samples.keep([sample(rank), sample('a')], 3)));
      assert.deepEqual((await ranks()).slice(0, 3), ['t a', 't aa', 't ab']);
    });

    test('a page goes on behind the one before, and bytes come back as they were', async () => {
      const first = await samples.read({ from: at, server: 's', after: null, limit: 2 });
      assert.deepEqual([...first[0]!.content], [0, 1, 255, 39, 92]);
      assert.equal(first[0]!.day, DAY);
      const rest = await samples.read({ from: at, server: 's', after: first[1]!, limit: 100 });
      assert.equal(
        new Set([...first, ...rest].map(({ tool, rank }) => `${tool} ${rank}`)).size,
        first.length + rest.length,
      );
      assert.equal(
        (await samples.read({ from: new Date('2026-12-01'), server: 's', after: null, limit: 9 })).length,
        0,
      );
    });

    test('names and ranks that are SQL are names and ranks', async () => {
      const odd = sample(`'); drop table holdfast.samples; --`, { server: `{"a",b}`, tool: `"\\,'{}` });
      await samples.keep([odd], 3);
      assert.deepEqual(await ranks(odd.server), [`${odd.tool} ${odd.rank}`]);
    });

    test('what is over its retention is deleted, the oldest first, at most so many, and the octets are told', async () => {
      const octets = await samples.octets();
      assert.equal(octets % 5, 0);
      await samples.keep([sample('x', { day: '2026-01-01', at: new Date('2026-01-01') })], 3);
      assert.equal(await samples.octets(), octets + 5);
      assert.equal(await samples.forget(new Date('2026-11-30T11:59:59Z'), 100), 1);
      assert.equal(await samples.octets(), octets);
      assert.equal(await samples.forget(new Date('2026-12-24'), 2), 2);
      while ((await samples.forget(new Date('2026-12-24'), 2)) > 0);
      assert.equal(await samples.octets(), 0);
    });
  });
}

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type StormWorld, stormWorld, weatherStorm } from '../../support/slack/storm-world.ts';
import { skipWithoutBacking } from '../../support/store/backing.ts';

/** Milliseconds for which nothing can be committed: longer than Slack waits, and not as long as a statement may take. */
const STILL_MS = 3_500;

describe('a storm of clicks at one replica', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let world: StormWorld;
  before(async () => {
    world = await stormWorld();
  });
  after(() => world.close());

  test('P3: 200 clicks in 1.6 s: nothing is lost, nothing is decided or sent twice', async () => {
    const { clicks } = await weatherStorm(world, 200, 1_600);
    assert.equal(clicks.length, 200);
  });
});

describe('a storm of clicks at a store that stands still', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let world: StormWorld;
  before(async () => {
    world = await stormWorld();
  });
  after(() => world.close());

  test('P3: whoever sees Slack’s warning finds the true state at the next look', async () => {
    const { warned } = await weatherStorm(world, 60, 2_000, async () => {
      await sleep(300);
      const somebody = new pg.Client({ connectionString: world.databaseUrl });
      await somebody.connect();
      await somebody.query('begin; lock table holdfast.approvals in share mode');
      await sleep(STILL_MS);
      await somebody.query('rollback');
      await somebody.end();
    });
    assert.ok(warned.length > 0, 'the store stood still, so some clicks could not be acknowledged in time');
  });
});

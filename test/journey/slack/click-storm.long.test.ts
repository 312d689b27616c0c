import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stormWorld, weatherStorm } from '../../support/slack/storm-world.ts';
import { skipWithoutBacking } from '../../support/store/backing.ts';

test('P3: 1,000 clicks in 8 s at one replica: nothing is lost, nothing is decided or sent twice', {
  skip: skipWithoutBacking('redis and postgres'),
}, async () => {
  const world = await stormWorld();
  try {
    const { clicks, warned } = await weatherStorm(world, 1_000, 8_000);
    assert.equal(clicks.length, 1_000);
    console.log(`${warned.length} of 1,000 clicks were not acknowledged within Slack’s 3 s`);
  } finally {
    await world.close();
  }
});

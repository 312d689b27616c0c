import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { textOf } from '../../support/agent/agent.ts';
import type { GatewayProcess } from '../../support/gateway/program.ts';
import { clickStorm, parkStorm } from '../../support/slack/click-storm.ts';
import { assertDecidedOnce, type StormWorld, stormWorld, weatherStorm } from '../../support/slack/storm-world.ts';
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

describe('a storm of clicks at two replicas', { skip: skipWithoutBacking('redis and postgres') }, () => {
  let world: StormWorld;
  let other: GatewayProcess;
  before(async () => {
    world = await stormWorld();
    // Slack's clicks come to the one that started last; the agents wait at the first.
    other = await world.house.start();
  });
  after(() => world.close());

  test('P3: two people click on each card, while a third decides the same calls at the other replica: each is decided once and sent once', async () => {
    const { house, gateway, upstream } = world;
    const calls = await parkStorm(house, gateway, { tool: 'create_key', count: 60 });
    const planned = calls.flatMap((call) => [
      { call, by: 'U0MIRA' },
      { call, by: 'U0ALEX' },
    ]);
    const approve = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ decision: 'approve', reason: 'by the API' }),
    };
    const elsewhere = calls.map(({ id }) => gateway.api(`/api/approvals/${id}/decisions`, approve));
    const [made, decided] = await Promise.all([clickStorm(house, planned, { withinMs: 500 }), Promise.all(elsewhere)]);
    assert.ok(made.length === 120 && decided.every(({ status }) => status === 200 || status === 409));
    house.slack.rates = false;
    for (const { answer, n } of calls) {
      assert.equal(textOf(await answer), 'done');
      assert.equal(upstream.count('create_key', { n }), 1, `call ${n} reached the server once`);
    }
    await assertDecidedOnce(other, calls);
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

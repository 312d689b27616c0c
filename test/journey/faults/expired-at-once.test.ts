import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { due } from '../../../src/gateway/decision/due.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { sweep } from '../../../src/gateway/sweep.ts';
import type { Change, Store } from '../../../src/ports.ts';
import { Agent, type Sent, textOf } from '../../support/agent/agent.ts';
import { type ParkedCall, type ParkedWorld, park, parkedWorld } from '../../support/gateway/parked-world.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { type Backing, skipWithoutBacking, startBacking } from '../../support/store/backing.ts';
import { type CountingUpstream, countingUpstream } from '../../support/upstream/counting.ts';
import { eventually } from '../../support/wait.ts';

/** Milliseconds that every question waits in the world of one process. */
const TIMEOUT_MS = 30 * 60_000;

describe('questions whose time is over in the same moment, in one process', () => {
  let world: ParkedWorld;
  let count = 0;
  before(async () => {
    world = await parkedWorld();
  });
  after(() => world.close());

  /** A replica that counts how often it asks the store for what an end needs. */
  function replica(more: Partial<Store> = {}) {
    count += 1;
    const asked = { find: 0, together: 0, changed: 0, commit: 0 };
    const { store } = world;
    const counted = <A extends unknown[], R>(verb: keyof typeof asked, ask: (...args: A) => R) => {
      return (...args: A): R => {
        asked[verb] += 1;
        return ask(...args);
      };
    };
    const gateway = world.replica(`ends-${count}`, {
      store: {
        find: (id, how) => {
          asked[how ?? 'find'] += 1;
          return store.find(id, how);
        },
        changed: counted('changed', store.changed),
        commit: counted('commit', store.commit),
        ...more,
      },
    });
    return { gateway, asked };
  }
  const parkMany = async (gateway: Gateway, many: number): Promise<ParkedCall[]> => {
    const places: ParkedCall[] = [];
    for (let n = 0; n < many; n += 1) places.push(await park(gateway, { name: `${gateway.replica}-${n}` }));
    return places;
  };
  const idsOf = (places: readonly ParkedCall[]) => places.map(({ seat }) => seat.approval.id);
  const story = async (id: string) =>
    (await world.store.events({ after: 0, limit: 100, approval: id }))
      .map(({ type }) => type)
      .filter((type) => type !== 'approval.requested');

  test('P4: callers hear it without a read of their own; their jobs and a sweep find nothing left to do', async () => {
    const { gateway, asked } = replica();
    const places = await parkMany(gateway, 15);
    const turns = places.map((place) => place.turn(2 * TIMEOUT_MS));
    Object.assign(asked, { find: 0, together: 0, changed: 0, commit: 0 });
    world.clock.advance(TIMEOUT_MS);
    const jobs = idsOf(places).map((id) => due(gateway, id));
    for (const turn of await Promise.all(turns)) {
      assert.ok(turn.kind === 'over' && turn.approval.state === 'expired', JSON.stringify(turn.kind));
    }
    assert.deepEqual(
      (await Promise.all(jobs)).map((one) => one?.state),
      Array(15).fill('expired'),
    );
    assert.equal(asked.commit, 15, 'each is committed once, whoever finds it');
    assert.ok(asked.find + asked.changed <= 4, JSON.stringify(asked));
    await sweep(gateway);
    for (const id of idsOf(places)) assert.deepEqual(await story(id), ['approval.expired']);
  });

  test('P3: at two replicas, with a sweep at both, each ends once, and every caller hears it', async () => {
    const [one, other] = [replica(), replica()];
    const [here, there] = [await parkMany(one.gateway, 8), await parkMany(other.gateway, 8)];
    const turns = [...here, ...there].map((place) => place.turn(2 * TIMEOUT_MS));
    world.clock.advance(TIMEOUT_MS);
    await Promise.all([
      sweep(one.gateway),
      sweep(other.gateway),
      ...idsOf([...here, ...there]).map((id, n) => due(n % 2 ? one.gateway : other.gateway, id)),
    ]);
    for (const turn of await Promise.all(turns)) assert.ok(turn.kind === 'over' && turn.approval.state === 'expired');
    for (const id of idsOf([...here, ...there])) assert.deepEqual(await story(id), ['approval.expired']);
  });

  test('P6: where the store does not take it, nobody is told that it has ended, and later it ends', async () => {
    let away = true;
    const taken: Change[] = [];
    const { gateway } = replica({
      commit: (change) => {
        if (away) return Promise.reject(new Error('away'));
        taken.push(change);
        return world.store.commit(change);
      },
    });
    const places = await parkMany(gateway, 4);
    world.clock.advance(TIMEOUT_MS);
    const ends = await Promise.allSettled(idsOf(places).map((id) => due(gateway, id)));
    assert.ok(ends.every(({ status }) => status === 'rejected'));
    away = false;
    await Promise.all(idsOf(places).map((id) => due(gateway, id)));
    assert.equal(taken.length, 4);
    for (const id of idsOf(places)) assert.deepEqual(await story(id), ['approval.expired']);
  });
});

const POLICY = `version: "1"
default: require_approval
`;
/** Calls that each of two gateways holds. */
const EACH = 20;

describe('questions whose time is over in the same moment, at two gateways', {
  skip: skipWithoutBacking('redis and postgres'),
}, () => {
  let backing: Backing;
  let upstream: CountingUpstream;
  let house: House;
  let a: GatewayProcess;
  let b: GatewayProcess;
  before(async () => {
    [backing, upstream] = await Promise.all([startBacking('redis and postgres'), countingUpstream()]);
    house = await openHouse({
      servers: { tools: { at: `url: "${upstream.url}"`, policy: POLICY } },
      approval: '{ timeout: 20s, max_pending: 100, hold: { default: 90s, progress: 90s } }',
      databaseUrl: await backing.database(),
      redisUrl: backing.redis!.url,
    });
    [a, b] = await Promise.all([house.start(), house.start()]);
  });
  after(async () => {
    await house?.close();
    await upstream.close();
    await backing.stop();
  });

  test('P3: decided or expired and never both, P4: nobody is left, although one gateway is killed on the way', async () => {
    const asked: Sent[] = [];
    for (const gateway of [a, b]) {
      const agent = await Agent.open(`${gateway.url}/mcp/tools`, house.tokens.agent!);
      const at = gateway === a ? 'a' : 'b';
      for (let n = 0; n < EACH; n += 1)
        asked.push(agent.call('create_key', { at, n }, { meta: { progressToken: `${at}${n}` } }));
    }
    for (const { answer } of asked) answer.catch(() => undefined);
    const all = await eventually('all wait', async () => {
      const pending = await b.approvals('pending');
      return pending.length === 2 * EACH ? pending : null;
    });
    // Every third is approved at the other gateway, as near to its end as can be.
    const expires = Math.min(...(await Promise.all(all.map(({ id }) => expiresAt(b, id)))));
    await eventually('the moment', () => (Date.now() >= expires - 150 ? true : null));
    const decided = all
      .filter((_, n) => n % 3 === 0)
      .map(({ id }) =>
        b.api(`/api/approvals/${id}/decisions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ decision: 'approve' }),
        }),
      );
    await eventually('one has expired', async () => (await b.approvals('expired')).length > 0 || null);
    await a.kill();
    await Promise.all(decided);
    const ended = await eventually('all are over', async () => {
      const now = await b.approvals();
      return now.every(({ state }) => state !== 'pending') ? now : null;
    });
    for (const { id, state } of ended) {
      const types = (await b.events(id)).map(({ type }) => type);
      const ends = types.filter((type) => type === 'approval.expired' || type === 'approval.decided');
      assert.equal(ends.length, 1, `${id}: ${types.join()}`);
      assert.equal(ends[0] === 'approval.expired', state === 'expired', `${id} is ${state}: ${types.join()}`);
    }
    assert.ok(ended.filter(({ state }) => state === 'expired').length > EACH, 'most of them expired');
    // The callers of the one that was killed lost their connections; those of the other have their answers.
    for (const { answer } of asked.slice(EACH))
      assert.match(textOf(await answer), /nobody decided on .* in time|done/i);
    for (const { id, state } of ended) if (state === 'expired') await house.card(id, /xpired/);
    const sent = ended.filter(({ state }) => state === 'succeeded').length;
    assert.ok(upstream.calls.length >= sent && upstream.calls.length <= decided.length);
  });
});

async function expiresAt(gateway: GatewayProcess, id: string): Promise<number> {
  const { expiresAt: at } = (await (await gateway.api(`/api/approvals/${id}`)).json()) as { expiresAt: string };
  return Date.parse(at);
}

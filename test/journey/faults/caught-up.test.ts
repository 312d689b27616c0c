import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import { decideApproval } from '../../../src/gateway/decision/decide.ts';
import { publishCard } from '../../../src/gateway/publish-card.ts';
import { RetryQueue } from '../../../src/gateway/state/retry-queue.ts';
import { sweep } from '../../../src/gateway/sweep.ts';
import { type CardRecord, type Cards, type Delivery, Unavailable } from '../../../src/ports.ts';
import { backOff } from '../../../src/queue/retry.ts';
import { ADMIN, APPROVE, type ParkedWorld, park, parkedWorld, TERMS } from '../../support/gateway/parked-world.ts';
import { quiet } from '../../support/log.ts';
import { eventually } from '../../support/wait.ts';

/** Cards that are shown as soon as `gate` lets them, and what was known of each at that time. */
function gatedCards(gate: Promise<void> = Promise.resolve()): Cards & { readonly shown: (CardRecord | null)[] } {
  const shown: (CardRecord | null)[] = [];
  return {
    shown,
    show: async (_, at): Promise<Delivery> => {
      shown.push(at);
      await gate;
      return { kind: 'shown', channel: 'C0APPROVALS', ts: '1.000001', digest: 'd' };
    },
    person: async (_user, userGroups) => ({ userGroups }),
    crowded: async () => ({ kind: 'never', why: 'not here' }),
  };
}

describe('what a fault left behind is caught up', () => {
  let world: ParkedWorld;
  before(async () => {
    world = await parkedWorld();
  });
  after(() => world.close());

  /** Milliseconds for which the card of this approval is still taken; null: by nobody. */
  async function takenForMs(id: string): Promise<number | null> {
    const found = await sql<{ ms: string | null }>`
      select extract(epoch from run_until - clock_timestamp()) * 1000 as ms from holdfast.cards
      where approval_id = ${id} and run is not null`.execute(world.db);
    return found.rows[0]?.ms == null ? null : Number(found.rows[0].ms);
  }

  test('P4: a card that was claimed, though the store’s answer was lost, is posted at once, decided or not', async () => {
    const cards = gatedCards();
    const claimCard: typeof world.store.claimCard = async (...args) => {
      await world.store.claimCard(...args);
      throw new Unavailable('store', 'the answer was lost');
    };
    const gateway = world.replica('claim-lost', { cards });
    const { id } = (await park(gateway, { name: 'claim lost' })).seat.approval;
    await assert.rejects(publishCard({ ...gateway, store: { ...gateway.store, claimCard } }, id), Unavailable);
    await decideApproval(gateway, id, APPROVE, ADMIN, TERMS);
    assert.equal(await publishCard(gateway, id), 500, 'it is taken, for a run that never was');
    await eventually('it is posted', async () => ((await publishCard(gateway, id)) === null ? true : null), 5_000);
    assert.equal(cards.shown.length, 1);
    assert.equal((await world.store.card(id))?.ts, '1.000001');
    gateway.retries.stop();
  });

  test('P10: what changes, or is erased, after a card’s call was read and before the card is taken is read again', async () => {
    const revisions: number[] = [];
    const { show, ...more } = gatedCards();
    const cards: Cards = {
      ...more,
      show: (approval, at, beside) => {
        revisions.push(approval.revision);
        return show(approval, at, beside);
      },
    };
    const gateway = world.replica('changed-between', { cards });
    const { id } = (await park(gateway, { name: 'changed between' })).seat.approval;
    const change = () => sql`update holdfast.approvals set revision = revision + 1 where id = ${id}`.execute(world.db);
    assert.equal(await publishCard(gateway, id), null);
    await change();
    const claimCard: typeof world.store.claimCard = async (...args) => {
      await change();
      return world.store.claimCard(...args);
    };
    assert.equal(await publishCard({ ...gateway, store: { ...gateway.store, claimCard } }, id), null);
    assert.deepEqual(revisions, [1, 3]);
    gateway.retries.stop();
  });

  test('P4: a claim that the store carries out after everybody gave up holds a card for 20 s at most', async () => {
    const cards = gatedCards();
    const gateway = world.replica('claim-late', { cards });
    const { id } = (await park(gateway, { name: 'claim late' })).seat.approval;
    const late = Promise.withResolvers<void>();
    const claimCard: typeof world.store.claimCard = async (...args) => {
      void late.promise.then(() => world.store.claimCard(...args));
      throw new Unavailable('store', 'no answer');
    };
    let released = false;
    const releaseCard: typeof world.store.releaseCard = async (...args) => {
      await world.store.releaseCard(...args);
      released = true;
    };
    const store = { ...gateway.store, claimCard, releaseCard };
    await assert.rejects(publishCard({ ...gateway, store }, id), Unavailable);
    await eventually('it was let go of', () => released || null, 5_000);
    late.resolve();
    const ms = await eventually('it is taken', () => takenForMs(id));
    assert.ok(ms > 0 && ms <= 20_000, `${ms} ms`);
    await sql`update holdfast.cards set run_until = run_until - interval '20 s' where approval_id = ${id}`.execute(
      world.db,
    );
    assert.equal(await publishCard(gateway, id), null);
    gateway.retries.stop();
  });

  test('P4: a run that takes longer keeps its card, and another is given it only once nobody renews it', async () => {
    const gate = Promise.withResolvers<void>();
    const cards = gatedCards(gate.promise);
    const gateway = world.replica('long-run', { cards });
    const other = world.replica('long-run-other', { cards });
    const { id } = (await park(gateway, { name: 'long run' })).seat.approval;
    const running = publishCard(gateway, id);
    await eventually('it is being posted', () => (cards.shown.length === 1 ? true : null));
    await sql`update holdfast.cards set run_until = run_until - interval '10 s' where approval_id = ${id}`.execute(
      world.db,
    );
    assert.ok(((await takenForMs(id)) ?? 0) < 10_000);
    await eventually('it is renewed', async () => (((await takenForMs(id)) ?? 0) > 15_000 ? true : null), 8_000);
    assert.equal(await publishCard(other, id), 500);
    gate.resolve();
    assert.equal(await running, null);
    assert.equal(await takenForMs(id), null);
    // What comes after a run has let go of its card changes nothing.
    await world.store.renewCard(id, 'ru_gone', 20_000);
    assert.equal(await takenForMs(id), null);
    assert.equal(cards.shown.length, 1);
  });

  test('P4: small writes that will never be taken do not keep the others from being written', async () => {
    const retries = new RetryQueue(quiet);
    const written: string[] = [];
    const never = async (): Promise<void> => {
      throw new Unavailable('store', 'never');
    };
    retries.add(never);
    retries.add(never);
    retries.add(async () => void written.push('release'));
    await eventually('it is written', () => (written.length > 0 ? true : null), 6_000);
    retries.stop();
    assert.deepEqual(written, ['release']);
  });

  test('P4: steps of the sweep that always fail keep nothing else from being done', async () => {
    const bad: string[] = [];
    const calls = world.replica('sweep-calls');
    for (let n = 0; n < 5; n += 1) bad.push((await park(calls, { name: `bad ${n}` })).seat.approval.id);
    const good = (await park(calls, { name: 'good' })).seat.approval.id;
    const queue = { ...calls.queue, missing: async () => Promise.reject(new Unavailable('queue', 'away')) };
    const gateway = world.replica('sweeping', {
      cards: gatedCards(),
      store: {
        unreminded: async () => Promise.reject(new Unavailable('store', 'a bad row')),
        commit: async (change) => {
          if (bad.includes(change.id)) throw new Unavailable('store', 'it cannot be written');
          return world.store.commit(change);
        },
      },
    });
    world.clock.advance(31 * 60_000);
    const ended = async (): Promise<true | null> => {
      world.ordered.length = 0;
      await assert.rejects(sweep({ ...gateway, queue }), Unavailable);
      return (await world.store.find(good))?.state === 'expired' ? true : null;
    };
    await eventually('it is ended', ended, 5_000);
    for (const id of [...bad, good]) assert.ok(world.ordered.includes(id), 'its card is ordered');
    await sweep(world.replica('sweeping-again'));
    assert.equal((await world.store.find(bad[0]!))?.state, 'expired');
  });

  test('P7: the sweep orders what the queue lost of the delivery to the sink', async () => {
    let orders = 0;
    const gateway = world.replica('delivering');
    const queue = {
      ...gateway.queue,
      deliver: async () => {
        orders += 1;
      },
    };
    const sink = { name: 'siem', send: async () => ({ kind: 'taken' as const }) };
    await sweep({ ...gateway, queue });
    assert.equal(orders, 0);
    await sweep({ ...gateway, queue, sink });
    assert.equal(orders, 1);
  });

  test('P4: a job that failed comes again within 10 s, however often it has failed', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 50, 1_000_000].map(backOff),
      [1, 2, 4, 8, 10, 10, 10].map((s) => s * 1_000),
    );
  });
});

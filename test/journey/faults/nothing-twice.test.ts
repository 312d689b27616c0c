import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { approvalEvent } from '../../../src/domain/log/event.ts';
import { handleCall } from '../../../src/gateway/call/handle-call.ts';
import { withdraw } from '../../../src/gateway/call/withdraw.ts';
import { decideApproval } from '../../../src/gateway/decision/decide.ts';
import { finish } from '../../../src/gateway/dispatch/finish.ts';
import { sweep } from '../../../src/gateway/sweep.ts';
import { Unavailable } from '../../../src/ports.ts';
import { policyOf } from '../../support/domain/policy.ts';
import {
  ADMIN,
  APPROVE,
  ASKING,
  arrivalOf,
  DENY,
  type ParkedWorld,
  park,
  parkedWorld,
  TERMS,
} from '../../support/gateway/parked-world.ts';

const RETURNED = {
  kind: 'returned',
  response: new TextEncoder().encode('{"id":1,"result":{}}'),
  failed: false,
} as const;
const NOT_SENT = { kind: 'not_sent', why: 'ECONNREFUSED' } as const;
const LIMITED = policyOf({
  tools: {
    create_api_key: {
      action: 'require_approval',
      limits: [{ counter: 'keys', window: 'day', max: 1, scope: 'grant' }],
    },
  },
});

describe('parked calls under races and faults', () => {
  let world: ParkedWorld;
  let count = 0;
  before(async () => {
    world = await parkedWorld();
  });
  after(() => world.close());
  const fresh = () => {
    count += 1;
    world.policy = ASKING;
    return { gateway: world.replica(`replica-${count}`), args: { name: `key-${count}` } };
  };

  test('P4: a denial is kept for a caller who was away, and nobody is asked again', async () => {
    const { gateway, args } = fresh();
    const first = await park(gateway, args);
    assert.equal((await first.turn(0)).kind, 'pending');
    await world.store.away(first.seat.joiner, gateway.replica);
    await decideApproval(gateway, first.seat.approval.id, DENY, ADMIN, TERMS);
    const again = await park(gateway, args);
    assert.equal(again.seat.approval.id, first.seat.approval.id);
    const turn = await again.turn();
    assert.equal(turn.kind === 'over' && turn.approval.state, 'denied');
  });

  test('P3: a vote judged on an old state is judged again before it is refused, and never recorded on that state', async () => {
    const { gateway, args } = fresh();
    const { approval } = (await park(gateway, args)).seat;
    const old = { approval: { ...approval, expiresAt: new Date(0) }, card: null };
    const first = await decideApproval(gateway, approval.id, DENY, ADMIN, TERMS, old);
    assert.equal(first.kind === 'recorded' && first.approval.state, 'denied');
    const late = await decideApproval(gateway, approval.id, APPROVE, ADMIN, TERMS, { approval, card: null });
    assert.equal(late.kind === 'refused' && late.approval.state, 'denied', 'told how it stands now');
    const again = (await park(gateway, { name: 'another' })).seat.approval;
    const stale = { approval: { ...again, revision: again.revision - 1 }, card: null };
    const second = await decideApproval(gateway, again.id, APPROVE, ADMIN, TERMS, stale);
    assert.equal(second.kind === 'recorded' && second.approval.state, 'approved');
  });

  test('P2: of ten callers on three replicas one dispatches, and the others get its result', async () => {
    const { gateway, args } = fresh();
    const replicas = [gateway, world.replica('twin-a'), world.replica('twin-b')];
    const places = await Promise.all(Array.from({ length: 10 }, (_, i) => park(replicas[i % 3]!, args)));
    const turns = places.map((place) => place.turn(20_000));
    await decideApproval(gateway, places[0]!.seat.approval.id, APPROVE, ADMIN, TERMS);
    const first = await Promise.race(turns);
    assert.equal(first.kind, 'dispatch');
    if (first.kind === 'dispatch') await finish(gateway, first.dispatch, RETURNED);
    const kinds = (await Promise.all(turns)).map((turn) => turn.kind);
    assert.deepEqual([...kinds].sort(), ['dispatch', ...Array.from({ length: 9 }, () => 'result')]);
  });

  test('P5: what was provably not sent gives its quota back with its pass', async () => {
    const { gateway, args } = fresh();
    world.policy = LIMITED;
    const place = await park(gateway, args);
    await decideApproval(gateway, place.seat.approval.id, APPROVE, ADMIN, TERMS);
    for (const outcome of [NOT_SENT, NOT_SENT, RETURNED]) {
      const turn = await place.turn();
      assert.equal(turn.kind, 'dispatch', JSON.stringify(turn));
      if (turn.kind === 'dispatch') await finish(gateway, turn.dispatch, outcome);
    }
    const other = await handleCall(gateway, arrivalOf(gateway, { name: 'one too many' }));
    assert.equal(other.kind, 'limited');
  });

  test('P2: the end of one dispatch is never taken for the end of the next one', async () => {
    const { args } = fresh();
    let lose = true;
    const { store } = world;
    const gateway = world.replica('loses-an-answer', {
      store: {
        commit: async (change) => {
          const committed = await store.commit(change);
          if (change.from !== 'dispatched' || !lose) return committed;
          lose = false;
          // The database commits, but its answer is lost; before the gateway asks again another caller spends the pass.
          const turn = await second.turn();
          assert.equal(turn.kind, 'dispatch');
          throw new Unavailable('store', 'lost');
        },
      },
    });
    const first = await park(gateway, args);
    const second = await park(world.replica('the-next-one'), args);
    await decideApproval(gateway, first.seat.approval.id, APPROVE, ADMIN, TERMS);
    const turn = await first.turn();
    assert.equal(turn.kind, 'dispatch');
    const found = turn.kind === 'dispatch' ? await finish(gateway, turn.dispatch, NOT_SENT) : null;
    assert.equal(found?.state, 'dispatched');
    assert.equal((await store.find(first.seat.approval.id))?.state, 'dispatched');
  });

  test('P1: a caller that has left spends nothing, however late it notices', async () => {
    const { gateway, args } = fresh();
    const staying = await park(gateway, args);
    const leaving = await park(gateway, args, { requestId: '77' });
    await decideApproval(gateway, staying.seat.approval.id, APPROVE, ADMIN, TERMS);
    const by = { grant: 'release-bot', server: 'prometheus', session: 'session-1', requestId: '77', reason: null };
    assert.deepEqual(await withdraw(gateway, by), { ends: true, forwards: false });
    assert.equal((await leaving.turn()).kind, 'gone');
    assert.equal((await staying.turn()).kind, 'dispatch');
  });

  test('P1: nobody listens, so nothing is sent, although it was approved in the meantime', async () => {
    const { gateway, args } = fresh();
    const place = await park(gateway, args);
    await decideApproval(gateway, place.seat.approval.id, APPROVE, ADMIN, TERMS);
    assert.equal((await place.turn(5_000, AbortSignal.abort())).kind, 'gone');
    assert.equal((await world.store.find(place.seat.approval.id))?.state, 'approved');
  });

  test('a cancellation that lost to the dispatch says so: it is the upstream that must hear it', async () => {
    const { args } = fresh();
    const { store } = world;
    const gateway = world.replica('cancels', {
      store: {
        cancel: async (by, gaveUp, event) => {
          const left = await store.cancel(by, gaveUp, event);
          // Between leaving and withdrawing, a caller elsewhere joins and spends the pass.
          const other = await park(elsewhere, args);
          assert.equal((await other.turn()).kind, 'dispatch');
          return left;
        },
      },
    });
    const elsewhere = world.replica('elsewhere');
    const place = await park(gateway, args, { requestId: '78' });
    await decideApproval(gateway, place.seat.approval.id, APPROVE, ADMIN, TERMS);
    const by = { grant: 'release-bot', server: 'prometheus', session: 'session-1', requestId: '78', reason: null };
    assert.deepEqual(await withdraw(gateway, by), { ends: true, forwards: true });
  });

  test('a cancellation means the call of its own server, where two servers hand out one session id', async () => {
    const { gateway, args } = fresh();
    const place = await park(gateway, args, { requestId: '79', session: 'same', server: 'prometheus' });
    const by = { grant: 'other', server: 'elsewhere', session: 'same', requestId: '79', reason: null };
    assert.deepEqual(await withdraw(gateway, by), { ends: false, forwards: true });
    assert.equal((await world.store.find(place.seat.approval.id))?.callers, 1);
  });

  test('P4: a process that died between leaving and withdrawing is finished by the sweep', async () => {
    const { gateway, args } = fresh();
    const place = await park(gateway, args);
    const { id } = place.seat.approval;
    const event = (approval: string) =>
      approvalEvent(place.seat.approval, {
        type: 'approval.caller_left',
        at: world.clock.now(),
        actor: 'holdfast',
        data: { approval },
      });
    await world.store.leave({ joiner: place.seat.joiner }, event);
    await world.db
      .updateTable('holdfast.approvals')
      .set({ updated_at: new Date(0) })
      .where('id', '=', id)
      .execute();
    await sweep(gateway);
    assert.equal((await world.store.find(id))?.state, 'withdrawn');
  });

  test('P2: not sent is not believed once the outcome was called unknown', async () => {
    const { gateway, args } = fresh();
    const place = await park(gateway, args);
    await decideApproval(gateway, place.seat.approval.id, APPROVE, ADMIN, TERMS);
    const turn = await place.turn();
    assert.equal(turn.kind, 'dispatch');
    world.clock.advance(31_000);
    // Another process: its own calls are never unknown to it.
    await sweep(world.replica('awake'));
    const found = turn.kind === 'dispatch' ? await finish(gateway, turn.dispatch, NOT_SENT) : null;
    assert.equal(found?.state, 'unknown');
  });

  test('P4: a parked call and a kept result outlive a rotation of the secret', async () => {
    const { args } = fresh();
    const before = world.replica('before', { secrets: ['o'.repeat(40)] });
    const place = await park(before, args);
    await decideApproval(before, place.seat.approval.id, APPROVE, ADMIN, TERMS);
    const turn = await place.turn();
    assert.equal(turn.kind, 'dispatch');
    if (turn.kind === 'dispatch') await finish(before, turn.dispatch, RETURNED);
    await world.store.away(place.seat.joiner, 'before');
    const rotated = world.replica('rotated', { secrets: ['n'.repeat(40), 'o'.repeat(40)] });
    const again = await park(rotated, args);
    assert.equal(again.seat.approval.id, place.seat.approval.id);
    const result = await again.turn();
    assert.equal(result.kind === 'result' && new TextDecoder().decode(result.response), '{"id":1,"result":{}}');
  });

  for (const fate of ['lost', 'collected'] as const) {
    test(`P4: a repeat while the first answer is on its way waits until it is known to be ${fate}`, async () => {
      const { gateway, args } = fresh();
      const first = await park(gateway, args);
      const { id } = first.seat.approval;
      await decideApproval(gateway, id, APPROVE, ADMIN, TERMS);
      const turn = await first.turn();
      assert.equal(turn.kind, 'dispatch');
      if (turn.kind === 'dispatch') await finish(gateway, turn.dispatch, RETURNED);
      const repeating = park(world.replica(`after ${fate}`), args);
      if (fate === 'lost') {
        gateway.waitingRoom.stop();
        const silent = { seen_at: new Date(0) };
        await world.db.updateTable('holdfast.replicas').set(silent).where('id', '=', gateway.replica).execute();
      } else {
        const event = { type: 'approval.collected', at: world.clock.now(), actor: 'holdfast', data: {} } as const;
        await world.store.collected(first.seat.joiner, approvalEvent(first.seat.approval, event));
      }
      const again = await repeating;
      if (fate === 'collected') assert.notEqual(again.seat.approval.id, id);
      else assert.equal((await again.turn()).kind, 'result');
    });
  }

  test('a new deny, or a revoked grant, stops an approved call and says why', async () => {
    for (const change of ['policy', 'grant'] as const) {
      const { gateway, args } = fresh();
      const place = await park(gateway, args);
      await decideApproval(gateway, place.seat.approval.id, APPROVE, ADMIN, TERMS);
      if (change === 'policy')
        world.policy = policyOf({ tools: { create_api_key: { action: 'deny', reason: 'Frozen.' } } });
      else world.revoked = true;
      const turn = await place.turn();
      world.revoked = false;
      assert.equal(turn.kind === 'over' && turn.approval.state, 'lapsed');
      assert.match((turn.kind === 'over' && turn.approval.note) || '', change === 'policy' ? /Frozen/ : /revoked/);
    }
  });
});

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Approver } from '../../../src/domain/approval/approval.ts';
import { withdraw } from '../../../src/gateway/call/withdraw.ts';
import { decideApproval } from '../../../src/gateway/decision/decide.ts';
import { finish } from '../../../src/gateway/dispatch/finish.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { type CardRecord, type Cards, type Store, Unavailable } from '../../../src/ports.ts';
import { policyOf } from '../../support/domain/policy.ts';
import {
  ADMIN,
  APPROVE,
  ASKING,
  DENY,
  type ParkedCall,
  type ParkedWorld,
  park,
  parkedWorld,
  TERMS,
  tokenOf,
} from '../../support/gateway/parked-world.ts';
import { change } from '../../support/store/world.ts';

const MIRA = { id: 'U0MIRA', via: 'slack', userGroups: [] } as const;
const RETURNED = {
  kind: 'returned',
  response: new TextEncoder().encode('{"id":1,"result":{}}'),
  failed: false,
} as const;
/** Knows everybody as a colleague, and shows no cards. */
const SLACK: Cards = {
  show: async () => ({ kind: 'never', why: 'no cards here' }),
  person: async (_user, userGroups) => ({ userGroups }),
  crowded: async () => ({ kind: 'never', why: 'no cards here' }),
};
/** Milliseconds that a caller waits at most. */
const LONG = 20_000;

const gated = (more: object) => policyOf({ tools: { create_api_key: { action: 'require_approval', ...more } } });

/** The races of an inline dispatch: the caller waits in the very process that takes the decision. */
describe('a decision that spends the pass it gives', () => {
  let world: ParkedWorld;
  let count = 0;
  before(async () => {
    world = await parkedWorld();
  });
  after(() => world.close());

  /** A process that counts its commits of a decision with its dispatch; `both` may wrap them. */
  function replica(
    both?: (commit: () => ReturnType<Store['commitBoth']>) => ReturnType<Store['commitBoth']>,
    cards: Cards = SLACK,
  ) {
    count += 1;
    world.policy = ASKING;
    const spent = { times: 0 };
    const commitBoth: Store['commitBoth'] = (first, second) => {
      spent.times += 1;
      const commit = () => world.store.commitBoth(first, second);
      return both === undefined ? commit() : both(commit);
    };
    const gateway = world.replica(`here-${count}`, { store: { commitBoth }, cards });
    return { gateway, spent, args: { name: `key-${count}` } };
  }
  const idOf = (place: ParkedCall) => place.seat.approval.id;
  const approve = (gateway: Gateway, place: ParkedCall, approver: Approver = ADMIN) =>
    decideApproval(gateway, idOf(place), APPROVE, approver, TERMS);
  const story = async (place: ParkedCall) =>
    (await world.store.events({ after: 0, limit: 100, approval: idOf(place) })).map(({ type }) => type);
  const stateOf = async (place: ParkedCall) => (await world.store.find(idOf(place)))!.state;

  test('P7: is one commit, and reads in log, states and revisions as two', async () => {
    const { gateway, spent, args } = replica();
    const place = await park(gateway, args);
    const turning = place.turn(LONG);
    const decided = await approve(gateway, place);
    assert.equal(decided.kind === 'recorded' && decided.approval.state, 'approved', 'what the decision made of it');
    assert.equal(decided.kind === 'recorded' && decided.approval.revision, place.seat.approval.revision + 1);
    const turn = await turning;
    assert.ok(turn.kind === 'dispatch');
    assert.equal(spent.times, 1);
    assert.equal(turn.dispatch.approval.revision, place.seat.approval.revision + 2);
    assert.equal(turn.dispatch.approval.decisions[0]?.approver, 'admin');
    assert.deepEqual(await world.store.find(idOf(place)), turn.dispatch.approval);
    assert.deepEqual(await story(place), ['approval.requested', 'approval.decided', 'call.dispatched']);
    const [, given, sent] = await world.store.events({ after: 0, limit: 100, approval: idOf(place) });
    assert.equal(given!.data.state, 'approved');
    assert.deepEqual(sent!.data.votes, [{ approver: 'admin', choice: 'approve', via: 'api' }]);
    assert.equal((await finish(gateway, turn.dispatch, RETURNED)).state, 'succeeded');
  });

  test('P2: another replica decides, and the caller spends the pass itself', async () => {
    const [here, there] = [replica(), replica()];
    const place = await park(here.gateway, here.args);
    const turning = place.turn(LONG);
    await approve(there.gateway, place);
    assert.equal((await turning).kind, 'dispatch');
    assert.equal(here.spent.times + there.spent.times, 0);
  });

  test('P2: of two callers here one dispatches, the other joins the outcome', async () => {
    const { gateway, spent, args } = replica();
    const places = [await park(gateway, args), await park(gateway, args)];
    const turns = places.map((place) => place.turn(LONG));
    await approve(gateway, places[0]!);
    const first = await Promise.race(turns);
    assert.ok(first.kind === 'dispatch');
    await finish(gateway, first.dispatch, RETURNED);
    assert.deepEqual((await Promise.all(turns)).map(({ kind }) => kind).sort(), ['dispatch', 'result']);
    assert.equal(spent.times, 1);
  });

  test('P5: a limit without room leaves the pass, and the decision alone stands', async () => {
    const { gateway, spent, args } = replica();
    world.policy = gated({ limits: [{ counter: `keys-${count}`, window: 'day', max: 1, scope: 'grant' }] });
    const places = [await park(gateway, args), await park(gateway, { name: 'one too many' })];
    const turns = places.map((place) => place.turn(LONG));
    await approve(gateway, places[0]!);
    assert.equal((await turns[0]!).kind, 'dispatch');
    const decided = await approve(gateway, places[1]!);
    assert.equal(decided.kind, 'recorded');
    assert.equal((await turns[1]!).kind, 'full');
    assert.equal(spent.times, 2);
    assert.equal(await stateOf(places[1]!), 'approved');
    assert.deepEqual(await story(places[1]!), ['approval.requested', 'approval.decided']);
  });

  test('P3: a denial that comes between is what counts, and nothing is sent', async () => {
    const { gateway, args } = replica(async (commit) => {
      await decideApproval(gateway, idOf(place), DENY, MIRA, TERMS);
      return commit();
    });
    const place = await park(gateway, args);
    const turning = place.turn(LONG);
    const late = await approve(gateway, place);
    assert.equal(late.kind === 'refused' && late.approval.state, 'denied', 'told the true state');
    const turn = await turning;
    assert.equal(turn.kind === 'over' && turn.approval.state, 'denied');
    assert.equal((await story(place)).includes('call.dispatched'), false);
  });

  test('P3: a second approval that comes between decides alone, and the caller still has its turn, once', async () => {
    const { gateway, spent, args } = replica(async (commit) => {
      assert.equal((await approve(gateway, place, MIRA)).kind, 'recorded');
      return commit();
    });
    const place = await park(gateway, args);
    const turning = place.turn(LONG);
    const late = await approve(gateway, place);
    assert.equal(late.kind === 'refused' && late.reason, 'already_decided');
    assert.equal((await turning).kind, 'dispatch');
    assert.equal(spent.times, 1);
    const happened = await story(place);
    assert.equal(happened.filter((type) => type === 'approval.decided').length, 1);
    assert.equal(happened.filter((type) => type === 'call.dispatched').length, 1);
  });

  test('P1: a caller that cancels while its pass is on the way gets none, and the click is told so', async () => {
    const { gateway, args } = replica(async (commit) => {
      const by = { grant: 'release-bot', server: 'prometheus', session: 'cancels', requestId: '7', reason: null };
      assert.deepEqual(await withdraw(gateway, by), { ends: true, forwards: false });
      return commit();
    });
    const place = await park(gateway, args, { session: 'cancels', requestId: '7' });
    const turning = place.turn(LONG);
    const late = await approve(gateway, place);
    assert.equal(late.kind === 'refused' && late.approval.state, 'withdrawn');
    assert.equal((await turning).kind, 'over');
    assert.equal((await story(place)).includes('call.dispatched'), false);
  });

  test('P2: a caller whose stream ends, or whose time is over, during the commit still has its call to finish', async () => {
    for (const ending of ['stream', 'time'] as const) {
      const gone = new AbortController();
      const { gateway, args } = replica(async (commit) => {
        if (ending === 'stream') gone.abort();
        else gateway.waitingRoom.stop();
        await new Promise((resolve) => setImmediate(resolve));
        return commit();
      });
      const place = await park(gateway, args);
      const turning = place.turn(LONG, gone.signal);
      await approve(gateway, place);
      const turn = await turning;
      assert.ok(turn.kind === 'dispatch', `${ending}: ${turn.kind}`);
      assert.equal((await finish(gateway, turn.dispatch, RETURNED)).state, 'succeeded');
    }
  });

  test('P1: a new deny, or a revoked grant, stops it as it stops every approved call', async () => {
    for (const change of ['policy', 'grant'] as const) {
      const { gateway, spent, args } = replica();
      const place = await park(gateway, args);
      const turning = place.turn(LONG);
      if (change === 'policy')
        world.policy = policyOf({ tools: { create_api_key: { action: 'deny', reason: 'Frozen.' } } });
      else world.revoked = true;
      assert.equal((await approve(gateway, place)).kind, 'recorded');
      const turn = await turning;
      world.revoked = false;
      assert.equal(turn.kind === 'over' && turn.approval.state, 'lapsed');
      assert.equal(spent.times, 0);
      assert.deepEqual(await story(place), ['approval.requested', 'approval.decided', 'approval.lapsed']);
    }
  });

  test('P1: earlier votes are looked at again before their pass is spent', async () => {
    const cards: Cards = {
      show: async () => ({ kind: 'later', afterMs: 60_000, why: 'no Slack here', ambiguous: false }),
      person: async () => ({ refused: 'deactivated' }),
      crowded: async () => ({ kind: 'later', afterMs: 60_000, why: 'no Slack here', ambiguous: false }),
    };
    const { gateway, spent, args } = replica(undefined, cards);
    world.policy = gated({ approval: { quorum: 2 } });
    const place = await park(gateway, args);
    const turning = place.turn(LONG);
    await approve(gateway, place, MIRA);
    await approve(gateway, place, { ...MIRA, id: 'U0ALEX' });
    const turn = await turning;
    assert.match((turn.kind === 'over' && turn.approval.note) || '', /deactivated/);
    assert.equal(spent.times, 0);
  });

  test('P1: a grant that is revoked while its pass is on the way spends nothing', async () => {
    const { gateway, spent, args } = replica(async (commit) => {
      await sql`insert into holdfast.revocations (token_sha256, grant_name, at, actor, reason)
        values (${tokenOf('release-bot')}, 'release-bot', now(), 'admin', null)`.execute(world.db);
      const committed = await commit();
      world.revoked = true;
      return committed;
    });
    const place = await park(gateway, args);
    const turning = place.turn(LONG);
    assert.equal((await approve(gateway, place)).kind, 'recorded');
    const turn = await turning;
    world.revoked = false;
    await sql`delete from holdfast.revocations`.execute(world.db);
    assert.match((turn.kind === 'over' && turn.approval.note) || '', /revoked/);
    assert.equal(spent.times, 1);
    assert.deepEqual(await story(place), ['approval.requested', 'approval.decided', 'approval.lapsed']);
  });

  describe('judged on what this process remembers', () => {
    const cardOf = (place: ParkedCall, revision: number): CardRecord => ({
      ...{ approval: idOf(place), channel: 'C1', ts: '1.5', revision, digest: `shows ${revision}`, postedAt: null },
    });
    async function shown(more: { revision?: number } = {}) {
      const { gateway, spent, args } = replica();
      const place = await park(gateway, args);
      assert.equal(gateway.inline.remembered(idOf(place)), null, 'nobody waits yet');
      const turning = place.turn(LONG);
      assert.equal(gateway.inline.remembered(idOf(place)), null, 'no card yet');
      await world.store.saveCard(cardOf(place, 1), null);
      gateway.inline.cardShown(cardOf(place, 1), false);
      assert.equal(gateway.inline.remembered(idOf(place)), null, 'a card that was cut decides nothing');
      gateway.inline.cardShown(cardOf(place, 1), true);
      if (more.revision) await world.store.saveCard(cardOf(place, more.revision), null);
      const seen = gateway.inline.remembered(idOf(place));
      assert.deepEqual(seen, { approval: place.seat.approval, card: cardOf(place, 1) });
      const click = () => decideApproval(gateway, idOf(place), APPROVE, MIRA, TERMS, seen);
      const evidence = async () => {
        const events = await world.store.events({ after: 0, limit: 100, approval: idOf(place) });
        return events.filter(({ type }) => type === 'approval.decided').map(({ data }) => data.card);
      };
      return { gateway, spent, place, turning, click, evidence };
    }

    test('P10: the event names the card that was there when it was committed', async () => {
      for (const revision of [1, 2]) {
        const { spent, turning, click, evidence } = await shown({ revision });
        assert.equal((await click()).kind, 'recorded');
        assert.equal((await turning).kind, 'dispatch');
        assert.deepEqual(await evidence(), [{ channel: 'C1', ts: '1.5', revision, digest: `shows ${revision}` }]);
        assert.equal(spent.times, 1, 'a memory that misled once is not tried again');
      }
    });

    test('P3: a decision of another replica, not heard of yet, is the one that counts', async () => {
      const { gateway, place, turning, click, evidence } = await shown();
      const denied = change(place.seat.approval, 'denied', { patch: { resultUntil: new Date(Date.now() + 60_000) } });
      assert.equal((await world.store.commit(denied)).kind, 'committed');
      const late = await click();
      assert.equal(late.kind === 'refused' && late.approval.state, 'denied');
      gateway.waitingRoom.wake(idOf(place));
      const turn = await turning;
      assert.equal(turn.kind === 'over' && turn.approval.state, 'denied');
      assert.equal(gateway.inline.remembered(idOf(place)), null);
      assert.equal((await evidence()).length, 1);
      assert.equal((await story(place)).includes('call.dispatched'), false);
    });
  });

  test('P2: when the answer to its commit is lost, the outcome is unknown, and nothing is sent', async () => {
    const { gateway, args } = replica(async (commit) => {
      await commit();
      throw new Unavailable('store', 'lost');
    });
    const place = await park(gateway, args);
    const turning = place.turn(LONG * 3);
    await assert.rejects(approve(gateway, place), Unavailable);
    assert.equal(await stateOf(place), 'dispatched');
    world.clock.advance(gateway.leases.ms + 1_000);
    const turn = await turning;
    assert.equal(turn.kind === 'over' && turn.approval.state, 'unknown');
    assert.deepEqual(await story(place), ['approval.requested', 'approval.decided', 'call.dispatched', 'call.unknown']);
  });
});

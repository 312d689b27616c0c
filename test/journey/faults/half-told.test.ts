import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { handleCall } from '../../../src/gateway/call/handle-call.ts';
import { publishCard } from '../../../src/gateway/publish-card.ts';
import { Announcer } from '../../../src/gateway/state/announcer.ts';
import { progressMessage } from '../../../src/mcp/protocol/tool-results.ts';
import { type CardRecord, type Cards, type Delivery, Unavailable } from '../../../src/ports.ts';
import { sampleApproval } from '../../support/domain/approval.ts';
import { arrivalOf, type ParkedWorld, park, parkedWorld } from '../../support/gateway/parked-world.ts';
import { quiet } from '../../support/log.ts';
import { CHANNEL, doorWorld } from '../../support/slack/door-world.ts';
import { eventually } from '../../support/wait.ts';

/** Cards that the test itself finishes showing, one by one. */
function slowCards(): Cards & { shown: { at: CardRecord | null; end: (delivery: Delivery) => void }[] } {
  const shown: { at: CardRecord | null; end: (delivery: Delivery) => void }[] = [];
  return {
    shown,
    show: (_, at) => new Promise((end) => shown.push({ at, end })),
    person: async (_user, userGroups) => ({ userGroups }),
    crowded: async () => ({ kind: 'never', why: 'not here' }),
  };
}

const POSTED: Delivery = { kind: 'shown', channel: 'C0APPROVALS', ts: '1.000001', digest: 'd' };

describe('what was half told', () => {
  let world: ParkedWorld;
  before(async () => {
    world = await parkedWorld();
  });
  after(() => world.close());

  test('a card that is not posted within a minute is told to whoever waits, until it is posted', async () => {
    const cards = slowCards();
    const gateway = world.replica('late-card', { cards });
    const { seat, turn } = await park(gateway, { name: 'late' });
    const waiting = turn(120_000);
    assert.equal(await gateway.unposted.noticeFor(seat, seat.approval), null);
    world.clock.advance(61_000);
    await gateway.unposted.refresh();
    assert.match((await gateway.unposted.noticeFor(seat, seat.approval)) ?? '', /^Slack has not taken the question/);
    assert.match(progressMessage(seat.approval, gateway.unposted.isLate(seat.approval)), /has not taken the question/);

    const posting = publishCard(gateway, seat.approval.id);
    await eventually('it is being posted', () => cards.shown[0] ?? null);
    cards.shown[0]!.end(POSTED);
    await posting;
    await gateway.unposted.refresh();
    assert.equal(await gateway.unposted.noticeFor(seat, seat.approval), null);
    assert.equal(gateway.unposted.isLate(seat.approval), false);
    gateway.waitingRoom.stop();
    assert.equal((await waiting).kind, 'pending');
  });

  test('P4: a queue that hands out a card twice posts it once', async () => {
    const cards = slowCards();
    const [a, b] = [world.replica('card-a', { cards }), world.replica('card-b', { cards })];
    const { id } = (await park(a, { name: 'card' })).seat.approval;
    const first = publishCard(a, id);
    await eventually('it is being posted', () => cards.shown[0] ?? null);
    assert.equal(typeof (await publishCard(b, id)), 'number', 'tried again soon');
    assert.equal(cards.shown.length, 1);
    cards.shown[0]!.end(POSTED);
    assert.equal(await first, null);
    assert.equal(await publishCard(b, id), null);
  });

  test('P4: a card that could not be let go of, because the store was away, is free as soon as the store is back', async () => {
    const cards = slowCards();
    const gateway = world.replica('holding', { cards });
    const { id } = (await park(gateway, { name: 'held card' })).seat.approval;
    let away = true;
    const releaseCard: typeof gateway.store.releaseCard = async (...args) => {
      if (away) throw new Unavailable('store', 'away');
      return gateway.store.releaseCard(...args);
    };
    const store = { ...gateway.store, releaseCard };
    const first = publishCard({ ...gateway, store }, id);
    await eventually('it is being posted', () => cards.shown[0] ?? null);
    cards.shown[0]!.end({ kind: 'later', afterMs: 1, why: 'no answer', ambiguous: true });
    await first;
    assert.equal(await publishCard(gateway, id), 500, 'somebody has it still');
    away = false;
    await eventually(
      'it is free',
      () => {
        void publishCard(gateway, id);
        return cards.shown[1] ?? null;
      },
      10_000,
    );
    cards.shown[1]!.end(POSTED);
    gateway.retries.stop();
  });

  test('P4: a card is let go of with what is saved of it, whatever becomes of the store after that', async () => {
    const cards = slowCards();
    const gateway = world.replica('saving', { cards });
    const { id } = (await park(gateway, { name: 'saved card' })).seat.approval;
    const releaseCard = async () => Promise.reject(new Unavailable('store', 'away'));
    const first = publishCard({ ...gateway, store: { ...gateway.store, releaseCard } }, id);
    await eventually('it is being posted', () => cards.shown[0] ?? null);
    cards.shown[0]!.end(POSTED);
    assert.equal(await first, null);
    assert.equal(await publishCard(gateway, id), null, 'it is free, and up to date');
  });

  test('P4: a process that died while posting leaves the card to the next one, which looks for it first', async () => {
    const cards = slowCards();
    const [a, b] = [world.replica('dying', { cards }), world.replica('heir', { cards })];
    const { id } = (await park(a, { name: 'dying' })).seat.approval;
    void publishCard(a, id);
    await eventually('it is being posted', () => cards.shown[0] ?? null);
    a.waitingRoom.stop();
    const silent = { seen_at: new Date(0) };
    await world.db.updateTable('holdfast.replicas').set(silent).where('id', '=', 'dying').execute();
    const second = publishCard(b, id);
    await eventually('the heir has it', () => cards.shown[1] ?? null);
    assert.notEqual(cards.shown[1]!.at, null, 'the intent says that there may be a message');
    cards.shown[1]!.end(POSTED);
    assert.equal(await second, null);
    cards.shown[0]!.end({ kind: 'later', afterMs: 1, why: 'dead', ambiguous: true });
  });

  test('P4: a card whose post was not answered is found behind hundreds of other messages', async () => {
    const door = await doorWorld();
    try {
      const approval = sampleApproval({ id: 'ap_lost', createdAt: new Date(), updatedAt: new Date() });
      door.slack.failNext('chat.postMessage', { kind: 'drop-answer' });
      assert.equal((await door.cards.show(approval, null)).kind, 'later');
      for (let n = 0; n < 450; n += 1) door.slack.say({ user: 'U0MIRA', channel: CHANNEL, text: `${n}` });
      const intent = { approval: approval.id, channel: '', ts: null, revision: 0, digest: '', postedAt: null };
      assert.equal((await door.cards.show(approval, intent)).kind, 'shown');
      const cards = door.slack.messages(CHANNEL).filter(({ metadata }) => metadata !== null);
      assert.equal(cards.length, 1);
    } finally {
      await door.close();
    }
  });

  test('a place that was taken, though the store’s answer was lost, is free again', async () => {
    const { store } = world;
    const gateway = world.replica('word-lost', {
      store: {
        open: async (...all) => {
          await store.open(...all);
          throw new Unavailable('store', 'lost');
        },
      },
    });
    const handled = await handleCall(gateway, arrivalOf(gateway, { name: 'word' }));
    assert.equal(handled.kind, 'unavailable');
    const other = world.replica('word-heard');
    const one = await eventually('the place is free', async () => {
      const places = await world.db.selectFrom('holdfast.joiners').selectAll().where('replica', 'is', null).execute();
      return places.length > 0 ? true : null;
    });
    assert.ok(one);
    const again = await park(other, { name: 'word' });
    assert.equal(again.seat.approval.callers, 1, 'the same place, not a second one');
  });

  test('P4: an end that comes before older news of the same approval is not forgotten because of that', async () => {
    const woken: string[] = [];
    const queue = { wake: async (id: string) => void woken.push(id), publish: async () => undefined };
    const news = new Announcer({ queue, cards: null, log: quiet } as never, () => 1);
    const pending = sampleApproval({ revision: 2, state: 'pending' });
    news.announce({ ...pending, revision: 3, state: 'denied' });
    news.announce(pending);
    await news.flush();
    assert.deepEqual(woken, [pending.id]);
  });

  test('what could not be written while the store was away is written when it is back', async () => {
    const gateway = world.replica('away');
    const { seat } = await park(gateway, { name: 'away' });
    let left = 2;
    await gateway.retries.run(async () => {
      left -= 1;
      if (left >= 0) throw new Unavailable('store', 'away');
      await world.store.away(seat.joiner, 'away');
    });
    await eventually('it is noted', async () => {
      const place = await world.db.selectFrom('holdfast.joiners').selectAll().where('id', '=', seat.joiner).execute();
      return place[0]?.replica === null ? true : null;
    });
  });
});

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { CardRecord } from '../../../src/ports.ts';
import { buttonValue } from '../../../src/slack/card/button.ts';
import { CHANNEL, type DoorWorld, doorWorld } from '../../support/slack/door-world.ts';

/** Whoever else of the workspace may post in the channel. */
const OTHERS = {
  'another app': { user: 'U0BOT', app: { id: 'A0OTHER', bot: 'B0OTHER' } },
  'another app, in a person’s name': { user: 'U0SAM', app: { id: 'A0OTHER', bot: 'B0OTHER' } },
  'an app that Slack does not name': { user: 'U0EVE', app: { id: '', bot: '' } },
} as const;

/** A post was begun, and whether it arrived is not known. */
const begun = (id: string): CardRecord => ({
  ...{ approval: id, channel: '', ts: null, revision: 0, digest: '', postedAt: null },
});

for (const transport of ['http', 'plain'] as const) {
  describe(`a card whose post was not answered, over ${transport}`, () => {
    let world: DoorWorld;
    beforeEach(async () => {
      world = await doorWorld({ transport });
    });
    afterEach(() => world.close());

    /** A message of somebody else that looks like this call's card in everything that can be written. */
    const imitate = (id: string, by: (typeof OTHERS)[keyof typeof OTHERS]) => {
      const { text, blocks } = world.slack.messages(CHANNEL)[0]!;
      const metadata = { event_type: 'holdfast_approval', event_payload: { approval: id, revision: 1 } };
      const post = () => world.slack.postAs({ ...by, channel: CHANNEL, text, blocks, metadata });
      return [post(), post()];
    };
    /** Those that were asked to be changed, whether Slack did so or not. */
    const updated = (messages: readonly { readonly ts: string }[]) =>
      world.slack.requests.filter(
        ({ method, args }) => method === 'chat.update' && messages.some(({ ts }) => ts === args.ts),
      );
    const own = (id: string) =>
      world.slack
        .messages(CHANNEL)
        .filter((message) => message.app === null && JSON.stringify(message.metadata).includes(id));

    for (const [name, by] of Object.entries(OTHERS)) {
      test(`P10: what ${name} posted with the same metadata is not taken for it`, async () => {
        const { id } = await world.open();
        const imitations = imitate(id, by);
        // Its own post never arrived.
        world.slack.deleteMessage(CHANNEL, own(id)[0]!.ts);
        world.records.set(id, begun(id));
        assert.equal((await world.show(id)).kind, 'shown');
        assert.equal(own(id).length, 1, 'it is posted');
        assert.equal(world.records.get(id)!.ts, own(id)[0]!.ts);
        assert.deepEqual(updated(imitations), [], 'nobody else’s message is touched');
      });

      test(`P10: nor in place of one that was deleted`, async () => {
        const { id, ts } = await world.open();
        const imitations = imitate(id, by);
        world.slack.deleteMessage(CHANNEL, ts);
        assert.equal((await world.show(id)).kind, 'shown');
        assert.equal(own(id).length, 1);
        assert.deepEqual(updated(imitations), []);
        assert.equal(world.records.get(id)!.ts, own(id)[0]!.ts);
      });

      test(`P4: our own is found behind it, and not posted twice`, async () => {
        const { id, ts } = await world.open();
        imitate(id, by);
        world.records.set(id, begun(id));
        assert.equal((await world.show(id)).kind, 'shown');
        assert.deepEqual(
          own(id).map((message) => message.ts),
          [ts],
        );
        assert.equal(world.records.get(id)!.ts, ts);
      });
    }

    test('P10: the card of a call that has ended says so, whatever imitates it', async () => {
      const { id, ts } = await world.open();
      imitate(id, OTHERS['another app']);
      world.records.set(id, begun(id));
      world.approvals.set(id, { ...world.approvals.get(id)!, state: 'expired', revision: 2 });
      assert.equal((await world.show(id)).kind, 'shown');
      assert.match(JSON.stringify(own(id).find((message) => message.ts === ts)!.blocks), /Expired/);
    });

    test('P4: while Slack does not say who we are, nothing is posted and nothing is believed', async () => {
      const { id, ts } = await world.open();
      imitate(id, OTHERS['another app']);
      world.records.set(id, begun(id));
      world.slack.failNext('auth.test', { kind: 'error', error: 'internal_error' });
      const delivery = await world.show(id);
      assert.equal(delivery.kind, 'later', JSON.stringify(delivery));
      assert.equal((await world.show(id)).kind, 'shown');
      assert.equal(world.records.get(id)!.ts, ts);
    });

    test('an operator’s shortcut on a message that imitates a card opens the same window as on any message', async () => {
      const operator = {
        isOperator: () => true,
        stops: () => ({ servers: ['a', 'prometheus'], grants: ['a', 'release-bot'], freezes: [] }),
        freeze: async () => ({ kind: 'not_an_operator' as const }),
        thaw: async () => ({ kind: 'not_found' as const }),
      };
      const other = await doorWorld({ transport, deps: { operator } });
      try {
        const { id, ts } = await other.open();
        const { blocks, text, metadata } = other.slack.messages(CHANNEL)[0]!;
        assert.ok(JSON.stringify(blocks).includes(buttonValue(other.approvals.get(id)!)));
        const imitation = other.slack.postAs({ ...OTHERS['another app'], channel: CHANNEL, text, blocks, metadata });
        const order = async (where: string) => {
          await other.slack.shortcut({ user: 'U0MIRA', callbackId: 'freeze', channel: CHANNEL, ts: where });
          const view = await other.slack.waitFor(() => other.slack.openViews('U0MIRA').at(-1));
          await other.slack.closeView({ user: 'U0MIRA', clear: true });
          return JSON.stringify(view.view).match(/(?:server|grant):[a-z-]+/g);
        };
        assert.deepEqual(await order(ts), ['server:prometheus', 'grant:release-bot', 'server:a', 'grant:a']);
        assert.deepEqual(await order(imitation.ts), ['server:a', 'server:prometheus', 'grant:a', 'grant:release-bot']);
      } finally {
        await other.close();
      }
    });
  });
}

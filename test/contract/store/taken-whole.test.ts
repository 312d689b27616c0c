import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { Swallowed } from '../../../src/ports.ts';
import {
  eventOf,
  newApproval,
  open,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

const TABLES = ['approvals', 'joiners', 'openings', 'events', 'cards', 'card_contents'] as const;

for (const kind of STORES) {
  describe(`one statement that writes to several tables, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
      await world.rows(
        'create or replace function keep_out() returns trigger language plpgsql as $$ begin return null; end $$',
      );
    });
    after(() => world?.close());
    afterEach(async () => {
      for (const table of TABLES) await world.rows(`drop trigger if exists keep_out on holdfast.${table}`);
    });

    const keepOut = (table: string) =>
      world.rows(
        `create trigger keep_out before insert or update on holdfast.${table} for each row execute function keep_out()`,
      );
    const counts = async () =>
      (
        await world.rows(
          `select ${TABLES.map((one) => `(select count(*)::int from holdfast.${one}) as ${one}`).join(', ')}`,
        )
      )[0];
    const refused = async (table: string, deed: () => Promise<unknown>) => {
      await keepOut(table);
      const at = await counts();
      await assert.rejects(deed, (error) => {
        assert.ok(error instanceof Swallowed, String(error));
        assert.match(error.message, new RegExp(`took 0 of 1 rows of holdfast\\.${table}`));
        return true;
      });
      assert.deepEqual(await counts(), at);
    };

    for (const table of ['approvals', 'joiners', 'openings', 'events']) {
      test(`P6: a call that a trigger keeps out of ${table} is not opened, and nothing of it is written`, () =>
        refused(table, () => open(world.one, newApproval())));
    }
    for (const table of ['cards', 'card_contents', 'events']) {
      test(`P6: a card that it keeps out of ${table} is not saved, and nothing of it is`, async () => {
        const { approval } = await opened(world.one);
        const card = {
          approval: approval.id,
          channel: 'C0',
          ts: '1.0',
          revision: 1,
          digest: 'd',
          postedAt: new Date(),
        };
        await refused(table, () =>
          world.one.saveCard(card, eventOf('card.posted', approval), `{"card":"${approval.id}"}`),
        );
      });
    }
    test('P6: a caller that has its answer is not noted without its event', async () => {
      const { approval, joiner } = await opened(world.one);
      await through(world.one, approval, 'approved', 'dispatched', 'succeeded');
      await refused('events', () => world.one.collected(joiner.id, eventOf('approval.collected', approval)));
      assert.notEqual(await world.one.result(approval.id), null, 'its result is still kept');
    });

    test('P4: what was kept of a card before is kept once, and the card is saved again and again', async () => {
      const { approval } = await opened(world.one);
      const card = { approval: approval.id, channel: 'C0', ts: '1.0', revision: 1, digest: 'd', postedAt: new Date() };
      for (let n = 0; n < 3; n += 1) {
        assert.equal(await world.one.saveCard(card, eventOf('card.updated', approval), `{"same":"${approval.id}"}`), 1);
      }
      assert.equal(await world.one.saveCard({ ...card, approval: approval.id }, null), 1);
    });
  });
}

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Approval } from '../../../src/domain/approval/approval.ts';
import {
  change,
  GIVEN,
  newJoiner,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

/** What a trigger of somebody else's does to a row of approvals while a gateway writes it. */
const MEDDLING = {
  'is left as it was': 'return old;',
  'gets another number of questions': 'new.questions := new.questions + 5; return new;',
  'gets a pass that is good for longer': "new.pickup_until := new.pickup_until + interval '1 day'; return new;",
  'gets the seal of its state before': 'new.state_seal := old.state_seal; return new;',
  'gets another revision': 'new.revision := new.revision + 3; return new;',
  'shows other arguments': `new.arguments := '{"name":"other"}'; return new;`,
} as const;

for (const kind of STORES) {
  describe(`rows that something else writes too, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());
    afterEach(() => world.rows('drop trigger if exists meddle on holdfast.approvals'));

    const meddle = async ({ id }: Approval, body: string): Promise<void> => {
      await world.rows(`create or replace function public.meddle() returns trigger language plpgsql as $$ begin
        if new.id <> '${id}' then return new; end if; ${body} end $$`);
      await world.rows(
        'create trigger meddle before update on holdfast.approvals for each row execute function public.meddle()',
      );
    };
    const dispatcher = 'me';
    const leaseUntil = new Date(Date.now() + 60_000);

    for (const [name, body] of Object.entries(MEDDLING)) {
      test(`P2: nothing is sent of a call whose row ${name} while its pass is spent`, async () => {
        const approved = await through(world.one, (await opened(world.one)).approval, 'approved');
        await meddle(approved, body);
        const spent = await world.one.commit(change(approved, 'dispatched', { patch: { leaseUntil, dispatcher } }));
        assert.equal(spent.kind, 'altered');
      });

      test(`P2: no answer is taken for a call whose row ${name} meanwhile, and nothing is changed`, async () => {
        const joiner = newJoiner();
        const { approval } = await opened(world.one, undefined, joiner);
        const running = await through(world.one, approval, 'approved', 'dispatched');
        const { id, grant, server, questions, pickupUntil } = running;
        const asks = change(running, 'dispatched', {
          patch: { awaits: 'input', leaseUntil, questions: questions + 1, pickupUntil },
        });
        const asked = await world.one.commit(asks);
        assert.ok(asked.kind === 'committed');
        const state = { grant, server, digest: `d ${id}`, fingerprint: 'f' };
        await world.tasks[0].rememberContinuation({ ...state, approval: id, expiresAt: leaseUntil });
        const take = () =>
          world.tasks[0].takeContinuation(
            {
              ...{ grant, server, digests: [state.digest], fingerprints: ['f'], now: new Date() },
              ...{ joiner: newJoiner(), dispatcher, until: leaseUntil },
            },
            GIVEN,
            () => [],
          );
        await meddle(running, body);
        assert.equal(await take(), null);
        await world.rows('drop trigger meddle on holdfast.approvals');
        const taken = await take();
        assert.equal(taken?.round, 1, 'the question stands');
        assert.equal(taken?.approval.awaits, null);
      });
    }

    test('P1: a state that is changed is believed with all that belongs to it: questions and the pass’s time, while it runs', async () => {
      for (const column of ['questions = questions + 1', "pickup_until = pickup_until + interval '1 hour'"]) {
        const running = await through(world.one, (await opened(world.one)).approval, 'approved', 'dispatched');
        await world.rows(`update holdfast.approvals set ${column} where id = '${running.id}'`);
        assert.equal((await world.one.find(running.id))?.broken, 'state', column);
      }
    });
  });
}

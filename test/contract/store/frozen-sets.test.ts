import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { type FreezeScope, freezeOver } from '../../../src/domain/freeze/freeze.ts';
import { NO_SUBJECT } from '../../../src/domain/log/event.ts';
import { sqlFreezes } from '../../../src/sql/freezes.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  acceptPlan,
  change,
  newApproval,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

const SERVER: FreezeScope = { kind: 'server', name: 's1' };

/** What somebody with the database does to a freeze of the server s1, besides which the grant g9 is frozen. */
const THAWS: readonly (readonly [string, readonly string[]])[] = [
  ['deletes it', [`delete from holdfast.freezes where name = 's1'`]],
  ['deletes all', ['delete from holdfast.freezes']],
  ['ends it', [`update holdfast.freezes set lifted_at = now(), lifted_by = 'admin' where name = 's1'`]],
  ['ends it before it began', [`update holdfast.freezes set lifted_at = since - interval '1 day' where name = 's1'`]],
  ['gives it another server', [`update holdfast.freezes set name = 's2' where name = 's1'`]],
  ['makes it a grant’s', [`update holdfast.freezes set scope = 'grant' where name = 's1'`]],
  [
    'puts the other one in its place',
    [
      `delete from holdfast.freezes where name = 's1'`,
      `insert into holdfast.freezes select 'fz_copy', scope, name || 'x', reason, "by", since, null, null, null, seal
        from holdfast.freezes where name = 'g9' and lifted_at is null`,
    ],
  ],
  [
    'deletes it with the head',
    [`delete from holdfast.freezes where name = 's1'`, `delete from holdfast.sealed_sets where name = 'freezes'`],
  ],
  [
    'deletes it and counts anew',
    [
      `delete from holdfast.freezes where name = 's1'`,
      `update holdfast.sealed_sets set count = count - 1, version = version + 1 where name = 'freezes'`,
    ],
  ],
  [
    'makes all of it look like a release without seals',
    [
      `delete from holdfast.freezes where name = 's1'`,
      `delete from holdfast.sealed_sets where name = 'freezes'`,
      'update holdfast.freezes set seal = null',
    ],
  ],
  [
    'puts back rows and head from before it was set',
    [
      `delete from holdfast.freezes where name = 's1'`,
      `update holdfast.sealed_sets s set version = b.version, count = b.count, digest = b.digest, seal = b.seal
        from heads_before b where s.name = 'freezes' and b.name = s.name`,
    ],
  ],
];

for (const kind of STORES) {
  describe(`freezes that somebody else changes on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());

    let accepted = 0;
    const set = async (scope: FreezeScope) => {
      const freeze = { id: `fz_${randomHex(13)}`, scope, reason: 'why', by: 'U0OPS', since: new Date() };
      const about = scope.kind === 'server' ? { server: scope.name } : {};
      const data = { id: freeze.id, scope: scope.kind, name: scope.kind === 'all' ? null : scope.name, reason: 'why' };
      const event = {
        ...NO_SUBJECT,
        type: 'freeze.set',
        at: freeze.since,
        actor: 'slack:U0OPS',
        ...about,
        data,
      } as const;
      assert.equal((await world.freezes[1].set(freeze, event)).kind, 'set');
      return freeze;
    };
    const lift = (id: string) => {
      const event = { ...NO_SUBJECT, type: 'freeze.lifted', at: new Date(), actor: 'admin', data: { id } } as const;
      return world.freezes[1].lift(id, { by: 'admin', at: new Date(), reason: 'over' }, () => event);
    };
    const pass = async (server: string) => {
      const { approval, joiner } = await opened(world.one, newApproval({ server, grant: `g${randomHex(4)}` }));
      const approved = await through(world.one, approval, 'approved');
      const patch = { leaseUntil: new Date(Date.now() + 600_000), dispatcher: 'me' };
      const unlessFrozen = { server, grant: approval.grant };
      return change(approved, 'dispatched', { joiner: joiner.id, unlessFrozen, patch });
    };
    const accept = async () => {
      accepted += 1;
      await world.one.accept({
        ...acceptPlan({ number: accepted }),
        ...{ foreign: world.watches[0].foreignRows, sets: world.watches[0].heads },
      });
      for (const watch of world.watches) watch.forget();
      world.found.length = 0;
      // As every replica reads them twice a second.
      for (const freezes of world.freezes) await freezes.list();
    };
    beforeEach(async () => {
      await world.one.beat('here');
      await set({ kind: 'grant', name: 'g9' });
      for (const freezes of world.freezes) await freezes.list();
    });
    afterEach(async () => {
      if (world.found.length > 0) await accept();
      for (const { id } of await world.freezes[0].list()) await lift(id);
      assert.deepEqual(await world.freezes[0].list(), []);
      await world.rows('drop table if exists heads_before');
    });

    for (const [what, statements] of THAWS) {
      test(`P1: whoever ${what} lets nothing run under it, in whatever transaction, and it is found`, async () => {
        const [spending, both] = [await pass('s1'), await pass('s1')];
        await world.rows(`create table heads_before as select * from holdfast.sealed_sets`);
        const freeze = await set(SERVER);
        const [first] = world.freezes;
        await first.list();
        assert.equal((await world.one.commit(spending)).kind, 'frozen');
        for (const statement of statements) await world.rows(statement);
        // In the transaction itself: nobody has read the freezes since.
        assert.notEqual((await world.one.commit(spending)).kind, 'committed');
        const take = {
          server: 's1',
          counter: randomHex(4),
          scope: 'grant',
          scopeValue: 'g',
          max: '3',
          by: '1',
        } as const;
        const takes = [{ ...take, window: { calendar: 'month' } as const }];
        assert.notEqual((await world.one.commit({ ...both, takes })).kind, 'committed', 'nor with limits');
        assert.notEqual((await world.other.commit(spending)).kind, 'committed', 'nor at another replica');
        assert.ok(
          world.found.some(({ name, row }) => name === 'freezes' && row === null),
          JSON.stringify(world.found),
        );
        const known = await first.list();
        assert.equal(
          freezeOver(known, { server: 's1', grant: 'g' })?.id,
          freeze.id,
          'what is forwarded without SQL too',
        );
        assert.equal((await world.one.find(spending.id))?.state, 'approved');
        await accept();
        assert.deepEqual(world.found, []);
        const free = await pass('s3');
        assert.equal((await world.one.commit(free)).kind, 'committed', 'an operator has accepted it');
      });
    }

    test('P1: a process that has just started is told by the log what was frozen', async () => {
      const freeze = await set(SERVER);
      const lifted = await set({ kind: 'server', name: 's5' });
      await lift(lifted.id);
      await world.rows(`delete from holdfast.freezes where name = 's1'`);
      await world.freezes[0].list();
      for (const watch of world.watches) watch.forget();
      const fresh = sqlFreezes(world.db, TEST_SEALS);
      const ids = (await fresh.list()).map(({ id }) => id);
      assert.ok(ids.includes(freeze.id));
      assert.ok(!ids.includes(lifted.id));
    });

    test('freezes of a release without seals stay in force, and are sealed once', async () => {
      await world.rows('delete from holdfast.freezes');
      await world.rows(`delete from holdfast.sealed_sets where name = 'freezes'`);
      await world.rows(`insert into holdfast.freezes (id, scope, name, reason, "by", since)
        values ('fz_old', 'server', 's1', 'why', 'admin', now())`);
      const freezes = [sqlFreezes(world.db, TEST_SEALS), sqlFreezes(world.db, TEST_SEALS)];
      const lists = await Promise.all(freezes.map((each) => each.list()));
      assert.deepEqual(
        lists.map((list) => list.map(({ id }) => id)),
        [['fz_old'], ['fz_old']],
      );
      const [row] = await world.rows(`select seal from holdfast.freezes where id = 'fz_old'`);
      assert.notEqual(row?.seal, null);
      for (const watch of world.watches) watch.forget();
      await world.freezes[0].list();
    });

    test('what a gateway sets and lifts fits, whatever the order and wherever', async () => {
      const scopes = ['a', 'b', 'c', 'd'].map((name) => ({ kind: 'server', name }) as const);
      const made = await Promise.all(scopes.map(set));
      await Promise.all(made.slice(1).map(({ id }) => lift(id)));
      const spending = await pass('s1');
      assert.equal((await world.one.commit(spending)).kind, 'committed');
      await Promise.all(world.freezes.map((freezes) => freezes.list()));
      await world.one.judgeSets(world.watches[0]);
      assert.deepEqual(world.found, []);
    });
  });
}

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Approval } from '../../../src/domain/approval/approval.ts';
import type { CardRecord, Store } from '../../../src/ports.ts';
import {
  change,
  eventOf,
  newApproval,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  typesOf,
} from '../../support/store/world.ts';

for (const kind of STORES) {
  describe(`cards that are brought up to date together, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
    });
    beforeEach(async () => {
      await store.beat('here');
      // Alive for longer than any test takes.
      await world.rows(
        "update holdfast.replicas set seen_at = clock_timestamp() + interval '1 hour' where id = 'here'",
      );
      world.found.length = 0;
    });
    after(() => world?.close());

    const questions = async (count: number): Promise<Approval[]> =>
      (await Promise.all(Array.from({ length: count }, () => opened(store)))).map(({ approval }) => approval);
    const listed = (approvals: readonly Approval[]) => approvals.map(({ id }) => `'${id}'`).join();
    const count = async (query: string) => Number((await world.rows(query))[0]!.n);
    const transactions = (table: string, approvals: readonly Approval[]) =>
      count(
        `select count(distinct xmin::text) as n from holdfast.${table} where approval_id in (${listed(approvals)})`,
      );
    const shows = ({ id }: Approval, revision: number, more: Partial<CardRecord> = {}): CardRecord => ({
      ...{ approval: id, channel: 'C1', ts: `1.${id.slice(-4)}`, digest: `shows ${revision}`, revision },
      postedAt: new Date(1_800_000_000_123),
      ...more,
    });
    const eventFor = (approval: Approval, { channel, ts, digest, revision }: CardRecord) => ({
      ...eventOf(revision > 1 ? 'card.updated' : 'card.posted', approval),
      data: { channel, ts, digest, revision },
    });
    const save = (approval: Approval, revision: number, content?: string, run?: string, at = store) => {
      const card = shows(approval, revision);
      return at.saveCard(card, eventFor(approval, card), content, run);
    };
    const claim = (approval: Approval, id: string, at = store) =>
      at.claimCard(approval.id, { id, replica: 'here', ms: 80_000 });
    const row = async ({ id }: Approval) =>
      (
        await world.rows(`select c.channel, c.revision, c.digest, c.posted_at, c.told_freeze, c.refused, c.run,
          c.look_at > clock_timestamp() as looked_at_later, a.shown, e.type = 'card.posted' as of_its_event,
          (select count(*)::int from holdfast.card_contents k where k.approval_id = c.approval_id and octet_length(k.packed) > 1) as kept
          from holdfast.cards c join holdfast.approvals a on a.id = c.approval_id
            left join holdfast.events e on e.seal = c.event_seal where c.approval_id = '${id}'`)
      )[0];

    test('are read by one statement, each as alone; of one that is gone nothing', async () => {
      const many = await questions(12);
      for (const n of [2, 5]) await save(many[n]!, 1);
      const ids = [...many.map(({ id }) => id), 'ap_gone'];
      const [found, looked] = await Promise.all([
        Promise.all(ids.map((id) => store.find(id, 'together'))),
        Promise.all(ids.map((id) => store.look(id, 'together'))),
      ]);
      for (const [n, id] of ids.entries()) {
        assert.deepEqual(found[n], await store.find(id));
        assert.deepEqual(looked[n], await store.look(id));
      }
      assert.equal(found.at(-1), null);
      assert.deepEqual(
        looked.map((one) => one?.card?.digest ?? null).filter((one) => one !== null),
        ['shows 1', 'shows 1'],
      );
    });

    test('P10: of one whose card somebody changed the log is asked, and of no other', async () => {
      const many = await questions(6);
      for (const one of many) await save(one, 1);
      await world.rows(`update holdfast.cards set digest = 'shows nothing' where approval_id = '${many[1]!.id}'`);
      await world.rows(`update holdfast.approvals set tool = 'another' where id = '${many[3]!.id}'`);
      await world.rows(`update holdfast.approvals set later_reasons = '3' where id = '${many[4]!.id}'`);
      const looked = await Promise.allSettled(many.map(({ id }) => store.look(id, 'together')));
      assert.deepEqual(
        looked.map((one) =>
          one.status === 'rejected' ? 'rejected' : [one.value!.card!.restored ?? false, one.value!.approval.broken],
        ),
        [[false, null], [true, null], [false, null], [false, 'requirement'], 'rejected', [false, null]],
      );
    });

    test('long calls are read in as many statements as their length needs', async () => {
      const long = (n: number) => (n % 2 ? { text: randomBytes(600_000).toString('hex') } : { n });
      const many = await Promise.all(
        Array.from({ length: 8 }, (_, n) => opened(store, newApproval({ arguments: long(n) }))),
      );
      const found = await Promise.all(many.map(({ approval }) => store.find(approval.id, 'together')));
      for (const [n, one] of found.entries()) assert.deepEqual(one!.arguments, many[n]!.approval.arguments);
    });

    test('P4: are each taken by one run, whichever replica asks, and told what was known of it', async () => {
      const many = await questions(30);
      for (const n of [4, 9]) await save(many[n]!, 1);
      const [here, there] = await Promise.all([
        Promise.all(many.map((one) => claim(one, `here ${one.id}`))),
        Promise.all(many.toReversed().map((one) => claim(one, `there ${one.id}`, world.other))),
      ]);
      for (const [n, one] of many.entries()) {
        const both = [here[n]!, there.at(-1 - n)!];
        assert.equal(both.filter((taken) => taken === false).length, 1, String(n));
        const taken = both.find((each) => each !== false);
        assert.ok(taken);
        assert.equal(taken.revision, one.revision);
        assert.equal(taken.card?.digest ?? null, n === 4 || n === 9 ? 'shows 1' : null, String(n));
      }
      assert.ok((await transactions('cards', many)) <= 10, `${await transactions('cards', many)} transactions`);
    });

    test('P4: one that is held is refused, and those beside it are taken; the same run has its own', async () => {
      const many = await questions(5);
      await claim(many[3]!, 'before');
      const taken = await Promise.all(many.map((one) => claim(one, `after ${one.id}`)));
      assert.deepEqual(
        taken.map((one) => one !== false),
        [true, true, true, false, true],
      );
      const again = await Promise.all([claim(many[0]!, `after ${many[0]!.id}`), claim(many[3]!, 'before')]);
      // It may have posted by now: its message is looked for.
      for (const one of again) assert.ok(one !== false && one.card !== null && one.card.ts === null);
      assert.deepEqual(world.found, []);
    });

    test('P4: a row that is gone is missed, one that no gateway wrote is not believed; the others are what they are', async () => {
      const many = await questions(4);
      for (const one of many.slice(0, 3)) await save(one, 1);
      await world.rows(`delete from holdfast.cards where approval_id = '${many[0]!.id}'`);
      await world.rows(`update holdfast.cards set ts = '6.66' where approval_id = '${many[1]!.id}'`);
      const taken = await Promise.all(many.map((one) => claim(one, `run ${one.id}`)));
      const at = ({ id }: Approval) => `1.${id.slice(-4)}`;
      assert.deepEqual(
        taken.map((one) => (one === false ? false : (one.card?.ts ?? null))),
        [at(many[0]!), at(many[1]!), at(many[2]!), null],
      );
      assert.deepEqual(
        world.found
          .map(({ name, row: of }) => name === 'cards' && many.findIndex(({ id }) => id.startsWith(of ?? '-')))
          .sort(),
        [0, 1],
      );
    });

    // PGlite is one process, with one transaction at a time.
    if (kind !== 'PGlite')
      test('P4: a row that somebody holds keeps no other card from being taken or remembered, whether it comes first or with others', async () => {
        const many = await questions(12);
        for (const one of many) await save(one, 1);
        const [held, also] = [many[0]!, many[5]!];
        const release = Promise.withResolvers<void>();
        const isHeld = Promise.withResolvers<void>();
        const somebody = world.db.transaction().execute(async (trx) => {
          await sql`select 1 from holdfast.cards where approval_id in (${held.id}, ${also.id}) for update`.execute(trx);
          isHeld.resolve();
          await release.promise;
        });
        await isHeld.promise;
        const under: Promise<unknown>[] = [];
        try {
          for (const work of [(one: Approval) => claim(one, `run ${one.id}`), (one: Approval) => save(one, 2)]) {
            const done = new Set<Approval>();
            const does = async (one: Approval) => {
              await work(one);
              done.add(one);
            };
            const first = does(held);
            await new Promise((resolve) => setImmediate(resolve));
            const all = many.slice(1).map(does);
            under.push(first, ...all);
            await Promise.all(all.filter((_, n) => n !== 4));
            assert.ok(!done.has(held) && !done.has(also));
          }
        } finally {
          release.resolve();
          await somebody;
          await Promise.allSettled(under);
        }
        const ends = Promise.all([held, also].map((one) => save(one, 3)));
        assert.deepEqual(await ends, [1, 1]);
        for (const one of many) {
          const later = one === held || one === also;
          assert.equal((await store.card(one.id))!.revision, later ? 3 : 2);
        }
        assert.deepEqual(world.found, []);
      });

    test('one whose approval was never there fails alone', async () => {
      const many = await questions(3);
      const asked = [many[0]!, { ...many[1]!, id: 'ap_gone' }, many[2]!];
      const taken = await Promise.allSettled(asked.map((one) => claim(one, `run ${one.id}`)));
      assert.deepEqual(
        taken.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled'],
      );
    });

    test('are held back by what each grant took back, counted once for those that ask together', async () => {
      const [one, other] = [`grant-${randomBytes(4).toString('hex')}`, `grant-${randomBytes(4).toString('hex')}`];
      const of = (grant: string) => opened(store, newApproval({ grant }));
      for (const { approval } of [await of(one), await of(one), await of(other)])
        await store.commit(change(approval, 'withdrawn'));
      await of(other);
      const counts = await Promise.all([one, other, one, 'nobody', one].map((grant) => store.takenBack(grant)));
      assert.deepEqual(counts, [2, 1, 2, 0, 2]);
      assert.equal(await store.takenBack(one), 2);
    });

    test('P10: are remembered in few statements, each as one alone: row, seals, event, and what it showed', async () => {
      const [alone, ...many] = await questions(31);
      for (const one of [alone!, ...many]) await claim(one, `run ${one.id}`);
      assert.equal(await save(alone!, 1, `what ${alone!.id}`, `run ${alone!.id}`), 1);
      const revisions = await Promise.all(many.map((one) => save(one, 1, `what ${one.id}`, `run ${one.id}`)));
      assert.deepEqual(revisions, Array(30).fill(1));
      assert.ok((await transactions('cards', many)) <= 3, `${await transactions('cards', many)} transactions`);
      for (const one of many) {
        assert.deepEqual(await row(one), await row(alone!));
        assert.deepEqual((await store.card(one.id))!, shows(one, 1));
        assert.deepEqual(await typesOf(store, one.id), ['approval.requested', 'card.posted']);
      }
      assert.deepEqual((await store.seal(1_000)).foreign, [], 'the sealer believes every event, and misses none');
      assert.deepEqual(world.found, []);
    });

    test('P10: an earlier revision never replaces a later one, nor another run’s hold', async () => {
      const many = await questions(4);
      await Promise.all(many.map((one) => save(one, 3)));
      await claim(many[0]!, 'mine');
      await claim(many[1]!, 'another');
      await Promise.all(many.map((one) => save(one, 2, undefined, 'mine')));
      assert.deepEqual(
        await Promise.all(many.map(async (one) => [(await row(one))!.revision, (await row(one))!.run])),
        [
          [3, null],
          [3, 'another'],
          [3, null],
          [3, null],
        ],
      );
    });

    test('the same twice is written one after the other; what two cards both showed is kept once', async () => {
      const many = await questions(3);
      const [first] = many as [Approval];
      await Promise.all([...many.map((one) => save(one, 1, 'all show this')), save(first, 2, 'and then that')]);
      assert.equal((await store.card(first.id))!.revision, 2);
      assert.deepEqual(await typesOf(store, first.id), ['approval.requested', 'card.posted', 'card.updated']);
      const digest = createHash('sha256').update('all show this').digest('hex');
      assert.equal(await count(`select count(*) as n from holdfast.card_contents where digest = '${digest}'`), 1);
    });

    test('P6: one whose event, or what it showed, is kept out is not remembered; those beside it are', async () => {
      const many = await questions(6);
      const name = (n: number) => many[n]!.id;
      await world.rows(`create or replace function public.dba() returns trigger language plpgsql as $$ begin
        if new.approval_id in ('${name(1)}', '${name(4)}') then return null; end if; return new; end $$`);
      for (const [table, on] of [
        ['events', `when (new.approval_id = '${name(1)}')`],
        ['card_contents', `when (new.approval_id = '${name(4)}')`],
      ])
        await world.rows(
          `create trigger dba before insert on holdfast.${table} for each row ${on} execute function public.dba()`,
        );
      try {
        const ends = await Promise.allSettled(many.map((one) => save(one, 1, `of ${one.id}`)));
        assert.deepEqual(
          ends.map(({ status }) => status === 'fulfilled'),
          [true, false, true, true, false, true],
        );
      } finally {
        for (const table of ['events', 'card_contents']) await world.rows(`drop trigger dba on holdfast.${table}`);
      }
      assert.deepEqual(await Promise.all(many.map(async ({ id }) => (await store.card(id)) !== null)), [
        true,
        false,
        true,
        true,
        false,
        true,
      ]);
    });

    test('what is long is remembered in several statements; half a character, and a NUL, harm none', async () => {
      const many = await questions(12);
      const long = (n: number) => `${n} ${'x'.repeat(190_000)}${n === 3 ? '\ud83d' : ''}`;
      const ends = await Promise.allSettled(many.map((one, n) => save(one, 1, n === 7 ? 'a\u0000b' : long(n))));
      assert.ok(ends.every(({ status }) => status === 'fulfilled'));
      assert.equal(
        await count(`select count(*) as n from holdfast.card_contents where approval_id in (${listed(many)})`),
        12,
      );
    });

    test('two replicas that remember the same cards at once, in whatever order, end with one of the two', async () => {
      for (let round = 0; round < 3; round += 1) {
        const many = await questions(25);
        await Promise.all([
          ...many.map((one) => save(one, 1, `one ${one.id}`)),
          ...many.toReversed().map((one) => save(one, 2, `two ${one.id}`, undefined, world.other)),
        ]);
        for (const one of many) {
          assert.equal((await row(one))!.shown, 2);
          assert.equal((await store.card(one.id))!.restored, undefined);
        }
      }
      assert.deepEqual(world.found, []);
    });
  });
}

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Approval, State } from '../../../src/domain/approval/approval.ts';
import { type Change, type Committed, type Store, Swallowed } from '../../../src/ports.ts';
import {
  again,
  change,
  eventOf,
  newApproval,
  newJoiner,
  open,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
  typesOf,
} from '../../support/store/world.ts';

/** As a question ends whose time is over. */
const expiry = (approval: Approval): Change =>
  change(approval, 'expired', { patch: { note: 'nobody decided in time', resultUntil: new Date(1_900_000_000_000) } });

for (const kind of STORES) {
  describe(`changes that come together, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
    });
    beforeEach(() => store.beat('here'));
    after(() => world?.close());

    const questions = async (count: number): Promise<Approval[]> =>
      (await Promise.all(Array.from({ length: count }, () => opened(store)))).map(({ approval }) => approval);
    const listed = (approvals: readonly Approval[]) => approvals.map(({ id }) => `'${id}'`).join();
    const transactions = async (table: string, approvals: readonly Approval[]) => {
      const key = table === 'approvals' ? 'id' : 'approval_id';
      const rows = await world.rows(
        `select count(distinct xmin::text) as n from holdfast.${table} where ${key} in (${listed(approvals)})`,
      );
      return Number(rows[0]!.n);
    };
    const kinds = (ends: readonly Committed[]) => ends.map(({ kind: of }) => of);
    /** What a change writes into the row, but for when. */
    const written = async ({ id }: Approval) =>
      (
        await world.rows(`select state, revision, state_revision, note, result_until, reminded_at, escalated_at,
          request is null as sent_away, updated_at > created_at as is_later, pickup_until, lease_until, awaits, questions
          from holdfast.approvals where id = '${id}'`)
      )[0];

    test('are few statements; each is made as one alone is: row, seals and event', async () => {
      const [alone, ...many] = await questions(41);
      await store.commit(expiry(alone!));
      const ends = await Promise.all(many.map((one) => store.commit(expiry(one))));
      assert.ok((await transactions('approvals', many)) <= 2, `${await transactions('approvals', many)} transactions`);
      assert.ok((await transactions('events', many)) <= 42, 'each has one of its opening');
      for (const [n, end] of ends.entries()) {
        const before = many[n]!;
        assert.ok(end.kind === 'committed');
        assert.deepEqual(end.approval, await store.find(before.id), 'what is told is what is there');
        assert.equal(end.approval.broken, null, 'its seals fit');
        assert.deepEqual(await written(before), await written(alone!));
        assert.deepEqual(await typesOf(store, before.id), ['approval.requested', 'approval.expired']);
      }
      assert.deepEqual((await store.seal(1_000)).foreign, [], 'the sealer believes every event, and misses none');
    });

    test('of different kinds too: an end, a lapse, a reminder', async () => {
      const [expired, lapsing, reminded, escalated] = await questions(4);
      const lapsed = await through(store, lapsing!, 'approved');
      const at = new Date(1_800_000_000_000);
      const reminder = (approval: Approval, patch: Change['patch']) => ({
        ...change(approval, 'pending', { patch: patch! }),
        events: [eventOf('approval.reminded', approval), eventOf('approval.escalated', approval)],
      });
      const ends = await Promise.all([
        store.commit(expiry(expired!)),
        store.commit(change(lapsed, 'lapsed', { patch: { note: 'nobody collected it in time' } })),
        store.commit(reminder(reminded!, { remindedAt: at })),
        store.commit(reminder(escalated!, { remindedAt: at, escalatedAt: at })),
      ]);
      assert.deepEqual(kinds(ends), Array(4).fill('committed'));
      const now = await Promise.all([expired!, lapsed, reminded!, escalated!].map(({ id }) => store.find(id)));
      assert.deepEqual(
        now.map((one) => [one!.state, one!.revision, one!.broken, one!.remindedAt, one!.escalatedAt]),
        [
          ['expired', 2, null, null, null],
          ['lapsed', 3, null, null, null],
          ['pending', 2, null, at, null],
          ['pending', 2, null, at, at],
        ],
      );
      assert.deepEqual((await typesOf(store, reminded!.id)).slice(1), ['approval.reminded', 'approval.escalated']);
    });

    test('P3: one that was decided meanwhile is told to look again, and only its', async () => {
      const many = await questions(12);
      for (const n of [3, 7]) await world.other.commit(change(many[n]!, 'approved'));
      const ends = await Promise.all(many.map((one) => store.commit(expiry(one))));
      for (const [n, { kind: of }] of ends.entries())
        assert.equal(of, n === 3 || n === 7 ? 'conflict' : 'committed', String(n));
      assert.deepEqual(await typesOf(store, many[3]!.id), ['approval.requested', 'approval.decided']);
    });

    test('P3: decided or expired, never both: decisions at another replica in the same moment', async () => {
      for (let round = 0; round < 3; round += 1) {
        const many = await questions(30);
        const [ended, decided] = await Promise.all([
          Promise.all(many.map((one) => store.commit(expiry(one)))),
          Promise.all(many.toReversed().map((one) => world.other.commit(change(one, 'denied')))),
        ]);
        for (const [n, one] of many.entries()) {
          assert.deepEqual([ended[n]!.kind, decided.at(-1 - n)!.kind].sort(), ['committed', 'conflict']);
          const [, ...after] = await typesOf(store, one.id);
          assert.deepEqual(after, [ended[n]!.kind === 'committed' ? 'approval.expired' : 'approval.decided']);
        }
      }
    });

    test('P3: two replicas that end the same ones at once, in whatever order, end each once', async () => {
      for (let round = 0; round < 3; round += 1) {
        const many = await questions(40);
        const [here, there] = await Promise.all([
          Promise.all(many.map((one) => store.commit(expiry(one)))),
          Promise.all(many.toReversed().map((one) => world.other.commit(expiry(one)))),
        ]);
        for (const [n, one] of many.entries()) {
          assert.deepEqual([here[n]!.kind, there.at(-1 - n)!.kind].sort(), ['committed', 'conflict']);
          assert.deepEqual(await typesOf(store, one.id), ['approval.requested', 'approval.expired']);
        }
      }
    });

    test('P3: the same one twice is ended once', async () => {
      const [one, ...others] = await questions(5);
      const ends = await Promise.all([one!, ...others, one!].map((each) => store.commit(expiry(each))));
      assert.deepEqual(kinds(ends), [...Array(5).fill('committed'), 'conflict']);
      assert.deepEqual(await typesOf(store, one!.id), ['approval.requested', 'approval.expired']);
    });

    const trigger = async (on: string, body: string, work: () => Promise<void>): Promise<void> => {
      await world.rows(
        `create or replace function public.dba() returns trigger language plpgsql as $$ begin ${body} return new; end $$`,
      );
      await world.rows(`create trigger dba before ${on} for each row execute function public.dba()`);
      try {
        await work();
      } finally {
        await world.rows(`drop trigger dba on ${on.split(' on ')[1]}`);
      }
    };

    test('P6: one whose event a trigger keeps out is not ended, and is named; those beside it are', async () => {
      const many = await questions(8);
      const kept = `if new.approval_id = '${many[5]!.id}' then return null; end if;`;
      await trigger('insert on holdfast.events', kept, async () => {
        const ends = await Promise.allSettled(many.map((one) => store.commit(expiry(one))));
        for (const [n, end] of ends.entries()) {
          if (n === 5) assert.ok(end.status === 'rejected' && end.reason instanceof Swallowed, String(n));
          else assert.ok(end.status === 'fulfilled' && end.value.kind === 'committed', String(n));
        }
      });
      assert.equal((await store.find(many[5]!.id))!.state, 'pending');
    });

    for (const [name, body] of Object.entries({
      'its state': "new.state := 'approved';",
      'its revision': 'new.revision := new.revision + 3;',
      'its seal': 'new.state_seal := old.state_seal;',
    })) {
      test(`P1: one of which a trigger writes ${name} itself is told to be altered, and only that one`, async () => {
        const many = await questions(6);
        const meddles = `if old.id = '${many[2]!.id}' then ${body} end if;`;
        await trigger('update on holdfast.approvals', meddles, async () => {
          const ends = kinds(await Promise.all(many.map((one) => store.commit(expiry(one)))));
          assert.deepEqual(
            ends,
            many.map((_, n) => (n === 2 ? 'altered' : 'committed')),
          );
        });
      });
    }

    test('P6: a row that cannot be read any more fails alone', async () => {
      const many = await questions(6);
      await world.rows(`update holdfast.approvals set later_reasons = '3' where id = '${many[1]!.id}'`);
      const ends = await Promise.allSettled(many.map((one) => store.commit(expiry(one))));
      assert.deepEqual(
        ends.map(({ status }) => status),
        many.map((_, n) => (n === 1 ? 'rejected' : 'fulfilled')),
      );
    });

    test('long calls are ended in as many statements as their length needs, and keep no short one waiting for ever', async () => {
      const long = (n: number) => (n % 2 ? { text: randomBytes(600_000).toString('hex') } : { n });
      const many = await Promise.all(
        Array.from({ length: 8 }, (_, n) => opened(store, newApproval({ arguments: long(n) }))),
      );
      const ends = await Promise.all(many.map(({ approval }) => store.commit(expiry(approval))));
      assert.deepEqual(kinds(ends), Array(8).fill('committed'));
      for (const [n, end] of ends.entries())
        assert.deepEqual(end.kind === 'committed' && end.approval.arguments, many[n]!.approval.arguments);
      assert.ok(
        (await transactions(
          'approvals',
          many.map(({ approval }) => approval),
        )) >= 4,
        'no two long ones at once',
      );
    });

    test('what has a vote, a pass, or runs, goes as ever', async () => {
      const many = await questions(3);
      const running = await through(store, many[0]!, 'approved', 'dispatched');
      const ends = await Promise.all([
        store.commit(change(running, 'unknown', { patch: { note: 'it stopped' } })),
        store.commit(change(many[1]!, 'denied')),
        store.commit(expiry(many[2]!)),
      ]);
      assert.deepEqual(kinds(ends), Array(3).fill('committed'));
      const states: State[] = [];
      for (const { id } of many) states.push((await store.find(id))!.state);
      assert.deepEqual(states, ['unknown', 'denied', 'expired']);
    });

    describe('callers that are served', () => {
      const collected = (approval: Approval) => eventOf('approval.collected', approval);
      const seats = async (approvals: readonly Approval[]) =>
        (
          await world.rows(`select count(*) filter (where collected_at is not null)::int as n from holdfast.joiners
            where approval_id in (${listed(approvals)})`)
        )[0]!.n;

      test('together are recorded in few statements, each once', async () => {
        const many = await Promise.all(Array.from({ length: 30 }, () => opened(store)));
        const approvals = many.map(({ approval }) => approval);
        await Promise.all(approvals.map((one) => store.commit(expiry(one))));
        const serve = () =>
          Promise.all(many.map(({ approval, joiner }) => store.collected(joiner.id, collected(approval))));
        await serve();
        assert.ok((await transactions('joiners', approvals)) <= 2);
        assert.equal(await seats(approvals), 30);
        await serve();
        for (const { id } of approvals) {
          const types = await typesOf(store, id);
          assert.equal(types.filter((type) => type === 'approval.collected').length, 1);
        }
        assert.deepEqual((await store.seal(1_000)).foreign, []);
      });

      test('the last caller of an outcome takes it along; where it may be replayed, it stays until then', async () => {
        const ended = async () => {
          const { approval, joiner, request } = await opened(store);
          const joined = newJoiner();
          await open(store, again(request), joined);
          const now = (await store.find(approval.id))!;
          const running = await through(store, now, 'approved', 'dispatched');
          const resultUntil = new Date(Date.now() + 60_000);
          const over = change(running, 'succeeded', { patch: { result: new Uint8Array([1]), resultUntil } });
          assert.equal((await store.commit(over)).kind, 'committed');
          return { approval, seats: [joiner.id, joined.id] as const };
        };
        const [first, second, third] = [await ended(), await ended(), await ended()];
        const until = new Date(Date.now() + 30_000);
        const gone = (of: typeof first, at: 0 | 1, replay?: Date) =>
          store.collected(of.seats[at], collected(of.approval), replay);
        await Promise.all([
          gone(first, 0),
          gone(first, 1),
          gone(second, 0, until),
          gone(second, 1, until),
          gone(third, 1),
        ]);
        assert.equal(await store.result(first.approval.id), null, 'both have it');
        assert.deepEqual(
          new Uint8Array((await store.result(second.approval.id))!),
          new Uint8Array([1]),
          'both may ask again',
        );
        assert.deepEqual(
          new Uint8Array((await store.result(third.approval.id))!),
          new Uint8Array([1]),
          'one has not got it',
        );
        await store.forget(new Date(until.getTime() + 1), new Date(0));
        assert.equal(await store.result(second.approval.id), null);
        assert.notEqual(await store.result(third.approval.id), null);
      });

      // PGlite is one process, with one transaction at a time.
      if (kind !== 'PGlite')
        test('P4: one whose approval somebody holds keeps no other from being recorded', async () => {
          const many = await Promise.all(Array.from({ length: 6 }, () => opened(store)));
          const approvals = many.map(({ approval }) => approval);
          await Promise.all(approvals.map((one) => store.commit(expiry(one))));
          const release = Promise.withResolvers<void>();
          const isHeld = Promise.withResolvers<void>();
          const somebody = world.db.transaction().execute(async (trx) => {
            await sql`select 1 from holdfast.approvals where id = ${approvals[2]!.id} for update`.execute(trx);
            isHeld.resolve();
            await release.promise;
          });
          await isHeld.promise;
          const served = many.map(({ approval, joiner }) => store.collected(joiner.id, collected(approval)));
          try {
            await Promise.all(served.filter((_, n) => n !== 2));
            assert.equal(await seats(approvals), 5);
          } finally {
            release.resolve();
            await somebody;
            await Promise.allSettled(served);
          }
          await Promise.all(served);
          assert.equal(await seats(approvals), 6);
        });

      test('P6: one whose event a trigger keeps out is not recorded, and those beside it are', async () => {
        const many = await Promise.all(Array.from({ length: 5 }, () => opened(store)));
        const approvals = many.map(({ approval }) => approval);
        await Promise.all(approvals.map((one) => store.commit(expiry(one))));
        const kept = `if new.approval_id = '${approvals[1]!.id}' then return null; end if;`;
        await trigger('insert on holdfast.events', kept, async () => {
          const ends = await Promise.allSettled(
            many.map(({ approval, joiner }) => store.collected(joiner.id, collected(approval))),
          );
          assert.deepEqual(
            ends.map(({ status }) => status),
            many.map((_, n) => (n === 1 ? 'rejected' : 'fulfilled')),
          );
        });
        assert.equal(await seats(approvals), 4);
      });
    });
  });
}

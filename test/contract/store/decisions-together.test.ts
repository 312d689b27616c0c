import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Approval, Decision } from '../../../src/domain/approval/approval.ts';
import type { EventType } from '../../../src/domain/log/event.ts';
import type { Take } from '../../../src/domain/policy/limit.ts';
import { type Change, type Committed, type NewJoiner, type Store, Swallowed } from '../../../src/ports.ts';
import {
  change,
  eventOf,
  newApproval,
  newJoiner,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
  typesOf,
} from '../../support/store/world.ts';

type Question = { readonly approval: Approval; readonly joiner: NewJoiner };

const vote = (choice: Decision['choice'] = 'approve', more: Partial<Decision> = {}): Decision => ({
  ...({ approver: 'U0MIRA', choice, reason: null, via: 'slack', self: false, userGroup: null } as const),
  at: new Date(),
  ...more,
});

/** As a click decides it, compared with the seals that it was judged on. */
const decided = (approval: Approval, to: 'approved' | 'denied' | 'pending' = 'approved', by = vote()): Change =>
  change(approval, to, {
    decision: { ...by, choice: to === 'denied' ? 'deny' : 'approve' },
    believed: approval.seal,
    events: [eventOf('approval.decided', approval)],
  });

/** The dispatch for a caller who waits, committed with the decision. */
const spent = ({ approval, joiner }: Question, more: Partial<Change> = {}): Change => {
  const approved = { ...approval, state: 'approved', revision: approval.revision + 1 } as const;
  const patch = { leaseUntil: new Date(Date.now() + 600_000), dispatcher: `me ${joiner.id}` };
  const { server, grant } = approval;
  const pass = { joiner: joiner.id, token: randomHex(32), unlessFrozen: { server, grant }, takes: [] };
  return change(approved, 'dispatched', { ...pass, patch, ...more });
};
const bothOf = (one: Question, more: Partial<Change> = {}): [Change, Change] => [
  decided(one.approval),
  spent(one, more),
];

for (const kind of STORES) {
  describe(`decisions that come together, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let store: Store;
    before(async () => {
      world = await storeWorld(kind);
      store = world.one;
      await world.freezes[0].list();
    });
    beforeEach(() => store.beat('here'));
    after(() => world?.close());

    const questions = (count: number): Promise<Question[]> =>
      Promise.all(Array.from({ length: count }, () => opened(store)));
    const listed = (all: readonly Question[]) => all.map(({ approval }) => `'${approval.id}'`).join();
    const transactions = async (all: readonly Question[]) => {
      const rows = await world.rows(
        `select count(distinct xmin::text) as n from holdfast.approvals where id in (${listed(all)})`,
      );
      return Number(rows[0]!.n);
    };
    const kinds = (ends: readonly Committed[]) => ends.map(({ kind: of }) => of);
    const both = (all: readonly Question[], on = store) => Promise.all(all.map((one) => on.commitBoth(...bothOf(one))));
    const approvalsOf = (ends: readonly Committed[]) =>
      ends.map((end) => {
        assert.ok(end.kind === 'committed', end.kind);
        return end.approval;
      });
    const ended = (approval: Approval, to: 'succeeded' | 'failed', more: Change['patch'] = {}): Change => {
      const dispatcher = `me ${approval.id}`;
      return change(approval, to, {
        dispatcher,
        gives: [],
        patch: { leaseUntil: null, dispatcher: null, awaits: null, note: null, resultUntil: new Date(1.9e12), ...more },
      });
    };
    /** What the commits have written of each, but for whose it is and when. */
    const written = async ({ id }: Approval) => {
      const [row] = await world.rows(`select state, revision, state_revision, note, result_until, awaits, questions,
        request is null as sent_away, result, lease_until is null as free, dispatcher is null as nobody,
        pickup_until is null as no_pass, updated_at > created_at as is_later from holdfast.approvals where id = '${id}'`);
      const votes =
        await world.rows(`select approver, choice, reason, via, self, user_group, person, rights, signature, offers,
        allowance, counter from holdfast.decisions where approval_id = '${id}'`);
      return { ...row, votes };
    };

    test('P7: with their dispatches are few commits; each is made as one alone is: row, vote, seals and events', async () => {
      const [alone, ...many] = await questions(41);
      const single = await store.commitBoth(...bothOf(alone!));
      assert.equal(single.kind, 'committed');
      const ends = await both(many);
      assert.ok((await transactions(many)) <= 3, `${await transactions(many)} transactions`);
      for (const [n, approval] of approvalsOf(ends).entries()) {
        assert.deepEqual(approval, await store.find(many[n]!.approval.id), 'what is told is what is there');
        assert.deepEqual([approval.state, approval.broken, approval.decisions.length], ['dispatched', null, 1]);
        assert.deepEqual(await written(approval), await written(alone!.approval));
        assert.deepEqual(await typesOf(store, approval.id), [
          'approval.requested',
          'approval.decided',
          'call.dispatched',
        ]);
      }
      assert.deepEqual((await store.seal(1_000)).foreign, [], 'the sealer believes every event, and misses none');
    });

    test('P7: of every kind at once: votes, a yes, a no, a pass that is spent, outcomes with their results', async () => {
      const all = await questions(12);
      const [voted, yes, no, waits, ...others] = all as [Question, Question, Question, Question, ...Question[]];
      const passed = await through(store, waits.approval, 'approved');
      const running = approvalsOf(
        await Promise.all(
          others.map(async (one) => {
            const { id } = one.approval;
            const [first, second] = bothOf(one);
            return store.commitBoth(first, { ...second, patch: { ...second.patch, dispatcher: `me ${id}` } });
          }),
        ),
      );
      const result = new Uint8Array(2_000).fill(7);
      const reason = 'no \u{1f6d1} "quoted" \\ \u2028';
      const denial = decided(no.approval, 'denied', vote('deny', { reason, person: 'mira', userGroup: 'S1' }));
      const kept = { resultUntil: new Date(1_900_000_000_000) };
      const ends = await Promise.all([
        store.commit(decided(voted.approval, 'pending')),
        store.commit(decided(yes.approval)),
        store.commit({ ...denial, patch: kept }),
        store.commit(
          change(passed, 'dispatched', { joiner: waits.joiner.id, patch: { dispatcher: 'x', leaseUntil: new Date() } }),
        ),
        ...running.map((one, n) => store.commit(ended(one, n % 2 ? 'failed' : 'succeeded', { result }))),
      ]);
      const made = approvalsOf(ends);
      for (const approval of made) assert.deepEqual(approval, await store.find(approval.id));
      assert.deepEqual(
        made.map(({ state }) => state),
        ['pending', 'approved', 'denied', 'dispatched', ...running.map((_, n) => (n % 2 ? 'failed' : 'succeeded'))],
      );
      assert.ok(made.every(({ broken }) => broken === null));
      assert.equal(made[2]!.decisions[0]!.reason, reason);
      assert.equal(made[2]!.decisions[0]!.person, 'mira');
      for (const { id } of running) assert.deepEqual(new Uint8Array((await store.result(id))!), result);
      const types: EventType[] = ['approval.requested', 'approval.decided', 'call.dispatched', 'call.succeeded'];
      assert.deepEqual(await typesOf(store, running[0]!.id), types);
      assert.deepEqual((await store.seal(1_000)).foreign, []);
    });

    test('P3: one that lost its race hears so, and only that one', async () => {
      const many = await questions(12);
      await world.other.commit(decided(many[3]!.approval, 'denied'));
      await world.other.commit(change(many[7]!.approval, 'expired'));
      const ends = kinds(await both(many));
      assert.deepEqual(
        ends,
        many.map((_, n) => (n === 3 || n === 7 ? 'conflict' : 'committed')),
      );
      assert.deepEqual(await typesOf(store, many[7]!.approval.id), ['approval.requested', 'approval.expired']);
    });

    test('P1: what stops one of them is told to it alone, as if it had come alone', async () => {
      const many = await Promise.all(
        Array.from({ length: 9 }, (_, n) => opened(store, newApproval(n === 4 ? { server: 'frozen-server' } : {}))),
      );
      const card = {
        approval: many[2]!.approval.id,
        channel: 'C1',
        ts: '1.5',
        revision: 1,
        digest: 'd',
        postedAt: null,
      };
      await store.saveCard(card, null);
      const token = randomHex(32);
      await world.rows(`insert into holdfast.revocations (token_sha256, grant_name, at, actor)
        values ('${token}', 'g', now(), 'admin')`);
      const scope = { kind: 'server', name: 'frozen-server' } as const;
      const freeze = { id: `fz_${randomHex(13)}`, scope, reason: 'why', by: 'admin', since: new Date() };
      await world.freezes[1].set(freeze, eventOf('freeze.set', { server: scope.name }));
      const pairs = many.map((one) => bothOf(one));
      pairs[1]![1] = { ...pairs[1]![1], joiner: newJoiner().id };
      pairs[2]![0] = { ...pairs[2]![0], card: { ...card, digest: 'another' } };
      pairs[3]![1] = { ...pairs[3]![1], token };
      pairs[5]![0] = { ...pairs[5]![0], believed: 'an other' };
      // Somebody put the row back: the log says that it was sent.
      const ran = eventOf('call.dispatched', many[6]!.approval);
      await store.append([ran]);
      const ends = await Promise.all(pairs.map(([first, second]) => store.commitBoth(first, second)));
      assert.deepEqual(kinds(ends), [
        'committed',
        'left',
        'conflict',
        'conflict',
        'frozen',
        'conflict',
        'spent',
        'committed',
        'committed',
      ]);
      for (const n of [1, 2, 3, 4, 5, 6]) assert.deepEqual(await store.find(many[n]!.approval.id), many[n]!.approval);
    });

    test('P3: decided once, whichever of two replicas is first, in whatever order', async () => {
      for (let round = 0; round < (kind === 'PGlite' ? 1 : 3); round += 1) {
        const many = await questions(30);
        const [here, there] = await Promise.all([both(many), both(many.toReversed(), world.other)]);
        for (const [n, { approval }] of many.entries()) {
          assert.deepEqual([here[n]!.kind, there.at(-1 - n)!.kind].sort(), ['committed', 'conflict']);
          assert.deepEqual((await typesOf(store, approval.id)).length, 3);
          assert.equal((await store.find(approval.id))!.decisions.length, 1);
        }
      }
    });

    test('P3: a decision, and the end of the call behind it, come one after the other; others do not wait for that', async () => {
      const [first, ...others] = await questions(6);
      const approval = first!.approval;
      const yes = {
        ...approval,
        state: 'approved',
        revision: approval.revision + 1,
        pickupUntil: new Date(1e12),
      } as const;
      const ends = await Promise.all([
        store.commit(decided(approval)),
        store.commit(change(yes, 'lapsed')),
        ...others.map((one) => store.commit(decided(one.approval, 'denied'))),
      ]);
      assert.deepEqual(kinds(ends), Array(7).fill('committed'));
      assert.deepEqual(await typesOf(store, approval.id), [
        'approval.requested',
        'approval.decided',
        'approval.lapsed',
      ]);
    });

    test('P3: who has voted already, as somebody wrote into the database, fails alone', async () => {
      const many = await questions(6);
      await world.rows(`insert into holdfast.decisions (approval_id, approver, choice, via, self, at, seal)
        values ('${many[2]!.approval.id}', 'U0MIRA', 'deny', 'slack', false, now(), 'none')`);
      const ends = kinds(await both(many));
      assert.deepEqual(
        ends,
        many.map((_, n) => (n === 2 ? 'conflict' : 'committed')),
      );
      assert.ok((await transactions(many.filter((_, n) => n !== 2))) <= 2, 'and costs the others nothing');
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

    for (const table of ['events', 'decisions'] as const) {
      test(`P7: one of which a trigger keeps a row out of holdfast.${table} is not made, and is named; those beside it are`, async () => {
        const many = await questions(7);
        const kept = `if new.approval_id = '${many[4]!.approval.id}' then return null; end if;`;
        await trigger(`insert on holdfast.${table}`, kept, async () => {
          const ends = await Promise.allSettled(many.map((one) => store.commitBoth(...bothOf(one))));
          for (const [n, end] of ends.entries()) {
            if (n === 4) assert.ok(end.status === 'rejected' && end.reason instanceof Swallowed, String(n));
            else assert.ok(end.status === 'fulfilled' && end.value.kind === 'committed', String(n));
          }
        });
        assert.deepEqual(await store.find(many[4]!.approval.id), many[4]!.approval);
      });
    }

    for (const [name, body] of Object.entries({
      'its state': "new.state := 'approved';",
      'its seal': 'new.state_seal := old.state_seal;',
      'until when it is good': "new.pickup_until := now() + interval '9 days';",
      'its requirement': "new.requirement := jsonb_set(new.requirement::jsonb, '{quorum}', '7')::json;",
    })) {
      test(`P1: one of which a trigger writes ${name} itself is told to be altered, and only that one`, async () => {
        const many = await questions(6);
        const meddles = `if old.id = '${many[2]!.approval.id}' then ${body} end if;`;
        await trigger('update on holdfast.approvals', meddles, async () => {
          const ends = kinds(await both(many));
          assert.deepEqual(
            ends,
            many.map((_, n) => (n === 2 ? 'altered' : 'committed')),
          );
        });
      });
    }

    // PGlite is one process, with one transaction at a time.
    if (kind !== 'PGlite')
      test('P6: a row that somebody holds keeps nobody else waiting, whether it comes with others or before them', async () => {
        const many = await questions(14);
        const [locked, other] = [many[0]!, many[9]!];
        let release = (): void => undefined;
        const hold = new Promise<void>((resolve) => {
          release = resolve;
        });
        const isHeld = Promise.withResolvers<void>();
        const somebody = world.db.transaction().execute(async (trx) => {
          await sql`select 1 from holdfast.approvals where id in (${locked.approval.id}, ${other.approval.id}) for update`.execute(
            trx,
          );
          isHeld.resolve();
          await hold;
        });
        await isHeld.promise;
        const done: number[] = [];
        const commit = async (one: Question, n: number) => {
          const end = await store.commitBoth(...bothOf(one));
          done.push(n);
          return end;
        };
        // The first goes alone, and waits in its lane; the tenth waits by itself behind the others' statement.
        const ends = [commit(locked, 0)];
        await new Promise((resolve) => setImmediate(resolve));
        ends.push(...many.slice(1).map((one, n) => commit(one, n + 1)));
        await Promise.all(ends.filter((_, n) => n !== 0 && n !== 9));
        assert.deepEqual(
          done.toSorted((a, b) => a - b),
          [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13],
        );
        const later = await questions(3);
        assert.deepEqual(kinds(await both(later)), Array(3).fill('committed'), 'nor those that come later');
        release();
        await somebody;
        assert.deepEqual(kinds(await Promise.all(ends)), Array(14).fill('committed'));
      });

    test('P2: what counts against a limit, and what may still run elsewhere, goes by itself as ever', async () => {
      const many = await questions(4);
      const [first, second] = bothOf(many[0]!);
      const only: Take = {
        ...{ server: 's', counter: `c_${randomHex(4)}`, scopeValue: 'g', max: '1', by: '1' },
        scope: 'grant',
        window: { calendar: 'month' },
      };
      const running = await through(store, many[1]!.approval, 'approved', 'dispatched');
      const ends = await Promise.all([
        store.commitBoth(first, { ...second, takes: [only] }),
        store.commit(change(running, 'unknown', { patch: { note: 'it stopped' } })),
        store.commitBoth(decided(many[2]!.approval), spent(many[2]!, { takes: [only] })),
        store.commitBoth(...bothOf(many[3]!)),
      ]);
      assert.deepEqual(kinds(ends).toSorted(), ['committed', 'committed', 'committed', 'full']);
      assert.equal(ends[0]!.kind === 'committed' && ends[0]!.taken.length, ends[0]!.kind === 'committed' ? 1 : false);
    });
  });
}

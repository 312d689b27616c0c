import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Approval } from '../../../src/domain/approval/approval.ts';
import { NO_SUBJECT } from '../../../src/domain/log/event.ts';
import { loginMark } from '../../../src/domain/log/marks.ts';
import { sqlSnoozes } from '../../../src/sql/snoozes.ts';
import { SEALED_COLUMNS, SealedTables } from '../../../src/sql/table/sealed-tables.ts';
import { sqlTasks } from '../../../src/sql/tasks.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  change,
  eventOf,
  GIVEN,
  newApproval,
  newJoiner,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

const later = (ms: number): Date => new Date(Date.now() + ms);

/** One row of a table: made by the port, named for SQL, and whether the port still believes it. */
interface Specimen {
  readonly where: string;
  /** Another true row of the same table, whose seal is no seal of this one. */
  readonly other: string;
  believed(): Promise<boolean>;
}

/** What somebody with the database may write into a column, where `column = column || 'x'` does not do. */
const FORGED: Readonly<Record<string, string>> = {
  at: `at + interval '1 hour'`,
  seen_at: `seen_at + interval '1 second'`,
  ends_at: `ends_at + interval '1 day'`,
  created_at: `created_at + interval '1 hour'`,
  started_at: `started_at - interval '1 hour'`,
  asked_at: `asked_at + interval '1 hour'`,
  issued_at: `issued_at + interval '1 hour'`,
  until: `until + interval '1 day'`,
  kept: `'\\x00'::bytea`,
  task_id: `'hft_other'`,
  session: 'null',
  era: `'modern'`,
  ts: `'1700000000.000100'`,
  revision: 'revision + 1',
  posted_at: `posted_at - interval '1 hour'`,
  told_freeze: `'fz_1'`,
  refused: `'not_in_channel'`,
};

for (const kind of STORES) {
  describe(`rows that let something pass on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    beforeEach(async () => {
      await world.one.beat('here');
      world.found.length = 0;
    });
    after(() => world?.close());

    const running = async (): Promise<{ approval: Approval; joiner: string }> => {
      const { approval, joiner } = await opened(world.one, newApproval({ server: 's1' }));
      return { approval: await through(world.one, approval, 'approved', 'dispatched'), joiner: joiner.id };
    };
    const tasks = () => world.tasks[0];

    const login = async () => {
      const at = new Date();
      const one = { id: randomHex(16), reviewer: 'admin', credential: 'c', at, seenAt: at, endsAt: later(60_000) };
      const event = { ...NO_SUBJECT, type: 'admin.signed_in', at, actor: 'admin', data: {} } as const;
      await world.logins.begin(one, event);
      return one;
    };
    const openTask = async () => {
      const { approval, joiner } = await running();
      const id = `hft_${randomHex(8)}`;
      const { grant, server } = approval;
      const times = { createdAt: new Date(), expiresAt: later(60_000) };
      const made = { id, approval: approval.id, joiner, grant, server, era: 'legacy' as const, ...times };
      await tasks().openTask({ ...made, request: new Uint8Array([1]) });
      return made;
    };
    const waiting = async () => {
      const { approval } = await running();
      const patch = { awaits: 'input', leaseUntil: later(60_000), questions: 1 } as const;
      const committed = await world.one.commit(change(approval, 'dispatched', { patch }));
      assert.equal(committed.kind, 'committed');
      const { id, grant, server } = approval;
      const digest = randomHex(8);
      await tasks().rememberContinuation({
        digest,
        grant,
        server,
        fingerprint: 'f',
        approval: id,
        expiresAt: later(60_000),
      });
      return { digest, grant, server, id };
    };
    const followed = async () => {
      const { approval } = await running();
      const { id, grant, server } = approval;
      const kept = new Uint8Array([4, 2]);
      const pursuit = { approval: id, dispatcher: 'one', task: null, grant, server, kept, startedAt: new Date() };
      await tasks().followTask(pursuit, 'here', later(-1));
      return pursuit;
    };

    const SPECIMENS: Record<string, () => Promise<Specimen>> = {
      logins: async () => {
        const [one, other] = [await login(), await login()];
        const by = (id: string) => `id = '${id}'`;
        return {
          where: by(one.id),
          other: by(other.id),
          believed: async () => (await world.logins.find(one.id)) !== null,
        };
      },
      sessions: async () => {
        const [one, other] = [randomHex(8), randomHex(8)];
        for (const id of [one, other]) await world.one.bindSession(id, 's1', 'g1');
        const by = (id: string) => `id = '${id}'`;
        return {
          where: by(one),
          other: by(other),
          believed: async () => (await world.other.sessionGrant(one, 's1')) !== null,
        };
      },
      tasks: async () => {
        const [one, other] = [await openTask(), await openTask()];
        const by = (id: string) => `id = '${id}'`;
        const believed = async () => {
          const [row] = await world.rows(`select grant_name, server from holdfast.tasks where ${by(one.id)}`);
          return (await tasks().findTask(one.id, String(row?.grant_name), String(row?.server), new Date())) !== null;
        };
        return { where: by(one.id), other: by(other.id), believed };
      },
      continuations: async () => {
        const [one, other] = [await waiting(), await waiting()];
        const by = ({ digest }: typeof one) => `digest like '${digest}%'`;
        const believed = async () => {
          const [row] = await world.rows(`select * from holdfast.continuations where ${by(one)}`);
          const { digest, grant_name, server, fingerprint } = row as Record<string, string>;
          const place = { digests: [digest!], grant: grant_name!, server: server!, fingerprints: [fingerprint!] };
          const found = await tasks().findContinuation({ ...place, now: new Date() });
          const by2 = { joiner: newJoiner(), dispatcher: 'me', until: later(60_000) };
          const taken = await tasks().takeContinuation({ ...place, ...by2, now: new Date() }, GIVEN, () => []);
          assert.equal(taken === null, found === null);
          return found !== null;
        };
        return { where: by(one), other: by(other), believed };
      },
      pursuits: async () => {
        const [one, other] = [await followed(), await followed()];
        const by = (id: string) => `approval_id = '${id}'`;
        const believed = async () => {
          const found = await tasks().findFollowed(one.approval);
          const claimed = await tasks().claimFollowed('me', new Date(), later(-1), 1_000);
          assert.equal(
            claimed.some(({ approval }) => approval === one.approval),
            found !== null,
          );
          return found !== null;
        };
        return { where: by(one.approval), other: by(other.approval), believed };
      },
      asked_requests: async () => {
        const ask = async () => {
          const { approval } = await running();
          const place = { grant: approval.grant, server: 's1', servers: ['s1'], session: 's' };
          const key = randomHex(4);
          const asked = {
            ...place,
            key,
            approval: approval.id,
            digest: 'd',
            kept: new Uint8Array([1]),
            at: new Date(),
          };
          assert.equal(await tasks().keepRequest(asked), true);
          return { ...place, id: approval.id, key };
        };
        const [one, other] = [await ask(), await ask()];
        const by = ({ key }: typeof one) => `request_key like '${key}%'`;
        const believed = async () => {
          const [row] = await world.rows(`select * from holdfast.asked_requests where ${by(one)}`);
          const { grant_name, server, session, request_key } = row as Record<string, string>;
          const place = { grant: grant_name!, servers: [server!], session: session ?? null };
          const found = await tasks().findRequest(place, request_key!);
          if (found === null) return false;
          const answer = { n: found.n, approval: found.approval, now: new Date() };
          const answered = await tasks().answerRequest(answer, GIVEN, []);
          assert.ok(answered === null || !found.answered, 'nor is it answered');
          return answered !== null;
        };
        return { where: by(one), other: by(other), believed };
      },
      plain_requests: async () => {
        const note = async () => {
          const place = { grant: `g${randomHex(4)}`, server: 's1', session: 's' };
          await tasks().notePlainRequests({ ...place, keys: ['1'], at: new Date() });
          return place.grant;
        };
        const [one, other] = [await note(), await note()];
        const by = (grant: string) => `grant_name like '${grant}%'`;
        const believed = async () => {
          const [row] = await world.rows(`select * from holdfast.plain_requests where ${by(one)}`);
          const { grant_name, server, session, request_key } = row as Record<string, string>;
          const place = { grant: grant_name!, servers: [server!], session: session ?? null };
          return (await tasks().whoseAnswers(place, [request_key!])).plain;
        };
        return { where: by(one), other: by(other), believed };
      },
      issued_states: async () => {
        const { approval } = await running();
        const { id, server } = approval;
        const state = randomHex(8);
        const at = new Date();
        const about = { server, at, until: later(60_000) };
        await tasks().issueState({ digest: state, grant: approval.grant, approval: id, ...about });
        const note = async () => {
          const grant = `g${randomHex(4)}`;
          const bearer = { digests: [state], grant, servers: ['s1'], request: randomHex(8) };
          await tasks().noteIssuedState({ ...bearer, ...about, at: later(1) });
          return bearer;
        };
        const [one, other] = [await note(), await note()];
        const by = ({ grant }: typeof one) => `grant_name like '${grant}%'`;
        const believed = async () => {
          const [row] = await world.rows(`select * from holdfast.issued_states where ${by(one)}`);
          const { digest, grant_name, server: at } = row as Record<string, string>;
          const bearer = { digests: [state], grant: grant_name!, servers: ['s1', at!], request: [digest!] };
          return !(await tasks().isStateClaimed({ ...bearer, now: new Date() }));
        };
        return { where: by(one), other: by(other), believed };
      },
    };

    SPECIMENS.snoozes = async () => {
      const snoozes = sqlSnoozes(world.db, new SealedTables(TEST_SEALS, world.watches[0]));
      const person = randomHex(4);
      const putAside = async () => {
        const { approval } = await opened(world.one, newApproval({ server: 's1' }));
        const at = new Date();
        await snoozes.set({ approval: approval.id, person, slack: 'U0MIRA', at, until: later(60_000) }, at);
        return approval.id;
      };
      const [one, other] = [await putAside(), await putAside()];
      const by = (id: string) => `approval_id = '${id}'`;
      const believed = async () =>
        (await snoozes.of(person, new Date())).some(({ approval, slack }) => approval === one && slack !== null);
      return { where: by(one), other: by(other), believed };
    };

    SPECIMENS.cards = async () => {
      const save = async () => {
        const { approval } = await opened(world.one, newApproval({ server: 's1' }));
        const shown = { channel: 'C1', ts: '1.1', digest: 'pending', revision: 1 };
        const card = { approval: approval.id, ...shown, postedAt: new Date() };
        await world.one.saveCard(card, { ...eventOf('card.posted', approval), data: shown });
        return approval.id;
      };
      const [one, other] = [await save(), await save()];
      const by = (id: string) => `approval_id = '${id}'`;
      const believed = async () => {
        const card = await world.one.card(one);
        return card !== null && !card.restored;
      };
      return { where: by(one), other: by(other), believed };
    };

    /** The set has no row and no head, and nobody knows of an earlier one. */
    const beginAnew = async (table: string): Promise<void> => {
      await world.rows(`delete from holdfast.${table}`);
      await world.rows(`delete from holdfast.sealed_sets where name = '${table}'`);
      for (const watch of world.watches) watch.forget();
    };

    for (const [table, specimen] of Object.entries(SPECIMENS)) {
      const columns: readonly string[] = SEALED_COLUMNS[table as keyof typeof SEALED_COLUMNS];
      // Named by its first column, or by what its grant is called, a row is found again under the changed name too.
      for (const column of columns) {
        test(`P1: a row of ${table} is not believed with another ${column}`, async () => {
          const { where, believed } = await specimen();
          if (FOREIGN_KEYS.has(`${table}.${column}`)) {
            const { approval } = await running();
            await world.rows(`update holdfast.${table} set ${column} = '${approval.id}' where ${where}`);
          } else {
            const value = FORGED[column] ?? `${column} || 'x'`;
            await world.rows(`update holdfast.${table} set ${column} = ${value} where ${where}`);
          }
          assert.equal(await believed(), false);
        });
      }
      test(`P1: a row of ${table} is believed as it is, and not with another row’s seal, with none, or with a made-up one`, async () => {
        if (table === 'asked_requests') await beginAnew('asked_requests');
        const whole = await specimen();
        if (!SETS_ONLY.has(table)) assert.equal(await whole.believed(), true);
        const [moved, bare, made] = [await specimen(), await specimen(), await specimen()];
        await world.rows(`update holdfast.${table} set seal =
          (select seal from holdfast.${table} where ${moved.other} limit 1) where ${moved.where}`);
        assert.equal(await moved.believed(), false);
        await world.rows(`update holdfast.${table} set seal = null where ${bare.where}`);
        assert.equal(await bare.believed(), false);
        await world.rows(`update holdfast.${table} set seal = '1' || repeat('0', 40) where ${made.where}`);
        assert.equal(await made.believed(), false);
        assert.ok(world.found.some(({ name, row }) => name === table && row !== null) || SETS_ONLY.has(table));
      });
    }

    test('P1: a login that was signed out stays so when its true row is put back', async () => {
      const [one, other] = [await login(), await login()];
      await world.rows(`create table logins_before as select * from holdfast.logins`);
      await world.logins.seen(one, later(1));
      assert.notEqual(await world.logins.find(one.id), null, 'it was used');
      const data = { login: loginMark(one.id) };
      await world.logins.end(one.id, { ...NO_SUBJECT, type: 'admin.signed_out', at: new Date(), actor: 'admin', data });
      await world.rows(`insert into holdfast.logins select * from logins_before where id = '${one.id}'`);
      assert.equal(await world.logins.find(one.id), null);
      assert.notEqual(await world.logins.find(other.id), null);
      await world.rows('drop table logins_before');
    });

    for (const [table, specimen] of ['asked_requests', 'pursuits', 'issued_states'].map(
      (name) => [name, SPECIMENS[name]!] as const,
    )) {
      test(`P1: a row of ${table} that is deleted is missed, and what is put back is older`, async () => {
        await world.rows(`delete from holdfast.${table}`);
        await world.rows(`delete from holdfast.sealed_sets where name = '${table}'`);
        for (const watch of world.watches) watch.forget();
        const judge = async () => {
          world.found.length = 0;
          await world.one.judgeSets(world.watches[0]);
          return world.found.filter(({ name }) => name === table).map(({ kind }) => kind);
        };
        const { where } = await specimen();
        assert.deepEqual(await judge(), []);
        await world.rows(`create table rows_before as select * from holdfast.${table}`);
        await world.rows(`create table heads_before as select * from holdfast.sealed_sets`);
        await specimen();
        assert.deepEqual(await judge(), []);
        await world.rows(`create table rows_now as select * from holdfast.${table}`);
        const gated = table === 'issued_states' ? ' and approval_id is not null' : '';
        await world.rows(`delete from holdfast.${table} where ${table === 'issued_states' ? 'true' : where}${gated}`);
        assert.deepEqual(await judge(), ['broken']);
        await world.rows(`delete from holdfast.${table}`);
        await world.rows(`insert into holdfast.${table} select * from rows_now`);
        assert.deepEqual(await judge(), []);
        await world.rows(`delete from holdfast.${table}`);
        await world.rows(`insert into holdfast.${table} select * from rows_before`);
        await world.rows(`update holdfast.sealed_sets s set version = b.version, count = b.count, digest = b.digest,
          seal = b.seal from heads_before b where s.name = '${table}' and b.name = s.name`);
        assert.deepEqual(await judge(), ['older']);
        await world.rows('drop table rows_before');
        await world.rows('drop table rows_now');
        await world.rows('drop table heads_before');
      });
    }

    test('P1: an answer counts as one to a plain request only while no gated request is missing', async () => {
      for (const table of ['asked_requests', 'sealed_sets']) await world.rows(`delete from holdfast.${table}`);
      for (const watch of world.watches) watch.forget();
      const strict = { ...newApproval().approval.requirement, answers: 'ask' } as const;
      const { approval } = await opened(world.one, newApproval({ server: 's1', requirement: strict }));
      const call = await through(world.one, approval, 'approved', 'dispatched');
      const place = { grant: call.grant, server: 's1', servers: ['s1'], session: null };
      await tasks().notePlainRequests({ ...place, keys: ['1'], at: new Date() });
      await tasks().keepRequest({
        ...place,
        key: '1',
        approval: call.id,
        digest: 'd',
        kept: new Uint8Array([1]),
        at: new Date(),
      });
      const gated = async (of = tasks()) => (await of.whoseAnswers(place, ['1'])).gated;
      assert.equal((await tasks().whoseAnswers({ ...place, grant: 'another' }, ['1'])).gated, false);
      assert.equal(await gated(), true);
      await world.rows(`update holdfast.approvals set awaits = 'input', state = 'approved' where id = '${call.id}'`);
      assert.equal(await gated(), true, 'whatever its call looks like');
      await world.rows('delete from holdfast.asked_requests');
      assert.equal(await gated(), null);
      assert.equal(await gated(sqlTasks({ db: world.db }, TEST_SEALS)), null, 'whoever asks');
    });

    test('P1: a request of a call that is over is meant by no answer without a session, if the call’s seals say so', async () => {
      await beginAnew('asked_requests');
      const call = await running();
      const place = { grant: call.approval.grant, server: 's1', servers: ['s1'], session: null };
      const asked = { approval: call.approval.id, digest: 'd', kept: new Uint8Array([1]), at: new Date() };
      await tasks().keepRequest({ ...place, ...asked, key: '1' });
      const gated = async () => (await tasks().whoseAnswers(place, ['1'])).gated;
      assert.equal(await gated(), true);
      const { state } = await through(world.one, (await world.one.find(call.approval.id))!, 'succeeded');
      assert.equal(state, 'succeeded');
      assert.equal(await gated(), false);
      await world.rows(`update holdfast.approvals set revision = 1 where id = '${call.approval.id}'`);
      assert.equal(await gated(), true);
    });

    test('P2: an answer is taken once, also where its request is opened again by hand', async () => {
      await beginAnew('asked_requests');
      const { approval } = await running();
      const place = { grant: approval.grant, server: 's1', servers: ['s1'], session: null };
      const asked = { approval: approval.id, digest: 'd', kept: new Uint8Array([1]), at: new Date() };
      await tasks().keepRequest({ ...place, ...asked, key: '1' });
      const { n } = (await tasks().findRequest(place, '1'))!;
      const take = () => tasks().answerRequest({ n, approval: approval.id, now: new Date() }, GIVEN, []);
      assert.notEqual(await take(), null);
      await world.rows('update holdfast.asked_requests set answered_at = null');
      assert.equal(await take(), null);
    });

    test('P1: a state that was given to a gated call is claimed also when its row is gone', async () => {
      for (const table of ['issued_states', 'sealed_sets']) await world.rows(`delete from holdfast.${table}`);
      for (const watch of world.watches) watch.forget();
      const { approval } = await running();
      const state = randomHex(8);
      const bearer = { digests: [state], grant: 'g', servers: ['s1'], request: ['r'], now: new Date() };
      assert.equal(await tasks().isStateClaimed(bearer), false);
      await tasks().issueState({
        ...{ digest: state, grant: approval.grant, server: 's1', approval: approval.id },
        ...{ at: new Date(), until: later(60_000) },
      });
      assert.equal(await tasks().isStateClaimed(bearer), true);
      await world.rows('delete from holdfast.issued_states');
      assert.equal(await tasks().isStateClaimed(bearer), true);
      await tasks().forgetTasks(later(-60_000), later(-60_000));
    });

    test('states and requests whose time is over leave their set with it', async () => {
      for (const table of ['issued_states', 'asked_requests', 'pursuits', 'sealed_sets'])
        await world.rows(`delete from holdfast.${table}`);
      for (const watch of world.watches) watch.forget();
      world.found.length = 0;
      const { approval } = await running();
      const about = { grant: approval.grant, server: 's1', approval: approval.id, at: new Date() };
      for (let n = 0; n < 3; n += 1) await tasks().issueState({ ...about, digest: `d${n}`, until: later(n * 60_000) });
      await tasks().issueState({ ...about, digest: 'd2', until: later(600_000) });
      const place = { grant: approval.grant, server: 's1', servers: ['s1'], session: null };
      const ask = (key: string) =>
        tasks().keepRequest({
          ...place,
          key,
          approval: approval.id,
          digest: key,
          kept: new Uint8Array([1]),
          at: new Date(),
        });
      assert.deepEqual([await ask('1'), await ask('1'), await ask('2')], [true, true, true]);
      const { n } = (await tasks().findRequest(place, '1'))!;
      assert.notEqual(await tasks().answerRequest({ n, approval: approval.id, now: new Date() }, GIVEN, []), null);
      await tasks().reopenRequest(n);
      await tasks().reopenRequest(n);
      await tasks().forgetTasks(later(90_000), later(90_000));
      await world.one.judgeSets(world.watches[0]);
      assert.deepEqual(world.found, []);
      const counts = Object.fromEntries(world.watches[0].heads.map(({ name, count }) => [name, count]));
      assert.deepEqual([counts.issued_states, counts.asked_requests], [1, 2]);
    });
  });
}

/** Columns that have to name an approval that there is. */
const FOREIGN_KEYS = new Set([
  'tasks.approval_id',
  'continuations.approval_id',
  'pursuits.approval_id',
  'asked_requests.approval_id',
  'issued_states.approval_id',
  'cards.approval_id',
]);

/** Their rows are missed by their set, which is then refused as a whole. */
const SETS_ONLY = new Set(['issued_states']);

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type NewEvent, NO_SUBJECT } from '../../../src/domain/log/event.ts';
import type { ApiToken } from '../../../src/ports.ts';
import { sqlApiTokens } from '../../../src/sql/api-tokens.ts';
import { sqlPersonLogins } from '../../../src/sql/person-logins.ts';
import { sqlBeliefs } from '../../../src/sql/sets/beliefs.ts';
import { SEALED_COLUMNS } from '../../../src/sql/table/sealed-tables.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { randomHex, STORES, type StoreWorld, skipStore, storeWorld } from '../../support/store/world.ts';

const later = (ms: number): Date => new Date(Date.now() + ms);
const SAID = {
  onlyInIdToken: { claim: null, email: false },
  began: { person: 'ada', by: 'login' },
} as const;
const eventOf = (type: NewEvent['type']): NewEvent => ({
  ...NO_SUBJECT,
  type,
  at: new Date(),
  actor: 'login:ada',
  data: {},
});

for (const kind of STORES) {
  describe(`what SQL says of people, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());
    const logins = () => sqlPersonLogins(world.db, TEST_SEALS);
    const tokens = () => sqlApiTokens(world.db, TEST_SEALS);

    const login = async (flow = randomHex(8), subject: string | null = null) => {
      const at = new Date();
      const id = randomHex(16);
      const one = { id, reviewer: 'ada', credential: 'c', at, seenAt: at, endsAt: later(60_000) };
      const identity = {
        issuer: 'https://i',
        subject: subject ?? `s-${id}`,
        email: null,
        name: 'Ada',
        values: ['a'],
        lacking: null,
      };
      const person = { id, flow, session: 'sid', identity, ...SAID, checkedAt: at, kept: new Uint8Array([1, 2]) };
      return { id, person, begun: await logins().begin(one, person, eventOf('admin.signed_in')) };
    };

    for (const column of SEALED_COLUMNS.person_logins.filter((name) => name !== 'id')) {
      test(`P1: a person’s login is not believed with another ${column}`, async () => {
        const { id, person } = await login();
        assert.deepEqual((await logins().find(id))?.identity, person.identity);
        const value = { checked_at: `checked_at + interval '1 hour'`, kept: `'\\x00'::bytea`, email: `'x@y'` }[
          column as string
        ];
        await world.rows(
          `update holdfast.person_logins set ${column} = ${value ?? `${column} || 'x'`} where id = '${id}'`,
        );
        assert.equal(await logins().find(id), null);
      });
    }

    test('of two callbacks of one sign-in one makes a login, and the other leaves nothing', async () => {
      const flow = randomHex(8);
      const both = await Promise.all([login(flow), login(flow)]);
      assert.deepEqual(both.map(({ begun }) => begun).toSorted(), [false, true]);
      const [lost] = both.filter(({ begun }) => !begun);
      assert.equal(await world.logins.find(lost!.id), null);
    });

    test('one asks the provider at a time, and what it finds is kept', async () => {
      const { id, person } = await login();
      const claims = await Promise.all([1, 2, 3].map(() => logins().claim(id, 20_000)));
      assert.deepEqual(claims.toSorted(), [false, false, true]);
      await logins().confirmed({ ...person, checkedAt: later(1), identity: { ...person.identity, values: [] } });
      assert.deepEqual((await logins().find(id))?.identity.values, []);
      assert.equal(await logins().claim(id, 20_000), true);
    });

    test('the oldest logins of an account are told, beyond as many as it may have', async () => {
      const made = await login();
      const { issuer, subject } = made.person.identity;
      const also = await login(randomHex(8), subject);
      assert.deepEqual(await logins().beyond({ issuer, subject }, 2), []);
      assert.deepEqual(await logins().beyond({ issuer, subject }, 1), [made.id]);
      await logins().confirmed({ ...made.person, checkedAt: later(1) });
      assert.deepEqual(await logins().beyond({ issuer, subject }, 1), [also.id]);
    });

    test('a provider ends the logins of its session, and those of the account that have none', async () => {
      const [one, two, none] = [await login(), await login(), await login()];
      const { issuer, subject } = one.person.identity;
      const of = async (session: string | null, account: string | null) =>
        (await logins().endedBy({ issuer, session, subject: account })).map(({ id }) => id).toSorted();
      for (const { person, session } of [
        { person: one.person, session: `s1-${subject}` },
        { person: two.person, session: `s2-${subject}` },
        { person: none.person, session: null },
      ])
        await logins().confirmed({ ...person, session, identity: { ...person.identity, subject } });
      assert.deepEqual(await of(`s1-${subject}`, subject), [one.id, none.id].toSorted());
      assert.deepEqual(await of(`s1-${subject}`, null), [one.id]);
      assert.deepEqual(await of(null, subject), [one.id, two.id, none.id].toSorted());
      assert.deepEqual(
        await of(`s1-${subject}`, 'another'),
        [],
        'a session of somebody else is not this token’s to end',
      );
    });

    test('P1: an e-mail address is the first account’s, and an account has one', async () => {
      const [email, second] = [`${randomHex(4)}@example.com`, `${randomHex(4)}@example.com`];
      const [one, two] = [
        { issuer: 'https://i', subject: randomHex(4) },
        { issuer: 'https://i', subject: randomHex(4) },
      ];
      const both = await Promise.all([
        logins().holdEmail(email, one, new Date()),
        logins().holdEmail(email, two, new Date()),
      ]);
      assert.deepEqual(both.toSorted(), ['held', 'of_another']);
      const [holder, other] = both[0] === 'held' ? [one, two] : [two, one];
      assert.equal(await logins().holdEmail(second, holder, new Date()), 'has_another');
      assert.equal(await logins().holdEmail(second, other, new Date()), 'held');
      assert.equal(await logins().holdEmail(email, holder, new Date()), 'held');
    });

    const takings: Readonly<Record<string, string>> = {
      'given to another account': `update holdfast.person_emails set subject = 'thief' where email = $`,
      'taken out': 'delete from holdfast.person_emails where email = $',
      'without its seal': 'update holdfast.person_emails set seal = null where email = $',
      'beside one that no gateway wrote': `insert into holdfast.person_emails values ('forged@example.com', 'https://i', 'thief', now(), 'x')`,
    };
    for (const [what, statement] of Object.entries(takings)) {
      test(`P1: an address ${what} is nobody’s, and no other one is anybody’s`, async () => {
        const email = `${randomHex(4)}@example.com`;
        const [owner, thief] = [
          { issuer: 'https://i', subject: randomHex(4) },
          { issuer: 'https://i', subject: 'thief' },
        ];
        assert.equal(await logins().holdEmail(email, owner, new Date()), 'held');
        await world.rows('create table emails_before as select * from holdfast.person_emails');
        await world.rows(statement.replace('$', `'${email}'`));
        for (const account of [owner, thief])
          assert.equal(await logins().holdEmail(email, account, new Date()), 'not_whole');
        assert.equal(await logins().holdEmail(`${randomHex(4)}@example.com`, thief, new Date()), 'not_whole');
        await world.rows('delete from holdfast.person_emails');
        await world.rows('insert into holdfast.person_emails select * from emails_before');
        await world.rows('drop table emails_before');
        assert.equal(await logins().holdEmail(email, owner, new Date()), 'held', 'as it was, it is believed');
      });
    }

    const token = async (owner = randomHex(4), more: Partial<ApiToken> = {}) => {
      const at = new Date();
      const made = {
        id: `tk_${randomHex(6)}`,
        digest: randomHex(16),
        owner,
        name: 'n',
        role: 'auditor',
        at,
        endsAt: later(60_000),
        revokedAt: null,
        revokedBy: null,
        vouchedAt: at,
        ...more,
      } as const;
      return { made, added: await tokens().add(made, eventOf('token.made')) };
    };
    const found = async (digest: string) => (await tokens().find([digest]))?.id ?? null;

    test('a person has at most 20 tokens', async () => {
      const owner = randomHex(4);
      for (let n = 0; n < 20; n += 1) assert.equal((await token(owner)).added, 'added');
      assert.equal((await token(owner)).added, 'own_full');
    });

    test('a person who makes and revokes tokens leaves 50 rows, and room for everybody else', async () => {
      const owner = randomHex(4);
      const first = await token(owner);
      for (let n = 0; n < 60; n += 1) {
        const { made, added } = await token(owner);
        assert.equal(added, 'added');
        await tokens().revoke(made.id, owner, new Date(), eventOf('token.revoked'));
      }
      assert.equal((await tokens().list(owner)).length, 50);
      assert.equal(await found(first.made.digest), first.made.id, 'one that is good is not forgotten');
      const other = await token();
      assert.equal(await found(other.made.digest), other.made.id, 'the set is what a gateway left');
    });

    test('a token that has long been over is forgotten', async () => {
      const owner = randomHex(4);
      const day = 86_400_000;
      const old = await token(owner, { endsAt: later(-31 * day) });
      const listed = await token(owner, { endsAt: later(-29 * day) });
      await token();
      assert.deepEqual(
        (await tokens().list(owner)).map(({ id }) => id),
        [listed.made.id],
      );
      assert.equal(await found(old.made.digest), null);
    });

    test('a text that is no token costs no reading of the set', async () => {
      let read = 0;
      const beliefs = sqlBeliefs(world.db, TEST_SEALS);
      const counted = sqlApiTokens(world.db, TEST_SEALS, {
        wholeRows: (set, on) => {
          read += 1;
          return beliefs.wholeRows(set, on);
        },
      });
      const { made } = await token();
      assert.equal(await counted.find([randomHex(16)]), null);
      assert.equal(read, 0);
      assert.equal((await counted.find([made.digest]))?.id, made.id);
      assert.equal(read, 1);
    });

    test('tokens of somebody whose account is over are stopped, and good again when they sign in', async () => {
      const owner = randomHex(4);
      const [{ made }, other] = [await token(owner), await token()];
      const told: (readonly string[])[] = [];
      const stop = () =>
        tokens().suspend(owner, new Date(), (ids) => {
          told.push(ids);
          return eventOf('token.suspended');
        });
      assert.deepEqual(await stop(), [made.id]);
      assert.deepEqual(await stop(), [], 'once');
      assert.deepEqual(told, [[made.id]]);
      assert.equal((await tokens().find([made.digest]))?.vouchedAt, null);
      assert.ok((await tokens().find([other.made.digest]))?.vouchedAt);
      const at = new Date();
      assert.equal(await tokens().vouch(owner, at), true);
      assert.equal(await tokens().vouch(randomHex(4), at), false, 'whoever has none changes nothing');
      assert.deepEqual((await tokens().find([made.digest]))?.vouchedAt, at);
    });

    const attacks: Readonly<Record<string, (id: string) => string>> = {
      'a revoked one that is brought back to life': (id) =>
        `update holdfast.api_tokens set revoked_at = null, revoked_by = null, seal = (select seal from tokens_before b where b.id = '${id}') where id = '${id}'`,
      'a later sign-in of its owner': (id) =>
        `update holdfast.api_tokens set vouched_at = vouched_at + interval '7 days' where id = '${id}'`,
      'another role': (id) => `update holdfast.api_tokens set role = 'operator' where id = '${id}'`,
      'a later end': (id) => `update holdfast.api_tokens set ends_at = ends_at + interval '1 year' where id = '${id}'`,
      'one that is added': (id) =>
        `insert into holdfast.api_tokens select 'tk_x', repeat('d', 32), owner, name, 'operator', at, ends_at, null, null, seal, vouched_at from holdfast.api_tokens where id = '${id}'`,
      'one that is taken out': (id) => `delete from holdfast.api_tokens where id = '${id}'`,
    };
    for (const [what, statement] of Object.entries(attacks)) {
      test(`P1: with ${what}, no token opens anything`, async () => {
        const [one, other] = [await token(), await token()];
        assert.equal(await found(other.made.digest), other.made.id);
        await world.rows('drop table if exists tokens_before');
        await world.rows('create table tokens_before as select * from holdfast.api_tokens');
        if (what.startsWith('a revoked'))
          await tokens().revoke(one.made.id, 'admin', new Date(), eventOf('token.revoked'));
        await world.rows('create table heads_before as select * from holdfast.sealed_sets');
        await world.rows('create table true_rows as select * from holdfast.api_tokens');
        await world.rows(statement(one.made.id));
        assert.equal(await found(one.made.digest), null);
        assert.equal(await found(other.made.digest), null);
        assert.equal(await found('d'.repeat(32)), null);
        await world.rows('delete from holdfast.api_tokens');
        await world.rows('insert into holdfast.api_tokens select * from true_rows');
        assert.equal(await found(other.made.digest), other.made.id, 'as it was, it is believed');
        await world.rows('drop table heads_before, true_rows');
      });
    }
  });
}

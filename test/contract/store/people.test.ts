import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type NewEvent, NO_SUBJECT } from '../../../src/domain/log/event.ts';
import { sqlApiTokens } from '../../../src/sql/api-tokens.ts';
import { sqlPersonLogins } from '../../../src/sql/person-logins.ts';
import { SEALED_COLUMNS } from '../../../src/sql/table/sealed-tables.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { randomHex, STORES, type StoreWorld, skipStore, storeWorld } from '../../support/store/world.ts';

const later = (ms: number): Date => new Date(Date.now() + ms);
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

    const login = async (flow = randomHex(8)) => {
      const at = new Date();
      const id = randomHex(16);
      const one = { id, reviewer: 'ada', credential: 'c', at, seenAt: at, endsAt: later(60_000) };
      const identity = {
        issuer: 'https://i',
        subject: `s-${id}`,
        email: null,
        name: 'Ada',
        values: ['a'],
        lacking: null,
      };
      const person = { id, flow, session: 'sid', identity, checkedAt: at, kept: new Uint8Array([1, 2]) };
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

    test('P1: an e-mail address is the first account’s, whatever is written into its row', async () => {
      const email = `${randomHex(4)}@example.com`;
      const [one, two] = [
        { issuer: 'https://i', subject: '1' },
        { issuer: 'https://i', subject: '2' },
      ];
      assert.equal(await logins().ownsEmail(email, one, new Date()), true);
      assert.equal(await logins().ownsEmail(email, two, new Date()), false);
      await world.rows(`update holdfast.person_emails set subject = '2' where email = '${email}'`);
      assert.equal(await logins().ownsEmail(email, two, new Date()), false);
      assert.equal(await logins().ownsEmail(email, one, new Date()), false);
    });

    const token = async (owner = randomHex(4)) => {
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
      } as const;
      return { made, added: await tokens().add(made, eventOf('token.made')) };
    };
    const found = async (digest: string) => (await tokens().find([digest]))?.id ?? null;

    test('a person has at most 20 tokens', async () => {
      const owner = randomHex(4);
      for (let n = 0; n < 20; n += 1) assert.equal((await token(owner)).added, true);
      assert.equal((await token(owner)).added, false);
    });

    const attacks: Readonly<Record<string, (id: string) => string>> = {
      'a revoked one that is brought back to life': (id) =>
        `update holdfast.api_tokens set revoked_at = null, revoked_by = null, seal = (select seal from tokens_before b where b.id = '${id}') where id = '${id}'`,
      'another role': (id) => `update holdfast.api_tokens set role = 'operator' where id = '${id}'`,
      'a later end': (id) => `update holdfast.api_tokens set ends_at = ends_at + interval '1 year' where id = '${id}'`,
      'one that is added': (id) =>
        `insert into holdfast.api_tokens select 'tk_x', repeat('d', 32), owner, name, 'operator', at, ends_at, null, null, seal from holdfast.api_tokens where id = '${id}'`,
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

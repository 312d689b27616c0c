import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Decision } from '../../../src/domain/approval/approval.ts';
import { type NewEvent, NO_SUBJECT } from '../../../src/domain/log/event.ts';
import type { PersonKey, SigningNonce } from '../../../src/ports.ts';
import { sqlPersonKeys } from '../../../src/sql/person-keys.ts';
import { sqlSigningNonces } from '../../../src/sql/signing-nonces.ts';
import { SEALED_COLUMNS } from '../../../src/sql/table/sealed-tables.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  change,
  opened,
  randomHex,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
} from '../../support/store/world.ts';

const eventOf = (type: NewEvent['type']): NewEvent => ({
  ...NO_SUBJECT,
  type,
  at: new Date(),
  actor: 'slack:U0MIRA',
  data: {},
});

function voteOf(approver: string): Decision {
  return { approver, choice: 'approve', reason: null, via: 'console', self: false, userGroup: null, at: new Date() };
}

function newKey(different: Partial<PersonKey> = {}): Omit<PersonKey, 'seal'> {
  return {
    ...{ id: randomHex(16), owner: `U${randomHex(4)}`, name: 'laptop', publicKey: randomHex(40), algorithm: -7 },
    ...{ origin: 'https://h.example.com', counter: 0, at: new Date(), registeredAt: null, registeredBy: null },
    ...{ breakGlass: false, endedAt: null, endedBy: null, ended: null },
    ...different,
  };
}

for (const kind of STORES) {
  describe(`passkeys in SQL, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());
    const keys = () => sqlPersonKeys(world.db, TEST_SEALS);
    const added = async (different: Partial<PersonKey> = {}) => {
      const key = newKey(different);
      assert.equal(await keys().add(key, eventOf('key.requested')), 'added');
      return key;
    };
    const registered = async () => {
      const key = await added();
      const by = { by: 'U0OLGA', breakGlass: false, at: new Date() };
      assert.notEqual(await keys().register(key.id, by, eventOf('key.registered')), null);
      return key;
    };
    const found = async (id: string) => (await keys().whole())?.find((key) => key.id === id);

    test('one is added, registered and revoked once, with an event each', async () => {
      const key = await added();
      assert.equal(await keys().add(key, eventOf('key.requested')), 'known');
      assert.equal((await found(key.id))?.registeredAt, null);
      const by = { by: 'U0OLGA', breakGlass: true, at: new Date() };
      const both = await Promise.all([1, 2].map(() => keys().register(key.id, by, eventOf('key.registered'))));
      assert.equal(both.filter((one) => one !== null).length, 1);
      assert.equal((await found(key.id))?.breakGlass, true);
      assert.equal((await keys().revoke(key.id, 'U0MIRA', new Date(), eventOf('key.revoked')))?.ended, 'revoked');
      assert.equal(await keys().revoke(key.id, 'U0MIRA', new Date(), eventOf('key.revoked')), null);
      assert.equal(await keys().register(key.id, by, eventOf('key.registered')), null);
    });

    test('a person has at most ten at a time', async () => {
      const owner = `U${randomHex(4)}`;
      for (let n = 0; n < 10; n += 1) await added({ owner });
      assert.equal(await keys().add(newKey({ owner }), eventOf('key.requested')), 'too_many');
    });

    test('P1: its counter only goes on, over all replicas; else it is suspended, once', async () => {
      const key = await registered();
      const used = (counter: number) => keys().used(key.id, counter, new Date(), eventOf('key.suspended'));
      assert.deepEqual(
        [await used(0), await used(0), await used(1), await used(7)],
        ['taken', 'taken', 'taken', 'taken'],
      );
      assert.equal(await used(7), 'suspended');
      assert.equal(await used(8), 'gone');
      assert.equal((await found(key.id))?.ended, 'suspended');
      const twice = await registered();
      const both = await Promise.all([1, 2].map(() => keys().used(twice.id, 5, new Date(), eventOf('key.suspended'))));
      assert.deepEqual(both.toSorted(), ['suspended', 'taken']);
    });

    test('one that waits, or is over, signs nothing', async () => {
      const key = await added();
      assert.equal(await keys().used(key.id, 1, new Date(), eventOf('key.suspended')), 'gone');
    });

    test('P1: the true row of before a revocation, put back, brings nothing back to life', async () => {
      const key = await registered();
      const kept = await world.rows(`select seal from holdfast.person_keys where id = '${key.id}'`);
      await keys().revoke(key.id, 'U0MIRA', new Date(), eventOf('key.revoked'));
      const now = await world.rows(`select * from holdfast.person_keys where id = '${key.id}'`);
      await world.rows(`update holdfast.person_keys set ended = null, ended_at = null, ended_by = null,
        seal = '${kept[0]!.seal}' where id = '${key.id}'`);
      assert.equal(await keys().whole(), null);
      const { ended, ended_by, ended_at, seal } = now[0]!;
      await world.rows(`update holdfast.person_keys set ended = ${literal(ended)}, ended_by = ${literal(ended_by)},
        ended_at = ${literal(ended_at)}, seal = ${literal(seal)} where id = '${key.id}'`);
      assert.notEqual(await keys().whole(), null);
    });

    test('P1: nonces are good once, whoever asks at once, and one that was changed is good for nothing', async () => {
      const nonces = sqlSigningNonces(world.db, TEST_SEALS);
      const nonce = (different: Partial<SigningNonce> = {}): SigningNonce => ({
        ...{ digest: randomHex(16), purpose: 'approve', login: randomHex(8), person: 'U0MIRA', approval: 'ap_1' },
        ...{ choice: 'approve', at: new Date(), endsAt: new Date(Date.now() + 60_000) },
        ...different,
      });
      const one = nonce();
      assert.equal(await nonces.issue(one), true);
      const spent = await Promise.all([1, 2, 3].map(() => nonces.spend([one.digest])));
      assert.deepEqual(
        spent.filter((each) => each !== null),
        [one],
      );
      for (const column of SEALED_COLUMNS.signing_nonces) {
        const other = nonce();
        await nonces.issue(other);
        const isTime = column === 'at' || column === 'ends_at';
        await world.rows(`update holdfast.signing_nonces
          set ${column} = ${isTime ? `${column} + interval '1 hour'` : `'changed'`} where digest = '${other.digest}'`);
        assert.equal(await nonces.spend([other.digest, 'changed']), null, column);
      }
      const login = randomHex(8);
      const issued = [];
      for (let n = 0; n < 21; n += 1) issued.push(await nonces.issue(nonce({ login })));
      assert.deepEqual([issued.lastIndexOf(true), issued.at(-1)], [19, false]);
    });

    test('P1: neither a vote nor a spending is committed whose passkey is over, or is another', async () => {
      const good = await registered();
      const over = await registered();
      await keys().revoke(over.id, 'U0MIRA', new Date(), eventOf('key.revoked'));
      const waits = await added();
      const signer = ({ id, publicKey }: { id: string; publicKey: string }) => ({ key: id, publicKey });
      const wrong = [[over], [good, over], [waits], [{ ...good, publicKey: over.publicKey }], [newKey()]];
      const { approval } = await opened(world.one);
      for (const signers of wrong) {
        const vote = change(approval, 'approved', { decision: voteOf('U0MIRA'), signers: signers.map(signer) });
        assert.equal((await world.one.commit(vote)).kind, 'conflict');
      }
      const decision = change(approval, 'approved', {
        decision: voteOf('U0MIRA'),
        signers: [signer(good), signer(good)],
      });
      const approved = await world.one.commit(decision);
      assert.equal(approved.kind, 'committed');
      const pass = approved.kind === 'committed' ? approved.approval : approval;
      const spending = (signers: readonly (typeof good)[]) =>
        world.one.commit(
          change(pass, 'dispatched', {
            patch: { dispatcher: 'here', leaseUntil: new Date(), pickupUntil: pass.pickupUntil },
            signers: signers.map(signer),
          }),
        );
      assert.equal((await spending([good, over])).kind, 'conflict');
      await keys().revoke(good.id, 'U0MIRA', new Date(), eventOf('key.revoked'));
      assert.equal((await spending([good])).kind, 'conflict');
    });

    for (const column of SEALED_COLUMNS.person_keys) {
      test(`P1: no passkey is believed while one has another ${column}, or while one is gone`, async () => {
        const key = await registered();
        const before = await world.rows(`select * from holdfast.person_keys where id = '${key.id}'`);
        const numbers = ['algorithm', 'counter'];
        const value = numbers.includes(column)
          ? `${column} - 1`
          : column === 'break_glass'
            ? 'not break_glass'
            : ['at', 'registered_at'].includes(column)
              ? `${column} + interval '1 hour'`
              : column === 'ended_at'
                ? 'now()'
                : `coalesce(${column}, '') || 'x'`;
        await world.rows(`update holdfast.person_keys set ${column} = ${value} where public_key = '${key.publicKey}'
          or id = '${key.id}'`);
        assert.equal(
          await keys()
            .whole()
            .catch(() => null),
          null,
          column,
        );
        assert.equal(
          await keys()
            .revoke(key.id, 'U0MIRA', new Date(), eventOf('key.revoked'))
            .catch(() => null),
          null,
        );
        await world.rows(`delete from holdfast.person_keys where owner like '${key.owner}%'`);
        assert.equal(await keys().whole(), null, 'a deleted one is missed');
        const names = Object.keys(before[0]!);
        await world.rows(`insert into holdfast.person_keys (${names.map((name) => `"${name}"`).join(', ')})
          values (${names.map((name) => literal(before[0]![name])).join(', ')})`);
        assert.notEqual(await keys().whole(), null, 'the true row is good again');
      });
    }
  });
}

function literal(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Date) return `'${value.toISOString()}'`;
  return typeof value === 'string' ? `'${value}'` : String(value);
}

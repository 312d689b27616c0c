import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type NewEvent, NO_SUBJECT } from '../../../src/domain/log/event.ts';
import type { ApiToken, PersonKey } from '../../../src/ports.ts';
import { sqlApiTokens } from '../../../src/sql/api-tokens.ts';
import { sqlPersonKeys } from '../../../src/sql/person-keys.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { acceptPlan, randomHex, STORES, type StoreWorld, skipStore, storeWorld } from '../../support/store/world.ts';

const later = (ms: number): Date => new Date(Date.now() + ms);
const eventOf = (type: NewEvent['type'], data: NewEvent['data'] = {}): NewEvent => ({
  ...{ ...NO_SUBJECT, type, at: new Date(), actor: 'slack:U0OLGA', data },
});

for (const kind of STORES) {
  describe(`an operator accepts a store in which something was brought back to life, on ${kind}`, {
    skip: skipStore(kind),
  }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());
    const keys = () => sqlPersonKeys(world.db, TEST_SEALS);
    const tokens = () => sqlApiTokens(world.db, TEST_SEALS);
    let number = 0;
    const accept = () => {
      number += 1;
      return world.one.accept(acceptPlan({ number, at: new Date() }));
    };
    /** Rows and head of a set as they are now: what puts them back. */
    const kept = async (table: string) => {
      const copy = `kept_${randomHex(4)}`;
      await world.rows(`create table ${copy} as select * from holdfast.${table}`);
      await world.rows(`create table ${copy}_head as select * from holdfast.sealed_sets where name = '${table}'`);
      return async () => {
        await world.rows(`delete from holdfast.${table}`);
        await world.rows(`insert into holdfast.${table} select * from ${copy}`);
        await world.rows(`delete from holdfast.sealed_sets where name = '${table}'`);
        await world.rows(`insert into holdfast.sealed_sets select * from ${copy}_head`);
      };
    };
    const registered = async () => {
      const key: Omit<PersonKey, 'seal'> = {
        ...{ id: randomHex(16), owner: `U${randomHex(4)}`, name: 'laptop', publicKey: randomHex(40), algorithm: -7 },
        ...{ origin: 'https://h.example.com', counter: 3, at: new Date(), registeredAt: null, registeredBy: null },
        ...{ breakGlass: false, endedAt: null, endedBy: null, ended: null },
      };
      await keys().add(key, eventOf('key.requested', { key: key.id }));
      const by = { by: 'U0OLGA', breakGlass: false, at: new Date() };
      await keys().register(key.id, by, eventOf('key.registered', { key: key.id }));
      return key.id;
    };
    const made = async () => {
      const at = new Date();
      const token: ApiToken = {
        ...{ id: `tk_${randomHex(6)}`, digest: randomHex(16), owner: randomHex(4), name: 'n', role: 'auditor', at },
        ...{ endsAt: later(600_000), revokedAt: null, revokedBy: null, vouchedAt: at },
      };
      await tokens().add(token, eventOf('token.made'));
      return token;
    };

    test('P1: revoked and suspended passkeys are over again, as the log says, and the others are good', async () => {
      const [revoked, suspended, good] = [await registered(), await registered(), await registered()];
      const putBack = await kept('person_keys');
      await keys().revoke(revoked, 'U0OLGA', new Date(), eventOf('key.revoked', { key: revoked }));
      const copied = eventOf('key.suspended', { key: suspended });
      assert.equal(await keys().used(suspended, 2, new Date(), copied), 'suspended');
      await putBack();
      const told = await accept();
      assert.deepEqual(
        told.putBack.map(({ table, row }) => [table, row]).toSorted(),
        [revoked, suspended].map((id) => ['person_keys', id]).toSorted(),
      );
      assert.match(told.putBack.find(({ row }) => row === revoked)!.about, /was revoked by U0OLGA at /);
      const now = new Map((await keys().whole())!.map((key) => [key.id, key]));
      assert.deepEqual(
        [revoked, suspended, good].map((id) => now.get(id)!.ended),
        ['revoked', 'suspended', null],
      );
      assert.deepEqual([now.get(revoked)!.endedBy, now.get(good)!.endedAt], ['U0OLGA', null]);
      assert.deepEqual((await accept()).putBack, [], 'nothing is left to do');
    });

    test('P1: revoked tokens are over again, suspended ones are so until their owner signs in', async () => {
      const [revoked, suspended, since, good] = [await made(), await made(), await made(), await made()];
      const putBack = await kept('api_tokens');
      await tokens().revoke(revoked.id, 'U0OLGA', new Date(), eventOf('token.revoked', { id: revoked.id }));
      for (const { id, owner } of [suspended, since])
        await tokens().suspend(owner, new Date(), (ids) => {
          assert.deepEqual(ids, [id]);
          return eventOf('token.suspended', { ids: [...ids] });
        });
      await putBack();
      await tokens().vouch(since.owner, later(1_000));
      const told = await accept();
      assert.deepEqual(told.putBack.map(({ row }) => row).toSorted(), [revoked.id, suspended.id].toSorted());
      const now = new Map((await tokens().list(null)).map((token) => [token.id, token]));
      assert.equal(now.get(revoked.id)!.revokedBy, 'U0OLGA');
      assert.deepEqual(
        [suspended, since, good].map(({ id }) => now.get(id)!.vouchedAt !== null),
        [false, true, true],
      );
      assert.notEqual(await tokens().find([good.digest]), null, 'the set is whole');
    });

    test('P1: what no gateway wrote ends nothing, and is told; so is what the log does not name', async () => {
      const [id, other] = [await registered(), await registered()];
      const body = JSON.stringify({ at: new Date(), actor: 'admin', data: { key: id, x: 'x'.repeat(60) } });
      const text = `${body.slice(0, -1)},"tool":null,"server":null,"grant":null,"approval":null,"type":"key.revoked"}`;
      await world.rows(
        `insert into holdfast.events (body, type, at, actor) values ('${text}', 'key.revoked', now(), 'admin')`,
      );
      const told = await accept();
      assert.deepEqual([told.putBack, told.lost.filter(({ row }) => row === id).length], [[], 1]);
      assert.equal((await keys().whole())!.find((key) => key.id === id)!.endedAt, null);
      const putBack = await kept('person_keys');
      await keys().revoke(other, 'U0OLGA', new Date(), eventOf('key.revoked'));
      const [head] = await world.rows(
        `select version, count, digest from holdfast.sealed_sets where name = 'person_keys'`,
      );
      await putBack();
      const { version, count, digest } = head as { version: number; count: number; digest: string };
      const known = { name: 'person_keys', version: Number(version), count: Number(count), digest };
      number += 1;
      const silent = await world.one.accept(acceptPlan({ number, at: new Date(), sets: [known] }));
      assert.match(
        silent.lost.find(({ table, row }) => table === 'person_keys' && row === null)?.about ?? '',
        /up to 1 changes of these rows/,
      );
    });
  });
}

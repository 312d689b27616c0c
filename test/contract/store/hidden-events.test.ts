import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NO_SUBJECT } from '../../../src/domain/log/event.ts';
import { tokenMark } from '../../../src/domain/log/marks.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { readEvents } from '../../../src/sql/log/events.ts';
import { loggedFreezes } from '../../../src/sql/sets/logged-freezes.ts';
import { loggedRevocations } from '../../../src/sql/sets/logged-revocations.ts';
import { rowSeals } from '../../../src/vault/row-seals.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { eventOf, randomHex, STORES, type StoreWorld, skipStore, storeWorld } from '../../support/store/world.ts';

const NEWER = 'a newer secret of tests, long enough to derive keys from';

for (const kind of STORES) {
  describe(`events that somebody hides or forges, on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    before(async () => {
      world = await storeWorld(kind);
    });
    after(() => world?.close());

    const frozen = (id: string, type: 'freeze.set' | 'freeze.lifted' = 'freeze.set') => {
      const data = { id, scope: 'server', name: id, reason: 'why' };
      return { ...NO_SUBJECT, type, at: new Date(), actor: 'slack:U0OPS', data } as const;
    };
    /** Chained, and the place of the last. */
    const chained = async (...events: Parameters<StoreWorld['one']['append']>[0]): Promise<number> => {
      await world.one.append(events);
      await world.one.seal(5_000);
      return Number((await world.rows('select max(seq) as seq from holdfast.events'))[0]!.seq);
    };
    /** A gateway that lists a newer secret only; the one before ended at this place. */
    const later = (end: number) => {
      const seals = rowSeals([NEWER]);
      seals.retire(new Map([[TEST_SEALS.prefix, end]]));
      return seals;
    };

    test('P7: a chained event without a seal is doubted where its place is behind the beginning and what was accepted', async () => {
      const first = await chained(eventOf('call.denied'));
      const last = await chained(eventOf('call.denied'));
      await world.rows(`update holdfast.events set seal = null where seq in (${first}, ${last})`);
      const seals = rowSeals(['a secret of tests, long enough to derive keys from']);
      const doubts = async () => {
        const events = await readEvents(world.db, seals, { after: 0, limit: 500 });
        return [first, last].map((seq) => events.find((event) => event.seq === seq)?.doubt);
      };
      assert.deepEqual(await doubts(), [undefined, undefined], 'it is not known since when there are seals');
      seals.mayLackUntil(0);
      assert.deepEqual(await doubts(), ['body', 'body']);
      seals.mayLackUntil(first);
      assert.deepEqual(await doubts(), [undefined, 'body']);
    });

    test('P7: a seal that looks like one of a retired secret is doubted behind that secret’s end, and before the chain', async () => {
      const before = await chained(eventOf('call.denied'));
      const behind = await chained(eventOf('call.denied'));
      await world.rows(`insert into holdfast.events (body, type, at, actor, seal)
        select body, type, at, actor, '${TEST_SEALS.prefix}' || repeat('0', 48) from holdfast.events where seq = ${before}`);
      const events = await readEvents(world.db, later(behind), { after: 0, limit: 500 });
      const doubtOf = (seq: number | null) => events.findLast((event) => event.seq === seq)?.doubt;
      assert.deepEqual([doubtOf(before), doubtOf(behind), doubtOf(null)], [undefined, 'secret', 'secret']);
      await world.rows('delete from holdfast.events where seq is null');
    });

    test('P1: freezes, thaws and revocations are found whatever the columns of their events say', async () => {
      const [one, two] = [`fz_${randomHex(13)}`, `fz_${randomHex(13)}`];
      const token = tokenMark(randomHex(32));
      await chained(frozen(one), frozen(two), frozen(two, 'freeze.lifted'), {
        ...{ ...NO_SUBJECT, type: 'grant.revoked', at: new Date(), actor: 'admin', grant: 'g' },
        data: { token, reason: null },
      });
      await world.rows(`update holdfast.events set type = 'call.allowed', at = now() - interval '1 year', actor = 'x'
        where type in ('freeze.set', 'freeze.lifted', 'grant.revoked')`);
      const ids = async () => (await loggedFreezes(world.db, TEST_SEALS, 0)).map(({ id, by }) => [id, by]);
      assert.deepEqual(await ids(), [[one, 'U0OPS']]);
      assert.deepEqual(
        (await loggedRevocations(world.db, TEST_SEALS)).map(({ tokenSha256, grant, isOwn }) => [
          tokenSha256,
          grant,
          isOwn,
        ]),
        [[token, 'g', true]],
      );
      // What is no JSON, and a thaw that nobody sealed.
      await world.rows(`insert into holdfast.events (body, type, at, actor, seal)
        select 'x' || body, 'freeze.set', now(), 'x', null from holdfast.events where body like '%"type":"freeze.set"}'`);
      await world.rows(`insert into holdfast.events (body, type, at, actor, seal)
        select replace(body, 'freeze.set', 'freeze.lifted'), 'freeze.lifted', now(), 'x', seal from holdfast.events
        where body like '{%"type":"freeze.set"}'`);
      assert.deepEqual(await ids(), [[one, 'U0OPS']]);
      await world.rows('delete from holdfast.events where seq is null');
    });

    test('P1: a thaw of a retired secret counts in its place in the chain before that secret’s end only', async () => {
      const id = `fz_${randomHex(13)}`;
      const set = await chained(frozen(id));
      const lifted = await chained(frozen(id, 'freeze.lifted'));
      const isFrozen = async (end: number) =>
        (await loggedFreezes(world.db, later(end), 0)).some((freeze) => freeze.id === id);
      assert.equal(await isFrozen(lifted + 1), false);
      assert.equal(await isFrozen(lifted), true, 'behind its end');
      assert.equal(await isFrozen(set + 1), true);
      // Another event's place, rewritten: its hash does not follow.
      await world.rows(
        `update holdfast.events set body = replace(body, '"reason":"why"', '"reason":"w"') where seq = ${lifted}`,
      );
      assert.equal(await isFrozen(lifted + 1), true, 'its hash does not follow from its text');
      await world.rows(
        `update holdfast.events set body = replace(body, '"reason":"w"', '"reason":"why"') where seq = ${lifted}`,
      );
    });

    test('P7: changes of keys are found by their texts, and count by their seals or their place', async () => {
      const data = { log: 'log_one', from: null, to: 'a'.repeat(64), signature: null, retired: [TEST_SEALS.prefix] };
      const began = { ...NO_SUBJECT, type: 'seals.began', at: new Date(), actor: 'holdfast' } as const;
      await chained({ ...began, data: { log: 'log_one', head: 0, key: 'b'.repeat(64) } });
      const at = await chained({ ...began, type: 'key.changed', data });
      await world.rows(`update holdfast.events set type = 'call.allowed' where type in ('seals.began', 'key.changed')`);
      const keys = async () => (await sqlLedger(world.db, null).keyEvents(at)).map(({ kind }) => kind);
      assert.deepEqual(await keys(), ['began', 'changed']);
    });

    test('P1: a login that was signed out stays so, whatever the columns of the event say', async () => {
      const [id, at] = [randomHex(16), new Date()];
      const login = { id, reviewer: 'admin', credential: 'c', at, seenAt: at, endsAt: new Date(at.getTime() + 60_000) };
      const event = (type: 'admin.signed_in' | 'admin.signed_out') => ({
        ...eventOf(type),
        data: { login: id.slice(0, 12) },
      });
      await world.logins.begin(login, event('admin.signed_in'));
      await world.rows(`create table logins_before as select * from holdfast.logins where id = '${id}'`);
      assert.notEqual(await world.logins.find(id), null);
      await world.logins.end(id, event('admin.signed_out'));
      await world.rows('insert into holdfast.logins select * from logins_before');
      await world.rows(
        `update holdfast.events set type = 'call.allowed', at = at - interval '1 year' where type = 'admin.signed_out'`,
      );
      assert.equal(await world.logins.find(id), null);
      await world.rows('drop table logins_before');
    });
  });
}

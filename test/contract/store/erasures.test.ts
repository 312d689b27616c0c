import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { Approval } from '../../../src/domain/approval/approval.ts';
import { judgeErasure } from '../../../src/domain/approval/erase.ts';
import { approvalEvent } from '../../../src/domain/log/event.ts';
import { disclosed, disclosedRecords } from '../../../src/gateway/log/disclosed.ts';
import { enclosedData, enclosedRequest, newKey } from '../../../src/gateway/log/enclose.ts';
import type { EraseOutcome, Erasures, NewApproval, Opened } from '../../../src/ports.ts';
import { sqlErasures } from '../../../src/sql/erasures.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { rowSeals } from '../../../src/vault/row-seals.ts';
import { vault } from '../../../src/vault/vault.ts';
import { ROOM } from '../../support/domain/room.ts';
import { TEST_SEALS, TEST_SECRET } from '../../support/store/seals.ts';
import {
  newApproval,
  newJoiner,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
  through,
} from '../../support/store/world.ts';

const KEYED = vault(['a secret that is long enough to be one']);
const ON = { rules: { erasable: true }, vault: KEYED };
const OFF = { rules: {}, vault: KEYED };
/** What is to be forgotten. No other test says it. */
const MARK = 'Lovelace-Ada';

for (const kind of STORES) {
  describe(`erasing, in ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let here: Erasures;
    let there: Erasures;
    before(async () => {
      world = await storeWorld(kind);
      here = sqlErasures(world.db, TEST_SEALS);
      there = sqlErasures(world.db, TEST_SEALS);
    });
    after(() => world?.close());

    const parts = (erasures = here) => ({ erasures, vault: KEYED });
    const records = () => disclosedRecords(sqlRecords(world.db, TEST_SEALS), parts());

    const request = (mark: string, keyed = true): NewApproval => {
      const made = newApproval({ arguments: { customer: mark }, statedReason: `for ${mark}` });
      return { ...made, ...newKey(keyed ? ON : OFF, made.approval.id) };
    };
    const open = (made: NewApproval): Promise<Opened> => {
      const { approval } = made;
      const event = approvalEvent(approval as Approval, {
        type: 'approval.requested',
        at: approval.createdAt,
        actor: `grant:${approval.grant}`,
        data: { fingerprint: approval.fingerprint, arguments: approval.arguments, statedReason: approval.statedReason },
      });
      return world.one.open(made, newJoiner(), ROOM, enclosedRequest(KEYED, made, event));
    };
    /** An approval that has ended, and whose caller has nothing to collect. */
    const over = async (mark: string, keyed = true): Promise<Approval> => {
      const opened = await open(request(mark, keyed));
      assert.equal(opened.kind, 'opened');
      if (opened.kind !== 'opened') throw new Error();
      await world.rows(`update holdfast.joiners set collected_at = now() where approval_id = '${opened.approval.id}'`);
      return through(world.one, opened.approval, 'denied');
    };
    const erase = (approval: string, erasures = here, at = new Date()): Promise<EraseOutcome> =>
      erasures.erase({
        approval,
        erasure: { by: 'admin', at: at.toISOString(), reason: 'she asked' },
        judge: (found, row) => judgeErasure(found, row, at),
        event: (found, data) => ({
          ...approvalEvent(
            { ...(found ?? { server: '', tool: '', grant: '' }), id: approval },
            {
              type: 'data.erased',
              at,
              actor: 'admin',
              data: { reason: 'she asked', ...data },
            },
          ),
        }),
      });
    /** Every row of every table, as text. */
    const everything = async (): Promise<string> => {
      const tables = await world.rows(
        "select table_name as name from information_schema.tables where table_schema = 'holdfast'",
      );
      let all = '';
      for (const { name } of tables) {
        const rows = await world.rows(`select t::text as row from holdfast.${name} t`);
        all += rows.map(({ row }) => String(row)).join('\n');
      }
      return all;
    };
    const story = async (id: string) =>
      (await records().story(id)).map(({ type, data, doubt }) => ({ type, data, doubt }));

    test('P7: until it is erased it is read as if it were in the clear; in the chained text it is not', async () => {
      const { id } = await over(`${MARK}-1`);
      const [first] = await records().story(id);
      assert.deepEqual(first!.data.arguments, { customer: `${MARK}-1` });
      assert.equal(first!.data.statedReason, `for ${MARK}-1`);
      assert.equal(first!.data.enclosed, undefined);
      assert.doesNotMatch(first!.text, new RegExp(MARK));
      assert.equal(first!.doubt, undefined);
      const found = await records().search({ types: ['approval.requested'], limit: 5 });
      assert.ok(found.items.some(({ data }) => JSON.stringify(data).includes(MARK)));
      assert.equal((await erase(id)).kind, 'erased');
    });

    test('P7: after it, nothing in the database says it, and the chain and who decided stand', async () => {
      const { id, fingerprint, decisions } = await over(`${MARK}-2`);
      const content = `[{"text":"${MARK}-2"}]`;
      const digest = createHash('sha256').update(content).digest('hex');
      const card = {
        approval: id,
        channel: 'C1',
        ts: '1.1',
        digest: `denied.0.0.${digest}`,
        revision: 2,
        postedAt: new Date(),
      };
      const shown = approvalEvent(
        { id, server: 's', tool: 't', grant: 'g' },
        {
          type: 'card.posted',
          at: new Date(),
          actor: 'holdfast',
          data: { digest: card.digest, channel: 'C1', ts: '1.1' },
        },
      );
      await world.one.saveCard(card, shown, content);
      assert.match(await everything(), new RegExp(`${MARK}-2`));
      await world.one.seal(1_000);
      const erased = await erase(id);
      assert.equal(erased.kind, 'erased');
      if (erased.kind !== 'erased') return;
      assert.deepEqual(erased.data, { cards: 1, enclosed: 1, clear: 0 });
      assert.doesNotMatch(await everything(), new RegExp(`${MARK}-2`));
      const now = (await world.one.find(id))!;
      assert.deepEqual([now.broken, now.state, now.fingerprint], [null, 'denied', fingerprint]);
      assert.deepEqual(now.decisions, decisions);
      assert.deepEqual(now.trace.erased?.by, 'admin');
      await world.one.seal(1_000);
      const told = await records().story(id);
      assert.ok(told.every(({ fits }) => fits === true));
      assert.deepEqual(
        told.map(({ doubt }) => doubt),
        told.map(() => undefined),
      );
      assert.deepEqual((told[0]!.data.erased as { reason: string }).reason, 'she asked');
      assert.equal(told[0]!.data.fingerprint, fingerprint);
      assert.deepEqual(await erase(id), { kind: 'refused', why: 'erased' });
    });

    test('what was written before it could be erased is erased from rows and cards, and the events in the clear are counted', async () => {
      const { id } = await over(`${MARK}-3`, false);
      const erased = await erase(id);
      assert.deepEqual(erased.kind === 'erased' && erased.data, { cards: 0, enclosed: 0, clear: 1 });
      assert.doesNotMatch(JSON.stringify(await world.one.find(id)), new RegExp(MARK));
    });

    test('P8: every version of a message that tells several calls is erased with the first of them', async () => {
      const [leader, member] = [await over(`${MARK}-lead`), await over(`${MARK}-5`)];
      const told = async (id: string, content: string) => {
        const digest = createHash('sha256').update(content).digest('hex');
        const card = {
          ...{ approval: id, channel: 'C1', ts: '1.1', revision: 2, postedAt: new Date() },
          digest: `digest:${leader!.id}:grant:0.${digest}`,
        };
        const data = { digest: card.digest, channel: 'C1', ts: '1.1' };
        const event = { type: 'card.updated', at: new Date(), actor: 'holdfast', data } as const;
        await world.one.saveCard(card, approvalEvent({ id, server: 's', tool: 't', grant: 'g' }, event), content);
      };
      await told(member!.id, `[{"text":"one of two: ${MARK}-5"}]`);
      await told(leader!.id, `[{"text":"later: ${MARK}-5"}]`);
      await world.one.seal(1_000);
      assert.equal((await erase(member!.id)).kind, 'erased');
      assert.doesNotMatch(await everything(), new RegExp(`${MARK}-5`));
      assert.equal((await erase(leader!.id)).kind, 'erased');
    });

    test('P8: nothing that is found out late about an erased call is kept', async () => {
      const { id } = await over(`${MARK}-6`);
      assert.equal((await erase(id)).kind, 'erased');
      const facts = {
        unusual: [[{ text: `${MARK}-6` }]],
        preview: null,
        particulars: { at: 0, destinations: { 'args.to': `${MARK}-6` }, amounts: {} },
      };
      assert.equal(await world.one.keepFacts(id, facts, null), false);
      assert.doesNotMatch(await everything(), new RegExp(`${MARK}-6`));
    });

    test('P2: what waits, or has still to be collected, is not erased, and stays as it is', async () => {
      const opened = await open(request(`${MARK}-4`));
      const { id } = opened.kind === 'opened' ? opened.approval : assert.fail(opened.kind);
      assert.deepEqual(await erase(id), { kind: 'refused', why: 'live' });
      const now = await through(world.one, (await world.one.find(id))!, 'denied');
      assert.deepEqual(await erase(id), { kind: 'refused', why: 'owed' });
      assert.deepEqual(now.arguments, { customer: `${MARK}-4` });
      assert.equal((await story(id))[0]!.doubt, undefined);
      assert.deepEqual(await erase('ap_nothing'), { kind: 'not_found' });
    });

    test('P7: where the event cannot be written, nothing is erased', async () => {
      const { id } = await over(`${MARK}-16`);
      await world.rows(
        `create function public.no() returns trigger language plpgsql as 'begin raise exception ''no''; end'`,
      );
      await world.rows(
        `create trigger no before insert on holdfast.events for each row when (new.type = 'data.erased') execute function public.no()`,
      );
      await assert.rejects(erase(id));
      await world.rows('drop trigger no on holdfast.events');
      await world.rows('drop function public.no()');
      assert.deepEqual((await world.one.find(id))!.arguments, { customer: `${MARK}-16` });
      assert.deepEqual((await story(id))[0]!.data.arguments, { customer: `${MARK}-16` });
      assert.equal((await erase(id)).kind, 'erased');
    });

    test('two replicas that erase at once do it once', async () => {
      const { id } = await over(`${MARK}-5`);
      const done = await Promise.all([erase(id, here), erase(id, there)]);
      assert.deepEqual(done.map((one) => one.kind).sort(), ['erased', 'refused']);
      assert.equal((await story(id)).filter(({ type }) => type === 'data.erased').length, 1);
    });

    test('P7: a key that somebody deleted is told as missing, and so is one of another call, or an erasure that no gateway wrote', async () => {
      const [one, other] = [await over(`${MARK}-6`), await over(`${MARK}-7`)];
      const kept = await world.rows(`select * from holdfast.erasable_keys where approval_id = '${one.id}'`);
      await world.rows(`delete from holdfast.erasable_keys where approval_id = '${one.id}'`);
      const doubtOf = async (id: string) => (await story(id))[0]!.doubt;
      assert.equal(await doubtOf(one.id), 'key');
      await world.rows(`insert into holdfast.erasable_keys (approval_id, key, secret)
        select '${one.id}', key, secret from holdfast.erasable_keys where approval_id = '${other.id}'`);
      assert.equal(await doubtOf(one.id), 'key', 'of another call');
      // The true record of an erasure, under another name; and an event that only says so.
      const gone = await over(`${MARK}-8`);
      await erase(gone.id);
      await world.rows(`update holdfast.erasable_keys k set key = null, erased = g.erased
        from holdfast.erasable_keys g where g.approval_id = '${gone.id}' and k.approval_id = '${one.id}'`);
      assert.equal(await doubtOf(one.id), 'key', 'another erasure');
      await world.rows(`insert into holdfast.events (body, type, at, approval_id, actor, seal)
        select replace(body, '${gone.id}', '${one.id}'), type, at, '${one.id}', actor, seal from holdfast.events
        where approval_id = '${gone.id}' and type = 'data.erased'`);
      assert.equal(await doubtOf(one.id), 'key', 'an event that no gateway wrote');
      assert.equal(kept.length, 1);
      await world.rows(`delete from holdfast.events where approval_id = '${one.id}' and type = 'data.erased'`);
    });

    test('P7: a key of before that is put back discloses nothing', async () => {
      const { id } = await over(`${MARK}-9`);
      await world.rows(`create table public.kept as select * from holdfast.erasable_keys where approval_id = '${id}'`);
      await erase(id);
      await world.rows(`delete from holdfast.erasable_keys where approval_id = '${id}'`);
      await world.rows('insert into holdfast.erasable_keys select * from public.kept');
      await world.rows('drop table public.kept');
      const [first] = await story(id);
      assert.equal((first!.data.erased as { by: string }).by, 'admin');
      assert.doesNotMatch(JSON.stringify(first), new RegExp(MARK));
      assert.deepEqual(await erase(id), { kind: 'refused', why: 'erased' });
      assert.equal((await here.keys([id])).get(id)?.key, null, 'and is destroyed by whoever asks for it again');
    });

    test('a record of before that is put back is erased once more', async () => {
      const { id } = await over(`${MARK}-17`);
      await world.rows(`create table public.kept as select * from holdfast.approvals where id = '${id}'`);
      await erase(id);
      await world.rows(`update holdfast.approvals a set arguments = k.arguments, trace = k.trace, stated_reason = k.stated_reason,
        shown_digest = k.shown_digest, frozen_seal = k.frozen_seal from public.kept k where a.id = k.id`);
      await world.rows('drop table public.kept');
      assert.deepEqual((await world.one.find(id))!.arguments, { customer: `${MARK}-17` });
      assert.equal((await erase(id)).kind, 'erased');
      assert.doesNotMatch(await everything(), new RegExp(`${MARK}-17`));
    });

    test('P7: erasing makes no believed row of one that somebody changed', async () => {
      const { id } = await over(`${MARK}-10`);
      await world.rows(`update holdfast.approvals set requirement = '{"forged":true}' where id = '${id}'`);
      assert.equal((await world.one.find(id))!.broken, 'requirement');
      // Of such a row the log has to say that the call is over.
      assert.deepEqual(await erase(id), { kind: 'refused', why: 'live' });
      const end = { type: 'approval.expired', at: new Date(), actor: 'holdfast', data: {} } as const;
      await world.one.append([approvalEvent({ id, server: 's', tool: 't', grant: 'g' }, end)]);
      assert.equal((await erase(id)).kind, 'erased');
      assert.equal((await world.one.find(id))!.broken, 'unsealed');
    });

    test('a card that is being written keeps it from being erased, until its run is over', async () => {
      const { id } = await over(`${MARK}-11`);
      assert.notEqual(await world.one.claimCard(id, { id: 'ru_1', replica: 'here', ms: 20_000 }), false);
      assert.deepEqual(await erase(id), { kind: 'refused', why: 'card' });
      await world.one.releaseCard(id, 'ru_1', true);
      assert.equal((await erase(id)).kind, 'erased');
    });

    test('what is opened together has a key each, and what fails leaves nothing', async () => {
      const grant = 'together';
      const made = Array.from({ length: 5 }, (_, n) => {
        const one = newApproval({ grant, arguments: { customer: `${MARK}-12-${n}` } });
        return { ...one, ...(n === 2 ? {} : newKey(ON, one.approval.id)) };
      });
      const done = await Promise.all(made.map(open));
      assert.deepEqual(
        done.map(({ kind }) => kind),
        made.map(() => 'opened'),
      );
      const keys = await here.keys(made.map(({ approval }) => approval.id));
      assert.deepEqual(
        made.map(({ approval }) => keys.get(approval.id)?.key instanceof Uint8Array),
        [true, true, false, true, true],
      );
      const read = await disclosed(
        parts(),
        await world.one.events({ after: 0, limit: 10, approval: made[0]!.approval.id }),
      );
      assert.deepEqual(read[0]!.data.arguments, { customer: `${MARK}-12-0` });
    });

    test('P7: an answer that comes later is written under the same key, and in the clear where there is none', async () => {
      const { id } = await over(`${MARK}-13`);
      const plain = await over('not-hers', false);
      const event = { type: 'answer.given', data: { answers: { is: MARK }, digest: 'd' } } as const;
      const on = { ...ON, erasures: here };
      assert.doesNotMatch(JSON.stringify(await enclosedData(on, id, event)), new RegExp(MARK));
      assert.deepEqual(await enclosedData(on, plain.id, event), event.data);
      assert.deepEqual(await enclosedData({ ...OFF, erasures: here }, id, event), event.data);
    });

    test('a new secret wraps every key anew, and then the old one is needed no longer', async () => {
      const { id } = await over(`${MARK}-14`);
      const gone = await over(`${MARK}-15`);
      await erase(gone.id);
      const secrets = ['the next secret, which is long enough too', 'a secret that is long enough to be one'] as const;
      const [both, next] = [vault([...secrets]), vault([secrets[0]])];
      // Their log's id is that of the others.
      const seals = rowSeals(['the next secret of seals, long enough', TEST_SECRET]);
      const renewing = sqlErasures(world.db, seals);
      const wrap = (approval: string, key: Uint8Array) => {
        try {
          return both.seal('erasable', approval, both.open('erasable', approval, key));
        } catch {
          return null;
        }
      };
      const all = await world.rows('select approval_id from holdfast.erasable_keys');
      let renewed = await renewing.renew(2, wrap);
      assert.ok(renewed <= 2, 'no more than were asked for');
      for (let page = 0; page < 20; page += 1) renewed += await renewing.renew(10, wrap);
      // One has the record of another's erasure: no listed secret opens it.
      assert.ok(renewed >= all.length - 1 && renewed <= all.length, `${renewed} of ${all.length}`);
      assert.equal((await renewing.keys([gone.id])).get(gone.id)?.erasure?.reason, 'she asked');
      const [first] = await disclosed(
        { erasures: renewing, vault: next },
        await world.one.events({ after: 0, limit: 1, approval: id }),
      );
      assert.deepEqual(first!.data.arguments, { customer: `${MARK}-14` });
      const older = await sql<{ older: string }>`
        select count(*) as older from holdfast.erasable_keys where secret <> ${seals.prefix}`.execute(world.db);
      assert.equal(Number(older.rows[0]!.older) <= 1, true, 'but one that no listed secret opens');
    });

    test('it is found by what its call says, and no longer once it is erased', async () => {
      const odd = `O'Hara "%_\\ ü`;
      const { id } = await over(odd);
      const looked = async (before: string | null, among: number): Promise<readonly string[]> =>
        (await here.matching(odd, { before, among })).found.map((one) => one.id);
      assert.deepEqual(await looked(null, 1_000), [id]);
      assert.deepEqual(await looked(id, 1_000), []);
      const all = new Set<string>();
      let pages = 0;
      for (let before: string | null = null; pages < 100; pages += 1) {
        const { found, next } = await here.matching(odd, { before, among: 3 });
        for (const one of found) all.add(one.id);
        if (next === null) break;
        before = next;
      }
      assert.deepEqual([[...all], pages > 2], [[id], true]);
      await erase(id);
      assert.deepEqual(await looked(null, 1_000), []);
    });
  });
}

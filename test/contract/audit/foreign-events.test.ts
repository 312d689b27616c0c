import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CheckpointSigner } from '../../../src/gateway/log/checkpoint-signer.ts';
import { sqlLedger } from '../../../src/sql/ledger.ts';
import { writeEvents } from '../../../src/sql/log/events.ts';
import { EventSealer } from '../../../src/sql/log/seal.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { rowSeals } from '../../../src/vault/row-seals.ts';
import { type AuditWorld, auditWorld, event } from '../../support/audit/world.ts';
import { TEST_SEALS, TEST_SECRET } from '../../support/store/seals.ts';
import { skipWithout } from '../../support/store/servers.ts';
import { rowsByHand } from '../../support/store/world.ts';

const APPROVAL = `ap_${'0'.repeat(26)}`;
const about = { approval: APPROVAL, server: 's', tool: 't', grant: 'g' };

for (const kind of ['pglite', 'postgres'] as const) {
  describe(`a chain that somebody else has changed, on ${kind}`, {
    skip: kind === 'postgres' && skipWithout('postgres'),
  }, () => {
    let world: AuditWorld;
    before(async () => {
      world = await auditWorld(kind);
    });
    after(() => world.close());

    const rows = (text: string) => rowsByHand(world.db, text) as Promise<Record<string, string>[]>;
    /** What another process, that has just started, signs. */
    const signed = () => {
      const signer = new CheckpointSigner();
      signer.sealedSince({ log: 'log_test', head: 0 });
      return signer.sign(world.gateway);
    };
    const last = async () =>
      (await rows('select n, seq, hash from holdfast.events order by seq desc nulls last limit 1'))[0]!;
    /** Changes the last event, asks for a signature, and puts the event back. */
    const signedWith = async (set: string) => {
      await world.log(event('another', about));
      const { n } = await last();
      await rows(`create table kept as select * from holdfast.events where n = ${n}`);
      await rows(`update holdfast.events set ${set} where n = ${n}`);
      const checkpoint = await signed();
      const columns = 'type approval_id server tool grant_name actor at seal phrase'.split(' ');
      await rows(
        `update holdfast.events e set ${columns.map((one) => `${one} = k.${one}`).join(', ')} from kept k where e.n = k.n`,
      );
      await rows('drop table kept');
      return checkpoint;
    };

    test('P7: events whose columns say something else than their texts are not signed', async () => {
      await world.log(event('first', about));
      assert.notEqual(await signed(), null);
      await world.store.seal(100);
      for (const set of [
        'approval_id = null',
        `type = 'call.denied'`,
        `grant_name = 'other'`,
        `at = at + interval '1 day'`,
        `actor = 'slack:U0OTHER'`,
        'phrase = 7',
        'seal = null',
        // What divides and marks the values, where they are read together.
        `approval_id = E'a\\x1eb'`,
        `approval_id = E'\\x1e'`,
        `tool = E't\\x1e=t'`,
        `tool = '=t'`,
        `tool = '-'`,
        `grant_name = '-', tool = null`,
      ]) {
        assert.equal(await signedWith(set), null, set);
      }
      assert.notEqual(await signed(), null, 'as they were written they are');
      await world.store.seal(100);
    });

    test('P7: a checkpoint that no gateway signed hides nothing from the next one, and makes the log look signed for no time', async () => {
      await world.log(event('to be hidden', about));
      await signed();
      await world.log(event('after it', about));
      const [newest] = await rows('select body, signature from holdfast.checkpoints order by seq desc limit 1');
      const { seq, hash } = await last();
      const forge = async (of: object, at: Date, place = Number(seq)): Promise<void> => {
        const body = JSON.stringify({ ...JSON.parse(newest!.body!), ...of });
        await rows(`insert into holdfast.checkpoints (seq, hash, at, body, signature)
          values (${place}, '${hash}', '${at.toISOString()}', '${body}', '${newest!.signature}')`);
      };
      const attempt = async (): Promise<readonly [unknown, boolean]> => {
        const signer = new CheckpointSigner();
        signer.sealedSince({ log: 'log_test', head: 0 });
        return [await signer.sign(world.gateway), signer.alarmed];
      };
      const [now, later] = [new Date(), new Date('2999-01-01')];
      for (const deed of [
        () => forge({ seq: Number(seq), hash, count: Number(seq) }, new Date(0)),
        () => forge({ v: 1, seq: Number(seq), hash, count: Number(seq) }, new Date(0)),
        () => forge({ seq: 8e15, hash, count: 8e15 }, later, 8e15),
        () => forge({ v: 7 }, now, 8e15),
      ]) {
        await deed();
        assert.deepEqual(await attempt(), [null, true], String(deed));
        await rows(`delete from holdfast.checkpoints where seq >= ${seq} and body <> '${newest!.body}'`);
      }
      assert.notEqual((await attempt())[0], null, 'without it the log is signed on');
      await world.store.seal(100);
    });

    test('P7: a true event that somebody has chained a second time is not signed', async () => {
      await world.log(event('once', about));
      await signed();
      await world.store.seal(100);
      const { seq, hash } = await last();
      await rows(`insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal, seq, hash)
        select body, type, at, approval_id, server, tool, grant_name, actor, seal, ${Number(seq) + 1},
          encode(sha256(convert_to('${hash}' || E'\\n' || ${Number(seq) + 1} || E'\\n' || body, 'UTF8')), 'hex')
        from holdfast.events where body like '%"what":"once"%' limit 1`);
      assert.equal(await signed(), null);
      const told = (await world.store.events({ after: 0, limit: 100 })).findLast(({ type }) => type === 'seal.broken');
      assert.deepEqual(told?.data, { table: 'events', row: Number(seq) + 1, field: 'seal' });
    });

    test('P7: identical calls of one millisecond are told apart by their own seals, each of which is looked at once', async () => {
      const data = { policy: null, rule: 't', decidedBy: 't', session: null, fingerprint: 'f'.repeat(64) };
      const same = event('', { ...about, approval: null, at: new Date(), data });
      const before = Number((await last()).seq);
      await world.log(...Array.from({ length: 40 }, () => same));
      let looks = 0;
      const counting: typeof TEST_SEALS = {
        ...TEST_SEALS,
        fits: (...asked) => {
          looks += 1;
          return TEST_SEALS.fits(...asked);
        },
      };
      const look = { phrases: true, copies: true };
      const read = await sqlLedger(world.db, counting).chain(before, 500, look);
      assert.deepEqual([read.length, read.filter(({ copied }) => copied).length, looks], [40, 0, 40]);
      // Across pages those before are compared, too: one whose seal was changed might be the first of two.
      await rows(`update holdfast.events set seal = '1' || repeat('a', 56) where seq = ${before + 1}`);
      const second = (await world.ledger.chain(before + 1, 1, look))[0]!;
      assert.deepEqual([second.ours, second.copied], [true, true]);
      await rows(`delete from holdfast.events where seq > ${before}`);
    });

    test('P7: a true event is chained once, whatever number its copies have and however many there are', async () => {
      await world.log(event('copied', about));
      const columns = 'body, type, at, approval_id, server, tool, grant_name, actor, seal';
      await rows(`insert into holdfast.events (n, ${columns}) overriding system value
        select -i, ${columns} from holdfast.events, generate_series(1, 300) i where body like '%"what":"copied"%'`);
      const run = await world.store.seal(1_000);
      assert.deepEqual([run.chained, run.foreign.length], [0, 300]);
      const found = await rows(`select 1 from holdfast.events where body like '%"what":"copied"%' and seq is not null`);
      assert.equal(found.length, 1);
      await rows('delete from holdfast.events where n < 0');
    });

    test('P7: ten thousands of events that no gateway wrote, before the others, delay none of these', async () => {
      await rows(`insert into holdfast.events (n, body, type, at, actor, seal) overriding system value
        select -i, '{"n":' || i || '}', 'call.allowed', now(), 'holdfast', '1' || repeat('a', 56)
        from generate_series(1, 25000) i`);
      // Its process dies: no other one remembers it.
      await writeEvents(world.db, TEST_SEALS, [event('of a dead process', about)]);
      const sealer = new EventSealer(world.db, rowSeals([TEST_SECRET]));
      const places = async (what: string) =>
        (await rows(`select seq from holdfast.events where body like '%"what":"${what}"%' and seq is not null`)).length;
      for (let second = 0; second < 3; second += 1) await sealer.seal(2_000);
      assert.equal(await places('of a dead process'), 1);
      for (const what of ['after them', 'and once more']) {
        await writeEvents(world.db, TEST_SEALS, [event(what, about)]);
        await sealer.seal(2_000);
        assert.equal(await places(what), 1);
      }
      await rows(`insert into holdfast.events (n, body, type, at, actor) overriding system value
        select 5000000 + i, '{"n":' || i || '}', 'call.allowed', now(), 'holdfast' from generate_series(1, 60000) i`);
      await writeEvents(world.db, TEST_SEALS, [event('own, at once', about)]);
      await sealer.seal(2_000);
      assert.equal(await places('own, at once'), 1);
      await rows('delete from holdfast.events where seq is null');
    });

    test('P7: the story of an approval is what the texts of its events say, whatever their columns do', async () => {
      const records = sqlRecords(world.db, TEST_SEALS);
      const story = async () => (await records.story(APPROVAL)).map(({ data, doubt }) => [data.what, doubt]);
      const before = await story();
      await world.log(event('hidden', about), event('of another', { ...about, approval: `ap_${'1'.repeat(26)}` }));
      await rows(`update holdfast.events set approval_id = null where body like '%"what":"hidden"%'`);
      await rows(`update holdfast.events set approval_id = '${APPROVAL}' where body like '%"what":"of another"%'`);
      assert.deepEqual(await story(), [...before, ['hidden', 'columns']]);
      const found = await records.search({ text: APPROVAL, limit: 50 });
      assert.deepEqual(
        found.items.map(({ data }) => data.what).toReversed(),
        (await story()).map(([what]) => what),
      );
      await rows(`update holdfast.events set actor = 'slack:U0MIRA' where body like '%"what":"hidden"%'`);
      const [wrong] = (await records.search({ actor: 'slack:U0MIRA', limit: 5 })).items;
      assert.deepEqual([wrong?.actor, wrong?.doubt], ['holdfast', 'columns']);
    });
  });
}

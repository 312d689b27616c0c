import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import canonicalize from 'canonicalize';
import { type RawBuilder, sql } from 'kysely';
import type { NewEvent } from '../../../src/domain/log/event.ts';
import type { EventFilter, Records } from '../../../src/ports.ts';
import { phraseId, phraseWords } from '../../../src/sql/log/phrases.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { OURS } from '../../support/audit/tampering.ts';
import { type AuditWorld, auditWorld, event, verifyLines } from '../../support/audit/world.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout } from '../../support/store/servers.ts';

const SESSION = 'ab'.repeat(32);

/** The event that a gateway writes for a plainly allowed call. */
function allowed(tool: string, more: Partial<NewEvent> = {}, data: NewEvent['data'] = {}): NewEvent {
  const fingerprint = (count++).toString(16).padStart(64, '0');
  const said = {
    policy: 'c'.repeat(64),
    rule: `tools.${tool}`,
    decidedBy: `tools.${tool}`,
    session: null,
    fingerprint,
  };
  const who = { actor: 'grant:bot', server: 'up', tool, grant: 'bot', replica: 'one' };
  return event('', { ...who, ...more, data: { ...said, ...data } });
}
let count = 0;

for (const kind of ['pglite', 'postgres'] as const) {
  describe(`What plainly allowed calls say in common, in ${kind}`, {
    skip: kind === 'postgres' && skipWithout('postgres'),
  }, () => {
    let world: AuditWorld;
    let records: Records;

    before(async () => {
      world = await auditWorld(kind);
      records = sqlRecords(world.db, TEST_SEALS);
    });
    after(() => world.close());

    const rows = async <T>(query: RawBuilder<T>) => (await query.execute(world.db)).rows;
    const found = async (text: string, more: Partial<EventFilter> = {}) =>
      (await records.search({ limit: 20, text, ...more })).items;

    test('P7: the text of each is the canonical form of its event, and the chain is made over it', async () => {
      const odd = [
        allowed('query'),
        allowed('query'),
        allowed('quo"te\\d', { server: 'é 🙂' }, { rule: 'tools."at":"@"', decidedBy: '"fingerprint":"@"' }),
        allowed('query', {}, { session: SESSION }),
        allowed('no_fingerprint', {}, { fingerprint: null }),
        allowed('more', {}, { more: 1 }),
        allowed('by_hand', {}, { fingerprint: 'no "hex"' }),
        event('nothing in common', { type: 'call.denied', tool: '' }),
        event('a divider', { server: 'a\u001eb', tool: '\u001f' }),
      ];
      await world.log(...odd.slice(0, 7));
      // A batch with values that a text column cannot hold is written as one document.
      await world.log(...odd.slice(7), allowed('query'));
      const bodies = await rows(sql<{ body: string; tool: string | null }>`
        select body, tool from holdfast.events order by n`);
      assert.equal(bodies.length, odd.length + 1);
      for (const [index, one] of odd.entries()) {
        assert.equal(bodies[index]!.body, canonicalize({ ...one, at: one.at.toISOString() }));
        assert.equal(bodies[index]!.tool, one.tool);
      }
      const { report } = await world.verify();
      assert.deepEqual([report.faults, report.events], [[], odd.length + 1]);
      const exported = await verifyLines(await world.exported(), { keys: [OURS.publicKey], elsewhere: [] });
      assert.deepEqual(exported.report.faults, []);
      const phrases = await rows(sql<{ phrase: string | null }>`select phrase from holdfast.events order by n`);
      assert.deepEqual(
        phrases.map(({ phrase }) => phrase !== null),
        [true, true, true, true, false, false, false, false, false, false],
      );
      assert.equal(phrases[0]!.phrase, phrases[1]!.phrase);
      assert.equal(new Set(phrases.map(({ phrase }) => phrase)).size, 4, 'three phrases, and none');
    });

    for (const [what, spoil, mend] of [
      [
        'another phrase',
        'update holdfast.events set phrase = phrase + 1 where n = 1',
        'update holdfast.events set phrase = phrase - 1 where n = 1',
      ],
      ['other words', "update holdfast.phrases set words = to_tsvector('simple', 'x')", null],
      ['no words', 'delete from holdfast.phrases', null],
      [
        'a phrase where there is none',
        "update holdfast.events set phrase = 1 where type = 'call.denied'",
        "update holdfast.events set phrase = null where type = 'call.denied'",
      ],
    ] as const) {
      test(`P7: what would make a search miss an event is found: ${what}`, async () => {
        const kept = await rows(sql<{ id: string; words: string }>`select id, words::text from holdfast.phrases`);
        await sql.raw(spoil).execute(world.db);
        const { faults } = (await world.verify()).report;
        assert.ok(faults.length > 0 && faults.every((fault) => fault.kind === 'mislabelled'), JSON.stringify(faults));
        if (mend !== null) await sql.raw(mend).execute(world.db);
        for (const { id, words } of kept) {
          await sql`insert into holdfast.phrases values (${id}, ${words}::tsvector)
            on conflict (id) do update set words = excluded.words`.execute(world.db);
        }
        assert.deepEqual((await world.verify()).report.faults, []);
      });
    }

    test('a reviewer finds them by every word, far behind the newest, page by page, and by nothing they do not say', async () => {
      const rare = Array.from({ length: 30 }, () =>
        allowed('rare_tool', { grant: 'needle-bot' }, { session: SESSION }),
      );
      await world.log(...rare);
      await world.log(event('a needle-bot in other words', { type: 'call.denied', grant: 'other' }));
      const crowd = Array.from({ length: 1_200 }, () => allowed('common_tool', { grant: 'crowd' }));
      for (let from = 0; from < crowd.length; from += 300) await world.log(...crowd.slice(from, from + 300));
      assert.ok((await rows(sql<{ n: number }>`select count(*)::int as n from holdfast.phrases`))[0]!.n >= 4);

      const both = await found('needle-bot');
      assert.equal(both.length, 20);
      assert.deepEqual([both[0]!.type, both[1]!.tool], ['call.denied', 'rare_tool']);
      const { items, next } = await records.search({ limit: 20, text: 'needle-bot', before: both.at(-1)!.n });
      assert.deepEqual([items.length, next], [11, null]);
      for (const text of [
        'rare_tool',
        'needle',
        'tools.rare_tool',
        'call.allowed rare_tool up',
        SESSION,
        SESSION.slice(0, 20),
      ]) {
        assert.equal((await found(text, { tool: 'rare_tool' })).length, 20, text);
      }
      assert.equal((await found('needle-bot', { types: ['call.denied'] })).length, 1);
      assert.equal((await found('needle-bot common_tool')).length, 0);
      assert.equal((await found('needle-bot', { grant: 'crowd' })).length, 0);
      assert.equal((await found('common_tool', { limit: 50 })).length, 50);
    });

    test('a phrase that is gone from the table is there again with its next event, in time', async (t) => {
      await world.log(allowed('lost_tool'));
      await sql`delete from holdfast.phrases`.execute(world.db);
      const crowd = Array.from({ length: 600 }, () => allowed('common_tool'));
      await world.log(...crowd);
      assert.equal((await found('lost_tool')).length, 0);
      const later = performance.now() + 11 * 60_000;
      t.mock.method(performance, 'now', () => later);
      await world.log(allowed('lost_tool'), ...crowd);
      assert.equal((await found('lost_tool')).length, 2);
    });

    test('P7: a phrase whose id another has keeps its own words: whoever names tools cannot hide behind one', async () => {
      const before = (await world.verify()).report.faults;
      const words = phraseWords(allowed('twin_of_another'));
      await sql`insert into holdfast.phrases (id, words)
        values (${phraseId(words)}::bigint, to_tsvector('pg_catalog.simple', 'somebody else'))`.execute(world.db);
      await world.log(allowed('twin_of_another'), allowed('alone'));
      const [twin, alone] = await rows(sql<{ phrase: string | null }>`
        select phrase from holdfast.events where tool in ('twin_of_another', 'alone') order by n`);
      assert.deepEqual([twin!.phrase, alone!.phrase === null], [null, false]);
      assert.equal((await found('twin_of_another')).length, 1);
      assert.equal((await found('somebody')).length, 0);
      assert.deepEqual((await world.verify()).report.faults, before, 'nothing new is wrong');
    });

    test('P7: names with line breaks are not taken for other events', async () => {
      await world.log(allowed('a\nb', { grant: 'c' }), allowed('a', { grant: 'b\nc' }));
      const bodies = await rows(sql<{ tool: string; body: string }>`
        select tool, body from holdfast.events where tool in (${'a\nb'}, 'a') order by n`);
      assert.deepEqual(
        bodies.map(({ body }) => JSON.parse(body).tool),
        ['a\nb', 'a'],
      );
    });
  });
}

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { EventFilter } from '../../../src/ports.ts';
import { sqlRecords } from '../../../src/sql/records.ts';
import { type AuditWorld, auditWorld, event } from '../../support/audit/world.ts';
import { type FinishedCall, finishedCall, writeFinished } from '../../support/store/finished-calls.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import { skipWithout } from '../../support/store/servers.ts';

const HEX = 'ab12'.repeat(16);

for (const kind of ['pglite', 'postgres'] as const) {
  describe(`Words by which a gated call is found, in ${kind}`, {
    skip: kind === 'postgres' && skipWithout('postgres'),
  }, () => {
    let world: AuditWorld;
    let kept: FinishedCall;
    let removed: FinishedCall;

    before(async () => {
      world = await auditWorld(kind);
      [kept, removed] = [finishedCall(1, new Date()), finishedCall(2, new Date())];
      // Of the other one only its events are left.
      await writeFinished(world.db, [kept]);
      await world.log(...kept.events, ...removed.events);
      // Arguments that look like what the gateway says itself.
      const [requested] = kept.events;
      const odd = { at: '2020-02-02T02:02:02.222Z', digest: HEX, expiresAt: 'sometime', why: 'Ärger mit \u212Aelvin' };
      await world.log({
        ...requested!,
        approval: null,
        data: { ...requested!.data, arguments: odd, fingerprint: 'x' },
      });
    });
    after(() => world.close());

    const found = async (text: string, more: Partial<EventFilter> = {}): Promise<string[]> => {
      const { items } = await sqlRecords(world.db, TEST_SEALS).search({ limit: 50, text, ...more });
      return items.map(({ type }) => type).sort();
    };
    const ALL = [
      ...['approval.collected', 'approval.decided', 'approval.requested', 'call.dispatched', 'call.succeeded'],
      ...['card.posted', 'card.updated'],
    ];

    async function findsAll(): Promise<void> {
      for (const call of [kept, removed]) {
        for (const text of [call.id, call.id.slice(0, 20), call.fingerprint, call.fingerprint.slice(0, 16)]) {
          assert.deepEqual(await found(text), ALL, text);
          assert.deepEqual(await found(text, { grant: 'nobody' }), []);
        }
        // Twelve digits stand on the card of a batch.
        for (const text of [call.fingerprint.slice(0, 12), `${call.id} ${call.fingerprint.slice(0, 20)}`]) {
          assert.deepEqual(await found(text), ALL, text);
        }
        const person = call === kept ? 'u0alex' : 'U0SAM';
        for (const name of [call.id, call.id.slice(0, 20), call.fingerprint]) {
          assert.deepEqual(await found(`${name} ${person}`), ['approval.decided', 'call.dispatched'], name);
          assert.deepEqual(await found(`card.posted, ${name}`), ['card.posted']);
          assert.deepEqual(await found(`${name} nowhere`), []);
        }
        const { arguments: args } = call.events[0]!.data as { arguments: { project: string } };
        assert.deepEqual(await found(args.project), ['approval.requested']);
        const ts = String(call.events[1]!.data.ts);
        assert.deepEqual(await found(ts), ['approval.decided', 'card.posted', 'card.updated']);
      }
      assert.deepEqual(await found('u0alex'), ['approval.decided', 'call.dispatched']);
      assert.deepEqual(await found('card.posted'), ['card.posted', 'card.posted']);
      for (const said of [HEX, 'sometime', 'ärger', 'kelvin']) {
        // Whether the sign for kelvins is a k, the database's locale says.
        const { rows } = await sql<{
          is: boolean;
        }>`select holdfast.words(${`"Ärger \u212Aelvin ${HEX} sometime"`}) @@ plainto_tsquery('simple', ${said}) as is`.execute(
          world.db,
        );
        assert.deepEqual(await found(said), rows[0]!.is ? ['approval.requested'] : [], said);
      }
      assert.deepEqual(await found('nowhere'), []);
      assert.deepEqual(await found(`${kept.id} ${removed.fingerprint}`), []);
    }

    test('P7: by its id and fingerprint all of it, also when its row is gone; by what it says what says it', findsAll);

    test('P7: by the state it is in now', async () => {
      const { items } = await sqlRecords(world.db, TEST_SEALS).search({ limit: 50, state: 'succeeded' });
      assert.deepEqual(items.map(({ type }) => type).sort(), ALL);
      assert.deepEqual(await found('production', { state: 'succeeded' }), ['approval.requested']);
      assert.deepEqual(await found('production', { state: 'denied' }), []);
    });

    test('what nobody looks for takes no place: digests, times, callers, durations', async () => {
      const words = await sql<{ word: string }>`
        select distinct word from holdfast.events e, unnest(tsvector_to_array(holdfast.words(e.body))) word
        where e.type <> 'approval.requested' and strpos(e.body, ${kept.id}) > 0`.execute(world.db);
      const taken = words.rows.map(({ word }) => word).filter((word) => /[0-9a-f]{32}|^jo|0000z|40050/.test(word));
      // The policy's digest is said by every call.
      assert.deepEqual(taken, [String(kept.events[0]!.data.policy)]);
    });

    test('P7: far behind the newest events too, where only indexes look', async () => {
      const crowd = Array.from({ length: 2_600 }, (_, n) =>
        event(`crowd ${n}`, { type: 'call.denied', tool: 'crowd' }),
      );
      for (let from = 0; from < crowd.length; from += 650) await world.log(...crowd.slice(from, from + 650));
      await findsAll();
    });
  });
}

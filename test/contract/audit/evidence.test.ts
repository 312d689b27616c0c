import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { sql } from 'kysely';
import type { ChainFault } from '../../../src/domain/log/evidence.ts';
import { exportLine } from '../../../src/domain/log/export-line.ts';
import { CheckpointStandby } from '../../../src/gateway/log/checkpoint-standby.ts';
import { inOrder, OURS, TAMPERINGS, type Tampering, wholeLog } from '../../support/audit/tampering.ts';
import { type AuditWorld, auditWorld, event, verifyLines } from '../../support/audit/world.ts';
import { TestClock } from '../../support/clock.ts';
import { skipWithout } from '../../support/store/servers.ts';

const TRUST = { keys: [OURS.publicKey], elsewhere: [] };

function assertNamed(found: ChainFault | undefined, named: Tampering['named']): void {
  assert.ok(found, 'nothing was found');
  for (const [name, value] of Object.entries(named)) assert.equal(found[name as keyof ChainFault], value, name);
}

for (const kind of ['pglite', 'postgres'] as const) {
  describe(`The log in ${kind}`, { skip: kind === 'postgres' && skipWithout('postgres') }, () => {
    let world: AuditWorld;
    before(async () => {
      world = await auditWorld(kind);
    });
    after(() => world.close());

    test('P7: what was sealed and signed fits, in the database and in an export', async () => {
      await world.log(event('one'), event('two', { grant: 'bot', server: 's', tool: 't.x', approval: 'ap_1' }));
      assert.ok(await world.sign());
      await world.log(event('thr\u0000ee "\\ \u2028 é 🙂', { actor: 'slack:"U' }));
      await world.sign();
      const { report } = await world.verify();
      assert.deepEqual(report.faults, []);
      assert.deepEqual([report.events, report.checkpoints, report.covered, report.head], [5, 2, 4, 5]);
      const exported = await verifyLines(await world.exported(), TRUST);
      const signatures = { verified: 0, registered: 0, breakGlass: 0, faults: [] };
      assert.deepEqual({ ...exported, taken: null }, { report, problems: [], taken: null, cards: 0, signatures });
      assert.ok(Math.abs(Date.now() - exported.taken!.getTime()) < 60_000, 'the export says when it was made');
    });

    test('nothing is signed twice, and a checkpoint alone is no reason to sign', async () => {
      assert.equal(await world.sign(), null);
    });

    test('P7: a log in which nothing happens is signed again every 20 minutes, so that an old one stands out', async () => {
      const later = (minutes: number) => {
        const clock = { now: () => new Date(Date.now() + minutes * 60_000) };
        return world.signer.sign({ ...world.gateway, clock });
      };
      assert.equal(await later(19), null);
      assert.ok(await later(21));
      await world.store.seal(100);
      assert.equal(await later(21), null);
      assert.deepEqual((await world.verify()).report.faults, []);
    });

    test('P7: two signers at once sign once', async () => {
      await world.log(event('again'));
      const signed = await Promise.all([world.signer.sign(world.gateway), world.signer.sign(world.gateway)]);
      assert.equal(signed.filter((one) => one !== null).length, 1);
      await world.store.seal(100);
      assert.deepEqual((await world.verify()).report.faults, []);
    });

    test('P7: while no schedule has it signed, one of those who stand by signs after two periods', async () => {
      const clock = new TestClock();
      const gateway = { ...world.gateway, clock, steady: clock };
      const [one, other] = [new CheckpointStandby(), new CheckpointStandby()];
      const look = async (ms: number) => {
        clock.advance(ms);
        const both = await Promise.all([one, other].map((by) => by.check(gateway, () => world.signer.sign(gateway))));
        await world.store.seal(100);
        return both.filter(Boolean).length;
      };
      await world.sign();
      assert.deepEqual([await look(0), await look(100_000)], [0, 0], 'nothing waits');
      await world.log(event('waits'));
      assert.deepEqual([await look(10_000), await look(50_000), await look(5_000)], [0, 0, 0]);
      assert.equal(await look(10_000), 1, 'one of the two');
      await world.log(event('in time'));
      assert.equal(await look(40_000), 0);
      await world.sign();
      await world.log(event('the schedule is there again'));
      assert.deepEqual([await look(40_000), await look(40_000)], [0, 0]);
      await world.sign();
      assert.deepEqual((await world.verify()).report.faults, []);
    });

    test('what is not sealed yet is counted', async () => {
      // Written in the transaction of a change, like every event that is not written in a batch.
      await world.store.refund([], event('fresh'));
      assert.equal((await world.verify()).report.unsealed, 1);
      const exported = await verifyLines(await world.exported(), TRUST);
      assert.deepEqual([exported.problems, exported.report.unsealed], [[], 1]);
      await world.store.seal(100);
    });

    test('P7: a column that a search goes by is compared with the text', async () => {
      const columns = { type: 'call.denied', actor: 'x', server: 'x', tool: 'x', grant_name: 'x', approval_id: 'x' };
      const { rows } = await sql<Record<string, unknown>>`select * from holdfast.events where seq = 2`.execute(
        world.db,
      );
      const put = (column: string, value: unknown) =>
        sql`update holdfast.events set ${sql.ref(column)} = ${value} where seq = 2`.execute(world.db);
      for (const [column, value] of Object.entries({ ...columns, at: '2020-01-01T00:00:00Z' })) {
        await put(column, value);
        assert.deepEqual((await world.verify()).report.faults, [{ kind: 'mislabelled', seq: 2 }], column);
        await put(column, rows[0]![column]);
      }
      assert.deepEqual((await world.verify()).report.faults, []);
    });

    test('P7: a checkpoint whose row is gone is named by the event about it', async () => {
      await world.log(event('more'));
      await world.sign();
      await sql`delete from holdfast.checkpoints where seq = (select max(seq) from holdfast.checkpoints)`.execute(
        world.db,
      );
      assert.equal((await world.verify()).report.faults[0]?.kind, 'checkpoint_removed');
    });

    test('P7: a running gateway does not sign a log that is not what it signed', async () => {
      await world.log(event('after the theft'));
      assert.equal(await world.sign(), null);
      assert.equal(world.signer.alarmed, true);
    });

    for (const { what, spoil, named, elsewhere } of TAMPERINGS) {
      test(`P7: tampering is found in the database and in its export: ${what}`, async () => {
        const evidence = wholeLog(30, 10);
        const trust = { ...TRUST, elsewhere: elsewhere ? structuredClone(evidence.checkpoints) : [] };
        spoil(evidence);
        await world.replace(evidence);
        assertNamed((await world.verify(trust)).report.faults[0], named);
        assertNamed((await verifyLines(await world.exported(), trust)).report.faults[0], named);
      });
    }
  });
}

describe('An export alone', () => {
  const lines = (evidence = wholeLog(30, 10)): string[] => {
    const body = inOrder(evidence).map((one, n) =>
      'signature' in one ? exportLine.checkpoint(one) : exportLine.event({ ...one, n }),
    );
    const { events, checkpoints } = evidence;
    return [
      exportLine.header(new Date(), [OURS.publicKey], null),
      ...body,
      exportLine.end(events.length, 0, checkpoints.length),
    ];
  };
  const at = (all: readonly string[], seq: number): number =>
    all.findIndex((line) => line.includes(`"seq":${seq},"hash"`));

  test('P7: is vouched for when it is whole', async () => {
    const found = await verifyLines(lines(), TRUST);
    assert.deepEqual([found.problems, found.report.faults, found.report.covered], [[], [], 30]);
  });

  for (const { what, spoil, named, elsewhere } of TAMPERINGS) {
    test(`P7: tampering is found: ${what}`, async () => {
      const evidence = wholeLog(30, 10);
      const kept = structuredClone(evidence.checkpoints);
      spoil(evidence);
      const found = await verifyLines(lines(evidence), { ...TRUST, elsewhere: elsewhere ? kept : [] });
      assertNamed(found.report.faults[0], named);
    });
  }

  test('P7: two lines exchanged', async () => {
    const all = lines();
    const place = at(all, 15);
    [all[place], all[place + 1]] = [all[place + 1]!, all[place]!];
    assertNamed((await verifyLines(all, TRUST)).report.faults[0], { kind: 'reordered', seq: 15 });
  });

  test('P7: a line twice', async () => {
    const all = lines();
    all.splice(at(all, 15), 0, all[at(all, 15)]!);
    assertNamed((await verifyLines(all, TRUST)).report.faults[0], { kind: 'inserted', seq: 15 });
  });

  test('P7: a key in the export itself counts for nothing', async () => {
    const found = await verifyLines(lines(), { keys: ['0'.repeat(64)], elsewhere: [] });
    assertNamed(found.report.faults[0], { kind: 'foreign_key', seq: 10 });
  });

  test('a download that broke off says so', async () => {
    assert.match((await verifyLines(lines().slice(0, -1), TRUST)).problems[0]!, /cut off/);
    assert.match((await verifyLines(lines().slice(0, 20), TRUST)).problems[0]!, /cut off/);
    assert.match((await verifyLines(['not an export'], TRUST)).problems[0]!, /header/);
  });
});

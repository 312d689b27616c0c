import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { additionsOf } from '../../../src/domain/log/oversight.ts';
import { lastDays } from '../../../src/domain/log/period.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { keepOversight } from '../../../src/gateway/oversight/keep-sums.ts';
import type { NewApproval, Oversight, Seals } from '../../../src/ports.ts';
import { sqlOversight } from '../../../src/sql/oversight.ts';
import { disownRow, SealedTables } from '../../../src/sql/table/sealed-tables.ts';
import { rowSeals } from '../../../src/vault/row-seals.ts';
import { quiet } from '../../support/log.ts';
import { TEST_SEALS } from '../../support/store/seals.ts';
import {
  eventOf,
  newApproval,
  opened,
  STORES,
  type StoreWorld,
  skipStore,
  storeWorld,
} from '../../support/store/world.ts';

for (const kind of STORES) {
  describe(`what is summed up of approvers on ${kind}`, { skip: skipStore(kind) }, () => {
    let world: StoreWorld;
    let oversight: Oversight;
    const told: string[] = [];
    before(async () => {
      world = await storeWorld(kind);
      const readings = { foreign: (table: string, row: string) => void told.push(`${table} ${row}`) };
      oversight = sqlOversight(world.db, TEST_SEALS, new SealedTables(TEST_SEALS, readings as never));
    });
    beforeEach(async () => {
      await world.one.beat('here');
      for (const table of ['oversight_sums', 'oversight_cursor']) await world.rows(`delete from holdfast.${table}`);
      told.length = 0;
    });
    after(() => world?.close());

    const open = async (different: Partial<NewApproval['approval']> = {}) =>
      (await opened(world.one, newApproval({ server: 's1', ...different }))).approval;
    const decide = async (approval: NewApproval['approval'], choice: string, person: string) =>
      world.one.append([
        {
          ...eventOf('approval.decided', approval),
          data: { choice, waitedMs: 2_000, person, saw: { surface: 'card' } },
        },
      ]);
    const seal = async () => {
      for (let n = 0; n < 5; n++) await world.one.seal(1_000);
    };
    const countAll = async (most = 1_000) => {
      let all = 0;
      for (;;) {
        const looked = await oversight.count(most, additionsOf);
        all += looked;
        if (looked < most) return all;
      }
    };
    const report = () => oversight.report(lastDays(2, new Date()));
    const named = async (name: string) => (await report()).people.find((one) => one.name === name);

    test('each chained event counts once, in whatever portions, and by two replicas at once', async () => {
      const tool = `tool_${Date.now()}`;
      const names = { U0MIRA: 'mira' };
      const sample = newApproval().approval.requirement;
      const approval = await open({ tool, requirement: { ...sample, groups: ['oversee'], names } });
      for (let n = 0; n < 3; n++) await decide(approval, 'approve', 'mira');
      await decide(approval, 'deny', 'alex');
      await decide(await open({ tool }), 'approve', 'mira');
      const [pending] = [await named('mira')];
      assert.equal(pending, undefined, 'nothing counts before it is chained');
      await seal();
      await Promise.all([countAll(2), countAll(3)]);
      assert.equal(await countAll(), 0);
      const { people, groups, tools, doubtful, cut } = await report();
      const of = (
        lines: readonly { name: string; asked: number; approved: number; denied: number }[],
        name: string,
      ) => {
        const found = lines.find((one) => one.name === name);
        return found && [found.asked, found.approved, found.denied];
      };
      assert.deepEqual(of(people, 'mira'), [1, 4, 0]);
      assert.deepEqual(of(people, 'alex'), [0, 0, 1]);
      assert.deepEqual(of(groups, 'oversee'), [1, 3, 1]);
      assert.deepEqual(of(tools, `s1.${tool}`), [2, 4, 1]);
      assert.deepEqual([doubtful, cut], [false, false]);
      assert.deepEqual((await oversight.report({ from: '2020-01-01', to: '2020-12-31' })).people, []);
    });

    test('P1: a sum that somebody changed, moved or made up is left out, said so and told of', async () => {
      const approval = await open();
      await decide(approval, 'approve', 'forged');
      await seal();
      await countAll();
      assert.equal((await named('forged'))!.approved, 1);
      await world.rows(`update holdfast.oversight_sums set sums = replace(sums, '"approved":1', '"approved":0')
        where subject = 'forged'`);
      const found = await report();
      assert.equal(
        found.people.find(({ name }) => name === 'forged'),
        undefined,
      );
      assert.equal(found.doubtful, true);
      assert.deepEqual(told, ['oversight_sums forged']);
      await world.rows(`update holdfast.oversight_sums set subject = 'other' where subject = 'forged'`);
      assert.equal(
        (await report()).people.find(({ name }) => name === 'other'),
        undefined,
      );
    });

    test('sums that an operator accepts as changed are counted anew from the log, and no others twice', async () => {
      const approval = await open();
      for (const person of ['meddled', 'meddled', 'other']) await decide(approval, 'approve', person);
      await seal();
      await countAll();
      await world.rows(`update holdfast.oversight_sums set sums = '{"approved":99}' where subject = 'meddled'`);
      assert.equal((await report()).doubtful, true);
      await world.db.transaction().execute((trx) => disownRow(trx, 'oversight_sums', 'meddled'));
      await countAll();
      const { people, doubtful } = await report();
      const approved = (name: string) => people.find((one) => one.name === name)?.approved;
      assert.deepEqual([approved('meddled'), approved('other'), doubtful], [2, 1, false]);
    });

    test('P1: what is counted next does not take the place of a sum that somebody changed', async () => {
      const approval = await open();
      const approved = async () => (await named('covered'))?.approved;
      for (const meddle of [`sums = replace(sums, '"approved":', '"approved":1')`, 'seal = null']) {
        await decide(approval, 'approve', 'covered');
        await seal();
        await countAll();
        told.length = 0;
        await world.rows(`update holdfast.oversight_sums set ${meddle} where subject = 'covered'`);
        await decide(approval, 'approve', 'covered');
        await seal();
        await countAll(2);
        assert.deepEqual([await approved(), (await report()).doubtful], [undefined, true], meddle);
        assert.ok(told.includes('oversight_sums covered'), meddle);
        await world.db.transaction().execute((trx) => disownRow(trx, 'oversight_sums', 'covered'));
        await countAll(2);
        told.length = 0;
      }
      assert.deepEqual([await approved(), (await report()).doubtful], [4, false]);
    });

    test('nothing counts twice when the cursor was changed, deleted or set back to an earlier one', async () => {
      const approval = await open();
      await decide(approval, 'approve', 'once');
      await seal();
      await countAll(2);
      const [early] = await world.rows(`select seq::text as seq, seal from holdfast.oversight_cursor`);
      await decide(approval, 'approve', 'once');
      await decide(approval, 'deny', 'later');
      await seal();
      await countAll(3);
      for (const meddle of [
        `update holdfast.oversight_cursor set seq = 1`,
        `delete from holdfast.oversight_cursor`,
        `update holdfast.oversight_cursor set seq = ${early!.seq}, seal = '${early!.seal}'`,
      ]) {
        await world.rows(meddle);
        await countAll(5);
        const { people, doubtful } = await report();
        const of = (name: string) => people.find((one) => one.name === name);
        assert.deepEqual([of('once')?.approved, of('later')?.denied, doubtful], [2, 1, false], meddle);
      }
      assert.deepEqual(told, ['oversight_cursor cursor']);
    });

    test('who decided, what and when is what the sealed event says, not its columns', async () => {
      const approval = await open();
      await world.one.append([
        {
          ...eventOf('approval.decided', approval),
          actor: 'slack:U0TRUE',
          data: { choice: 'approve', waitedMs: 2_000 },
        },
      ]);
      const sample = newApproval().approval.requirement;
      const named = await open({ requirement: { ...sample, names: { U0NORA: 'nora' } } });
      await decide(named, 'approve', 'nora');
      await world.one.append([{ ...eventOf('approval.taken_back', named), actor: 'slack:U0NORA', data: {} }]);
      await seal();
      await world.rows(`update holdfast.events set actor = 'slack:U0FALSE', tool = 'moved', at = '2020-01-01'
        where approval_id = '${approval.id}' and type = 'approval.decided'`);
      await countAll();
      const { people, tools } = await report();
      const of = (name: string) => people.find((one) => one.name === name);
      assert.deepEqual([of('U0TRUE')?.approved, of('U0FALSE')], [1, undefined]);
      assert.deepEqual([of('nora')?.approved, of('nora')?.reversed, of('U0NORA')], [1, 1, undefined]);
      assert.ok(!tools.some(({ name }) => name.endsWith('.moved')));
    });

    test('the admin token is asked where a group lists it', async () => {
      const sample = newApproval().approval.requirement;
      await open({ requirement: { ...sample, people: ['U0ASKED'], admin: true } });
      await open({ requirement: { ...sample, people: ['U0ASKED'], admin: false } });
      await seal();
      await countAll();
      const { people } = await report();
      const asked = (name: string) => people.find((one) => one.name === name)?.asked ?? 0;
      assert.deepEqual([asked('U0ASKED') - asked('admin'), asked('admin') > 0], [1, true]);
    });

    test('sums outlast the secret that sealed them, where they are sealed anew while both are listed', async () => {
      const [before, after] = ['b'.repeat(40), 'a'.repeat(40)];
      const tablesOf = (seals: Seals) => new SealedTables(seals, null);
      const [old, both, later] = [rowSeals([before]), rowSeals([after, before]), rowSeals([after])];
      const sums = JSON.stringify({ approved: 3 });
      const row = { subject: 'lasting', kind: 'person', day: new Date().toISOString().slice(0, 10), sums };
      await world.rows(`insert into holdfast.oversight_sums (subject, kind, day, sums, seal)
        values ('lasting', 'person', '${row.day}', '${sums}', '${tablesOf(old).seal('oversight_sums', row)}')`);
      const seen = async (seals: Seals) =>
        (await sqlOversight(world.db, seals, tablesOf(seals)).report(lastDays(1, new Date()))).people[0]?.approved;
      assert.deepEqual([await seen(both), await seen(later)], [3, undefined]);
      await sqlOversight(world.db, both, tablesOf(both)).reseal(10);
      assert.deepEqual([await seen(both), await seen(later)], [3, 3]);
    });

    test('a decision that no gateway wrote is not counted', async () => {
      const approval = await open();
      await decide(approval, 'approve', 'honest');
      await seal();
      await world.rows(`update holdfast.events set body = replace(body, '"person":"honest"', '"person":"framed"')
        where approval_id = '${approval.id}' and type = 'approval.decided'`);
      await countAll();
      assert.deepEqual([await named('framed'), await named('honest')], [undefined, undefined]);
    });

    test('an approver who is too fast, or says yes to all, is told of once in the days it is about, by whichever replica', async () => {
      const approval = await open();
      for (let n = 0; n < 6; n++) await decide(approval, 'approve', 'hasty');
      await decide(approval, 'approve', 'seldom');
      await seal();
      const gateway = {
        ...{ oversight, store: world.one, clock: { now: () => new Date() }, log: quiet },
        rules: { oversight: { fastShare: 0.5, approvedShare: 0.9, least: 6, days: 7 } } as Gateway['rules'],
      };
      const look = async () => {
        await world.one.releaseNotice('oversight');
        await keepOversight(gateway);
      };
      await Promise.all([look(), keepOversight({ ...gateway, store: world.other })]);
      await look();
      const rows = await world.rows(`select body from holdfast.events where type = 'oversight.alarmed' order by n`);
      const alarms = rows.map(({ body }) => JSON.parse(String(body)).data);
      assert.deepEqual(
        alarms.map(({ kind, person, share, decided }) => [kind, person, share, decided]),
        [
          ['fast', 'hasty', 1, 6],
          ['always_yes', 'hasty', 1, 6],
        ],
      );
    });

    test('tools whose names an agent makes up share one row after a thousand in a day', async () => {
      const day = new Date().toISOString().slice(0, 10);
      await world.rows(`insert into holdfast.oversight_sums (subject, kind, day, sums)
        select 'made_up_' || n, 'tool', '${day}', '{}' from generate_series(1, 1000) n`);
      await open({ tool: 'one_more' });
      await seal();
      await countAll();
      const [row] = await world.rows(
        `select subject from holdfast.oversight_sums where kind = 'tool' and seal is not null`,
      );
      assert.equal(row!.subject, '(other tools)');
    });

    test('a report of very many tools names those with the most decisions, and sums up the others', async () => {
      const tables = new SealedTables(TEST_SEALS, null);
      const rows = Array.from({ length: 2_100 }, (_, n) => {
        const day = n < 1_050 ? '2020-01-01' : '2020-01-02';
        const row = { subject: `s1.t${n}`, kind: 'tool', day, sums: JSON.stringify({ asked: 1, approved: n }) };
        return { ...row, seal: tables.seal('oversight_sums', row) };
      });
      await world.rows(`insert into holdfast.oversight_sums (subject, kind, day, sums, seal)
        select * from json_to_recordset('${JSON.stringify(rows)}') as r(subject text, kind text, day text, sums text, seal text)`);
      const { tools, doubtful, cut } = await oversight.report({ from: '2020-01-01', to: '2020-01-02' });
      assert.deepEqual([tools.length, tools[0]?.name, doubtful, cut], [2_001, 's1.t2099', false, false]);
      const { name, asked, approved, candidate } = tools.at(-1)!;
      assert.deepEqual([name, asked, approved, candidate], ['(other tools)', 100, (99 * 100) / 2, null]);
    });
  });
}

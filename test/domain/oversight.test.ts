import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type Addition,
  additionsOf,
  addSums,
  type CountedEvent,
  lineOf,
  NO_SUMS,
  OVERSIGHT_TERMS,
  oversightAlarms,
  type Sums,
  toolLineOf,
} from '../../src/domain/log/oversight.ts';
import { lastDays, periodOf, quarterAt, quarterOf } from '../../src/domain/log/period.ts';
import { csvCell, oversightCsv } from '../../src/web/api/oversight-csv.ts';
import { oversightFile } from '../../src/web/html/oversight-report.ts';

const AT = new Date('2026-11-30T23:59:59Z');
const event = (type: string, data: object = {}, more: Partial<CountedEvent> = {}): CountedEvent => ({
  ...{ type, at: AT, actor: 'slack:U0MIRA', server: 's', tool: 't', data: data as never },
  ...{ groups: ['security'], people: ['mira', 'U0ALEX'] },
  ...more,
});
const decided = (choice: string, waitedMs: number, more: object = {}) =>
  event('approval.decided', { choice, waitedMs, person: 'mira', saw: { surface: 'card' }, ...more });
const summed = (events: readonly CountedEvent[], kind: Addition['kind'], subject: string): Sums =>
  events
    .flatMap(additionsOf)
    .filter((one) => one.kind === kind && one.subject === subject)
    .reduce((sum, { sums }) => addSums(sum, sums), NO_SUMS);

describe('What is summed up of a decision', () => {
  test('a question is one for each who was named, each group and the tool, on its day by UTC', () => {
    const additions = additionsOf(event('approval.requested'));
    assert.deepEqual(
      additions.map(({ day, kind, subject, sums }) => [day, kind, subject, sums.asked]),
      [
        ['2026-11-30', 'person', 'mira', 1],
        ['2026-11-30', 'person', 'U0ALEX', 1],
        ['2026-11-30', 'group', 'security', 1],
        ['2026-11-30', 'tool', 's.t', 1],
      ],
    );
  });

  test('the yes that comes with a counter-proposal answered no question, so it was not fast', () => {
    const events = [decided('deny', 60_000), decided('approve', 0, { proposed: true, saw: undefined })];
    const mira = lineOf('mira', summed(events, 'person', 'mira'));
    assert.deepEqual([mira.decided, mira.approved, mira.fastShare], [1, 0, 0]);
  });

  test('what ran under an allowance put no question to anybody', () => {
    const events = [event('approval.requested'), event('approval.requested'), event('allowance.used')];
    for (const [kind, subject] of [
      ['person', 'mira'],
      ['group', 'security'],
      ['tool', 's.t'],
    ] as const)
      assert.equal(lineOf(subject, summed(events, kind, subject)).asked, 1);
    assert.equal(lineOf('mira', summed([event('allowance.used')], 'person', 'mira')).asked, 0);
  });

  test('shares, times and the full view follow from the decisions', () => {
    const events = [
      event('approval.requested'),
      decided('approve', 3_000),
      decided('approve', 3_001),
      decided('approve', 40_000, { saw: { surface: 'full_view' } }),
      decided('deny', 9_000_000, { saw: { surface: 'deny_form' } }),
    ];
    const mira = lineOf('mira', summed(events, 'person', 'mira'));
    assert.deepEqual(
      [mira.asked, mira.decided, mira.approved, mira.denied, mira.approvedShare, mira.fastShare, mira.fullShare],
      [1, 4, 3, 1, 0.75, 0.25, 0.5],
    );
    assert.equal(mira.meanSeconds, 2261.5);
    assert.equal(mira.halfWithinSeconds, 10);
    assert.equal(summed(events, 'group', 'security').approved, 3);
    assert.equal(summed(events, 'person', 'U0ALEX').approved, 0);
  });

  test('a yes that becomes a no, or is taken back, is a reversal of the same decision', () => {
    const events = [
      decided('approve', 1_000),
      event('approval.changed', { choice: 'deny', instead: 'approve', person: 'mira' }),
      event('approval.taken_back'),
    ];
    const mira = lineOf('mira', summed(events, 'person', 'mira'));
    assert.deepEqual([mira.decided, mira.approved, mira.denied, mira.reversed], [1, 0, 1, 1]);
    assert.equal(summed(events, 'person', 'U0MIRA').reversed, 1, 'who took it back is known by the id alone');
    assert.deepEqual(additionsOf(decided('approve', 1_000, { instead: 'approve' })), [], 'signed anew');
  });

  test('what an event holds of anything else changes nothing', () => {
    for (const data of [{}, { choice: 'approve', waitedMs: -1 }, { choice: 7, waitedMs: 'x', saw: 3 }, null]) {
      const [first] = additionsOf(event('approval.decided', data as never));
      assert.equal(first!.sums.waitedMs, 0);
    }
    assert.deepEqual(additionsOf(event('call.allowed')), []);
  });

  test('a tool that is always approved, or often denied, is a candidate', () => {
    const line = (approved: number, denied: number, reversed = 0) =>
      toolLineOf('s.t', { ...NO_SUMS, approved, denied, reversed }).candidate;
    assert.deepEqual(
      [line(20, 0), line(19, 0), line(20, 1), line(20, 0, 1), line(3, 3), line(2, 2), line(4, 3)],
      ['rule', null, null, null, 'deny', null, null],
    );
  });

  test('alarms are for a share above the threshold, of enough decisions', () => {
    const person = (name: string, approved: number, denied: number, fast: number) =>
      lineOf(name, { ...NO_SUMS, approved, denied, waits: [fast, approved + denied - fast, 0, 0, 0, 0, 0, 0] });
    const people = [person('mira', 50, 0, 26), person('alex', 49, 1, 25), person('olga', 49, 0, 49)];
    assert.deepEqual(
      oversightAlarms(people, OVERSIGHT_TERMS).map(({ kind, person: who }) => `${kind} ${who}`),
      ['fast mira', 'always_yes mira'],
    );
    assert.deepEqual(oversightAlarms(people, { ...OVERSIGHT_TERMS, fastShare: 1, approvedShare: 1 }), []);
  });
});

describe('The period of a report', () => {
  test('is a quarter, or days', () => {
    assert.deepEqual(quarterOf('2026-Q4'), { from: '2026-10-01', to: '2026-12-31' });
    assert.deepEqual(quarterOf('2028-Q1'), { from: '2028-01-01', to: '2028-03-31' });
    for (const text of ['2026-Q5', '2026Q1', '', 'Q1', '2026-Q1 ']) assert.equal(quarterOf(text), null);
    assert.equal(quarterAt(AT), '2026-Q4');
    assert.deepEqual(lastDays(7, AT), { from: '2026-11-24', to: '2026-11-30' });
    assert.deepEqual(periodOf('2026-01-01', '2026-12-31'), { from: '2026-01-01', to: '2026-12-31' });
    for (const [from, to] of [
      ['2026-02-30', '2026-03-01'],
      ['2026-03-02', '2026-03-01'],
      ['2026-01-01', '2027-01-02'],
      ['yesterday', '2026-01-01'],
      ["2026-01-01' or 1=1", '2026-01-02'],
    ])
      assert.equal(typeof periodOf(from!, to!), 'string', `${from} ${to}`);
  });
});

describe('The report as a file', () => {
  const hostile = '=HYPERLINK("http://evil","x")';
  const report = {
    ...{ from: '2026-10-01', to: '2026-12-31', upTo: 7, doubtful: false, cut: false, groups: [] },
    people: [lineOf('mira', { ...NO_SUMS, approved: 2, waits: [1, 1, 0, 0, 0, 0, 0, 0], waitedMs: 5_000 })],
    tools: [toolLineOf(`s.${hostile}`, NO_SUMS), toolLineOf(hostile, NO_SUMS)],
  };

  test('P10: numbers that are too low say so in the CSV as well', () => {
    const csv = oversightCsv({ ...report, doubtful: true, cut: true });
    const lines = csv.split('\r\n');
    assert.match(lines[1]!, /^"note","some sums .* left out: these numbers are too low",/);
    assert.match(lines[2]!, /^"note","there is more in these days/);
    const commas = (line: string): number => line.split('","').length;
    assert.deepEqual([commas(lines[1]!), commas(lines[2]!)], [commas(lines[0]!), commas(lines[0]!)]);
    assert.doesNotMatch(oversightCsv({ ...report, doubtful: false, cut: false }), /"note"/);
  });

  test('P10: no cell of the CSV is a formula', () => {
    for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\u00a0=1', '\u200b=1', '＝1', '\n'])
      assert.match(csvCell(text), /^"'/, JSON.stringify(text));
    assert.deepEqual(
      [csvCell('mira'), csvCell('a"b'), csvCell(null), csvCell(-1.5)],
      ['"mira"', '"a""b"', '""', '"-1.5"'],
    );
    const csv = oversightCsv(report);
    assert.ok(csv.includes('"tool","\'=HYPERLINK(""http://evil"",""x"")"'));
    const [head, mira] = csv.split('\r\n');
    assert.deepEqual([head!.split('","').length, mira!.split('","').length], [13, 13]);
    assert.ok(csv.includes('"person","mira","0","2","2","0","0","1","0.5","0","2.5","3",""'));
  });

  test('P10: names are data in the page, too', async () => {
    const page = String(
      await oversightFile({ ...report, tools: [toolLineOf('s.<script>alert(1)</script>', NO_SUMS)] }, AT),
    );
    assert.doesNotMatch(page, /<script/);
    assert.match(page, /&lt;script&gt;/);
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressLift } from '../../src/mcp/hold/progress-lift.ts';

const event = (progress: string, rest = ''): string =>
  `id: 1\nevent: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":${progress}${rest}}}\n\n`;
const valueIn = (text: string): number => JSON.parse(/data: (.*)/.exec(text)![1]!).params.progress;

/** What a client sees of these reports after ours had reached `floor`. */
function seen(floor: number, reports: readonly string[]): string[] {
  const lift = new ProgressLift();
  return reports.map((report) => new TextDecoder().decode(lift.above(floor, new TextEncoder().encode(report))));
}

const TABLE: [what: string, floor: number, reports: string[], untouched: boolean[]][] = [
  ['begins with 0', 0.000_001, ['0', '1', '2'], [false, true, true]],
  [
    'begins with 0 after a day of waiting',
    0.005_76,
    ['0', '0.001', '0.005', '0.5', '1.0'],
    [false, false, false, true, true],
  ],
  ['begins with less than nothing', 0.000_04, ['-3', '-2', '0', '7'], [false, false, false, true]],
  ['begins higher', 0.000_04, ['1', '2.50'], [true, true]],
];

for (const [what, floor, values, untouched] of TABLE) {
  test(`progress of a server that ${what} increases above ours`, () => {
    const reports = values.map((value) => event(value, ',"total":10.0'));
    const texts = seen(floor, reports);
    let last = floor;
    for (const [at, text] of texts.entries()) {
      assert.ok(valueIn(text) > last, `${valueIn(text)} after ${last}`);
      last = valueIn(text);
      assert.equal(text === reports[at], untouched[at], text);
      assert.match(text, /"total":10\.0/);
    }
  });
}

test('what is no progress passes byte for byte', () => {
  for (const text of [
    ': comment\n\n',
    'data: no json progress\n\n',
    'data: {"method":"notifications/message","params":{"progress":0}}\n\n',
    event('"0"'),
    event('null'),
  ]) {
    assert.deepEqual(seen(1, [text]), [text]);
  }
});

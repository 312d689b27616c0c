import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { requestsIn } from '../../../src/mcp/hold/server-requests.ts';

const event = (data: string): Uint8Array => new TextEncoder().encode(`event: message\ndata: ${data}\n\n`);
/** What makes an event large: 300,000 members. */
const MUCH = JSON.stringify(Object.fromEntries(Array.from({ length: 300_000 }, (_, i) => [`m${i}`, 1])));
const request = (id: string, params: string): string =>
  `{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":${params}}`;
const progress = (params: string): string => `{"jsonrpc":"2.0","method":"notifications/progress","params":${params}}`;
const response = (result: string): string => `{"jsonrpc":"2.0","id":1,"result":${result}}`;

const ROWS: readonly (readonly [string, (much: string) => string, readonly string[]])[] = [
  ['a request', (much) => request('7', much), ['7']],
  ['a request with an id that no double keeps', (much) => request('9007199254740993', much), ['9007199254740993']],
  [
    'a request whose names are written with escapes',
    (much) => `{"m\\u0065thod":"x","i\\u0064":"a","p":${much}}`,
    ['"a"'],
  ],
  ['a notification', progress, []],
  ['a response', response, []],
  ['a batch', (much) => `[${request('1', '{}')},${progress(much)},${request('"b"', '{}')}]`, ['1', '"b"']],
];

describe('P1: The requests in an event of a server’s', () => {
  for (const [what, data, ids] of ROWS) {
    for (const [size, much] of [
      ['small', '{}'],
      ['large', MUCH],
    ] as const) {
      test(`are found in ${what}, ${size}`, async () => {
        let turns = 0;
        let over = false;
        const count = (): void => {
          turns += 1;
          if (!over) setImmediate(count);
        };
        setImmediate(count);
        const found = await requestsIn(event(data(much)));
        over = true;
        assert.deepEqual(
          found.map(({ idText }) => idText),
          ids,
        );
        if (size === 'large') assert.ok(turns >= 4, `${turns} turns`);
      });
    }
  }

  test('are none in what is no JSON', async () => {
    for (const text of ['{"method":"x","id":1', `{"method":"x","id":1,"p":${MUCH}`]) {
      assert.deepEqual(await requestsIn(event(text)), []);
    }
  });
});

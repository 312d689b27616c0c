import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ALL_EXACT } from '../../src/domain/call/inexact.ts';
import { LONGEST_REQUEST_ID } from '../../src/domain/call/transport.ts';
import { headerDisagreement, MOST_PARAM_HEADERS } from '../../src/mcp/door/header-agreement.ts';
import { MOST_BATCHED, readMessage, readMessageInPieces } from '../../src/mcp/door/strict-door.ts';
import { LONGEST_NAME, LONGEST_NUMBER, MOST_MEMBERS, MOST_VALUES } from '../../src/mcp/json/bounds.ts';

const HEADERS = { contentType: 'application/json', contentEncoding: null };
const read = (text: string) => readMessage(new TextEncoder().encode(text), HEADERS);
const whyNot = (text: string): string | null => {
  const reading = read(text);
  return reading.kind === 'refused' ? reading.why : null;
};
const call = (args: string) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":${args}}}`;
/** What `call` holds besides its arguments' own members and elements. */
const AROUND = { members: 6, values: 6 };

describe('What one body may hold', () => {
  const members = (count: number) => `{${Array.from({ length: count }, (_, i) => `"${i}":0`).join()}}`;
  const numbers = (count: number) => `{"a":[${Array.from({ length: count }, () => '0').join()}]}`;
  for (const [what, within, beyond, says] of [
    [
      'named members',
      members(MOST_MEMBERS - AROUND.members),
      members(MOST_MEMBERS - AROUND.members + 1),
      /50000 named members/,
    ],
    ['values', numbers(MOST_VALUES - 10), numbers(MOST_VALUES + 1), /100000 values/],
    [
      'a name',
      `{"${'n'.repeat(LONGEST_NAME)}":1}`,
      `{"${'n'.repeat(LONGEST_NAME + 1)}":1}`,
      /name is longer than 4096 bytes/,
    ],
    [
      'a number',
      `{"a":${'1'.repeat(LONGEST_NUMBER)}}`,
      `{"a":${'1'.repeat(LONGEST_NUMBER + 1)}}`,
      /more than 1024 characters/,
    ],
    [
      'nesting',
      `{"a":${'['.repeat(61)}${']'.repeat(61)}}`,
      `{"a":${'['.repeat(62)}${']'.repeat(62)}}`,
      /deeper than 64/,
    ],
  ] as const) {
    test(`${what}: as much as is allowed passes, one more is refused and says so`, () => {
      assert.equal(whyNot(call(within)), null);
      assert.match(whyNot(call(beyond)) ?? '', says);
    });
  }

  test('commas, colons and digits within a text count for nothing', () => {
    assert.equal(whyNot(call(JSON.stringify({ a: ',:[{"\\'.repeat(200_000), b: '1'.repeat(5_000) }))), null);
  });

  test('a batch has at most 100 messages, and the refusal says how many it had', () => {
    const batch = (count: number) =>
      JSON.stringify(
        Array.from({ length: count }, (_, i) => ({
          jsonrpc: '2.0',
          method: 'notifications/cancelled',
          params: { requestId: i },
        })),
      );
    assert.equal(whyNot(batch(MOST_BATCHED)), null);
    assert.match(whyNot(batch(MOST_BATCHED + 1)) ?? '', /at most 100 messages, and this one 101/);
  });

  for (const [name, message] of [
    ['id', (id: string) => ({ id, method: 'ping' })],
    ['params.requestId', (requestId: string) => ({ method: 'notifications/cancelled', params: { requestId } })],
    [
      'params.progressToken',
      (progressToken: string) => ({ method: 'notifications/progress', params: { progressToken } }),
    ],
    [
      'params._meta.progressToken',
      (progressToken: string) => ({ id: 1, method: 'ping', params: { _meta: { progressToken } } }),
    ],
  ] as const) {
    test(`${name} has at most 256 characters, also in a batch`, () => {
      const text = (length: number) => JSON.stringify({ jsonrpc: '2.0', ...message('i'.repeat(length)) });
      assert.equal(whyNot(text(LONGEST_REQUEST_ID)), null);
      for (const long of [text(LONGEST_REQUEST_ID + 1), `[${text(LONGEST_REQUEST_ID + 1)}]`]) {
        assert.equal(whyNot(long), `${name} has 257 characters; at most 256 are accepted`);
      }
    });
  }

  test('a large body is read the same in pieces, and others have a turn between them', async () => {
    const bytes = new TextEncoder().encode(call(JSON.stringify({ a: 'x'.repeat(70_000) })));
    let turns = 0;
    let over = false;
    const count = (): void => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    const reading = await readMessageInPieces(bytes, HEADERS);
    over = true;
    assert.deepEqual(reading, readMessage(bytes, HEADERS));
    assert.ok(turns >= 4, `${turns} turns`);
  });
});

describe('Parameter headers', () => {
  const agree = (headers: Record<string, string>, args: object | string) => {
    const reading = read(call(typeof args === 'string' ? args : JSON.stringify(args)));
    assert.equal(reading.kind, 'message');
    return headerDisagreement(headers, reading as never);
  };

  test('must say what the arguments say, as text, number or truth, whatever the name', () => {
    assert.equal(
      agree({ 'mcp-param-user-id': '7', 'mcp-param-flag': 'true' }, { user_id: 7, on: { flag: true } }),
      null,
    );
    assert.equal(agree({ 'mcp-param-user-id': '7.0' }, { userId: 7 }), null);
    assert.match(agree({ 'mcp-param-user-id': '7.0' }, { userId: '7' }) ?? '', /mcp-param-user-id is not/);
    assert.match(agree({ 'mcp-param-user-id': '7' }, { userId: 7, user_id: 8 }) ?? '', /mcp-param-user-id is not/);
    assert.equal(agree({ 'mcp-param-region': 'eu' }, { region: 'eu', dest: { region: 'us' } }), null);
    assert.match(agree({ 'mcp-param-a': '1' }, { b: 2 }) ?? '', /mcp-param-a is not/);
  });

  const base64 = (text: string) => `=?base64?${Buffer.from(text).toString('base64')}?=`;
  const AGREEING: readonly [header: string, argument: string][] = [
    ['30', '30'],
    ['30.0', '30'],
    ['30', '3e1'],
    ['-12.5', '-12.50'],
    ['0', '-0'],
    ['1e+21', '1e21'],
    ['1000000000000000000000', '1e21'],
    ['1e-7', '0.0000001'],
    ['9007199254740992', '9007199254740992'],
    ['0x1e', '"0x1e"'],
    [base64('30'), '30'],
    [base64('\ufeffeu'), '"\ufeffeu"'],
  ];
  for (const [header, argument] of AGREEING) {
    test(`${header} agrees with ${argument}`, () => {
      assert.equal(agree({ 'mcp-param-v': header }, `{"v":${argument}}`), null);
      assert.equal(agree({ 'mcp-param-other': header }, `{"deep":{"v":${argument}}}`), null);
    });
  }

  const OTHERWISE: readonly (readonly [header: string, argument: string, says: RegExp])[] = [
    ...['30.00000000000000000001', '0x1e', '0b11110', '0o36', '3e1', '30e0', '+30', '030', '30.', ' 30', '31'].map(
      (header) => [header, '30', /mcp-param-(v|other) is not what the arguments say: write a number with all/] as const,
    ),
    ['9007199254740993', '9007199254740992', /a double cannot keep is sent as a string/],
    ['9007199254740992', '9007199254740993', /a double cannot keep is sent as a string/],
    ['thirty', '30', /mcp-param-(v|other) is not what the arguments say\. Send in the header just what the body says/],
    [base64('+30'), '30', /write a number with all its digits/],
    ['eu', '"\ufeffeu"', /is not what the arguments say\. Send/],
    ...['=?base64?Z X U =?=', '=?base64?ZXU?=', '=?base64?ZXV=?=', '=?base64?ZXU==?=', '=?base64?/w==?='].map(
      (header) => [header, '"eu"', /mcp-param-(v|other) is encoded in an unusual way: write =\?base64\?…\?=/] as const,
    ),
  ];
  for (const [header, argument, says] of OTHERWISE) {
    test(`${header} does not agree with ${argument}`, () => {
      assert.match(agree({ 'mcp-param-v': header }, `{"v":${argument}}`) ?? '', says);
      assert.match(agree({ 'mcp-param-other': header }, `{"deep":{"v":${argument}}}`) ?? '', says);
    });
  }

  test('are at most 64, and the refusal says how many there were', () => {
    const headers = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`mcp-param-${i}`, '1']));
    assert.equal(agree(headers(MOST_PARAM_HEADERS), { a: 1 }), null);
    assert.match(
      agree(headers(MOST_PARAM_HEADERS + 1), { a: 1 }) ?? '',
      /at most 64 Mcp-Param headers, and this one has 65/,
    );
    assert.match(agree({ [`mcp-param-${'n'.repeat(257)}`]: '1' }, { a: 1 }) ?? '', /longer than 256/);
  });

  test('cost one look at each argument, however many headers there are', () => {
    let looks = 0;
    const args = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`m${i}`, 1]));
    const counted = new Proxy(args, {
      get(target, name) {
        if (typeof name === 'string' && name.startsWith('m')) looks += 1;
        return Reflect.get(target, name);
      },
    });
    const headers = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`mcp-param-x${i}`, '1']));
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 't', arguments: counted } };
    assert.equal(headerDisagreement(headers, { kind: 'message', message, inexact: ALL_EXACT } as never), null);
    assert.equal(looks, 100);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isExact } from '../../src/domain/json/exact-number.ts';
import { type BodyReading, readMessage } from '../../src/mcp/door/strict-door.ts';
import { elementsAt, spanOf } from '../../src/mcp/json/text.ts';

const JSON_BODY = { contentType: 'application/json', contentEncoding: null };
const utf8 = (text: string) => new TextEncoder().encode(text);
const read = (text: string, headers = JSON_BODY): BodyReading => readMessage(utf8(text), headers);
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
const call = (params: string, rest = '') => `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}${rest}}`;

/** Bodies that two parsers could read as two different calls. */
const SMUGGLED: readonly (readonly [what: string, text: string, why: RegExp])[] = [
  ['a second method', '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}', /duplicate key at \/method/],
  ['a second method, escaped', '{"id":1,"method":"ping","\\u006dethod":"tools/call"}', /duplicate key at \/method/],
  ['a second params', call('{"name":"a"}', ',"params":{"name":"b"}'), /duplicate key at \/params/],
  ['a second name', call('{"name":"a","name":"b"}'), /duplicate key at \/params\/name/],
  ['a second name, escaped', call('{"name":"a","n\\u0061me":"b"}'), /duplicate key at \/params\/name/],
  ['second arguments', call('{"name":"a","arguments":{},"arguments":{"x":1}}'), /\/params\/arguments/],
  ['a second argument', call('{"name":"a","arguments":{"role":"viewer","role":"admin"}}'), /arguments\/role/],
  ['a second argument deep down', call('{"name":"a","arguments":{"a":[{"b":{"c":1,"c":2}}]}}'), /a\/0\/b\/c/],
  ['a duplicate that is not next to its twin', call('{"name":"a","arguments":{"r":1,"x":{"r":1},"r":2}}'), /\/r$/],
  ['a duplicate after many keys', `{"id":1,${[...'abcdefghijklmn'].map((k) => `"${k}":1`)},"b":2}`, /duplicate .*\/b/],
  ['a duplicate empty key', call('{"name":"a","arguments":{"":1,"":2}}'), /duplicate/],
  ['a duplicate __proto__', call('{"name":"a","arguments":{"__proto__":1,"__proto__":2}}'), /duplicate/],
  ['a duplicate in a result', '{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}', /duplicate/],
  ['a duplicate with a slash in its path', call('{"name":"a","arguments":{"a/b~":{"c":1,"c":1}}}'), /a~1b~0\/c/],
  ['Method', '{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"ping"}', /\/Method is spelt almost/],
  ['METHOD alone', '{"jsonrpc":"2.0","id":1,"METHOD":"tools/call"}', /spelt almost/],
  ['JsonRpc', '{"JsonRpc":"2.0","id":1,"method":"ping"}', /spelt almost/],
  ['ID', '{"jsonrpc":"2.0","ID":2,"id":1,"method":"ping"}', /spelt almost/],
  ['\u0130D, which Java takes for id', '{"jsonrpc":"2.0","\u0130D":2,"id":1,"method":"ping"}', /spelt almost/],
  ['dotless \u0131d', '{"jsonrpc":"2.0","\u0131d":2,"id":1,"method":"ping"}', /spelt almost/],
  ['param\u017f with a long s', '{"id":1,"method":"tools/call","param\u017f":{"name":"b"}}', /spelt almost/],
  ['param\u017f, escaped', '{"id":1,"method":"ping","param\\u017f":{"name":"b"}}', /spelt almost/],
  ['re\u017fult', '{"id":1,"re\u017fult":{}}', /spelt almost/],
  ['Name beside name', call('{"name":"a","Name":"b"}'), /\/params\/Name is spelt almost/],
  ['argument\u017f', call('{"name":"a","argument\u017f":{"x":1}}'), /spelt almost/],
  ['Ta\u017fk', call('{"name":"a","ta\u017fk":{}}'), /spelt almost/],
  ['tas\u212a with a Kelvin sign', call('{"name":"a","tas\u212a":{}}'), /spelt almost/],
  ['_Meta', call('{"name":"a","_Meta":{}}'), /spelt almost/],
  ['requeststate', call('{"name":"a","requeststate":"x"}'), /spelt almost/],
  ['RequestId in a cancel', '{"method":"notifications/cancelled","params":{"RequestId":1}}', /spelt almost/],
  ['URI', '{"id":1,"method":"resources/read","params":{"URI":"a"}}', /spelt almost/],
  ['method with a NUL behind it', '{"id":1,"method":"ping","method\\u0000":"tools/call"}', /spelt almost/],
  ['name with a blank behind it', call('{"name":"a","name ":"b"}'), /spelt almost/],
  ['name with a zero-width space', call('{"name":"a","na\u200bme":"b"}'), /spelt almost/],
  ['Tools/Call', '{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"a"}}', /almost like tools\/call/],
  ['tool\u017f/call', '{"jsonrpc":"2.0","id":1,"method":"tool\u017f/call"}', /almost like tools\/call/],
  ['tools/call with a NUL', '{"jsonrpc":"2.0","id":1,"method":"tools/call\\u0000"}', /almost like tools\/call/],
  ['a method in a list', '{"jsonrpc":"2.0","id":1,"method":["tools/call"]}', /method must be a string/],
  ['a batch with a call', `[{"method":"ping","id":1},${call('{"name":"a"}')}]`, /does not travel in a batch/],
  ['a batch of one call', `[${call('{"name":"a"}')}]`, /does not travel in a batch/],
  ['a batch with a disguised call', '[{"id":1,"method":"TOOLS/CALL"}]', /almost like tools\/call/],
  ['a batch with a folded member', '[{"id":1,"method":"ping","Method":"tools/call"}]', /\/0\/Method is spelt/],
  ['a batch with a folded param', '[{"id":1,"method":"ping","params":{"Name":"a"}}]', /\/0\/params\/Name is spelt/],
  ['a batch in a batch', `[[${call('{"name":"a"}')}]]`, /no JSON-RPC message/],
  ['a batch with a number', '[1]', /no JSON-RPC message/],
  ['a call that is also a response', call('{"name":"a"}', ',"result":{}'), /not both/],
  ['a call without an id', '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}', /needs an id/],
  ['a call with a null id', '{"id":null,"method":"tools/call","params":{"name":"a"}}', /needs an id/],
  ['a call with a list of params', call('["a",{}]'), /params of a tools\/call must be an object/],
  ['a call without params', '{"jsonrpc":"2.0","id":1,"method":"tools/call"}', /params of a tools\/call/],
  ['a call without a name', call('{}'), /params.name must be a string/],
  ['a name in a list', call('{"name":["a"]}'), /params.name must be a string/],
  ['arguments as text', call('{"name":"a","arguments":"{}"}'), /params.arguments must be an object/],
  ['arguments as a list', call('{"name":"a","arguments":[]}'), /params.arguments must be an object/],
  ['_meta as a list', call('{"name":"a","_meta":[]}'), /params._meta must be an object/],
  ['task as true', call('{"name":"a","task":true}'), /params.task must be an object/],
  ['requestState as an object', call('{"name":"a","requestState":{}}'), /requestState must be a string/],
  ['65 levels', nested(65), /deeper than 64/],
  ['a million levels', nested(1_000_000), /deeper than 64/],
  ['65 levels in an argument', call(`{"name":"a","arguments":{"x":${nested(62)}}}`), /deeper than 64/],
  ['a comment', '{"id":1,/* "method":"ping" */"method":"tools/call"}', /not JSON/],
  ['single quotes', "{'method':'tools/call'}", /not JSON/],
  ['a trailing comma', '{"method":"ping",}', /not JSON/],
  ['NaN', call('{"name":"a","arguments":{"x":NaN}}'), /not JSON/],
  ['two documents', '{"id":1,"method":"ping"}{"id":2,"method":"tools/call"}', /not JSON/],
  ['two lines', '{"id":1,"method":"ping"}\n{"id":2,"method":"tools/call"}', /not JSON/],
  ['a byte order mark', '\ufeff{"id":1,"method":"ping"}', /byte order mark/],
  ['text', '"tools/call"', /neither a JSON-RPC message/],
  ['nothing', '', /not JSON/],
];

describe('The strict door', () => {
  for (const [what, text, why] of SMUGGLED) {
    it(`P9: refuses ${what}`, () => {
      const got = read(text);
      assert.equal(got.kind, 'refused');
      assert.equal(got.kind === 'refused' && got.status, 400);
      assert.match(got.kind === 'refused' ? got.why : '', why);
    });
  }

  it('refuses bytes that are not UTF-8, also where a lenient reader would put U+FFFD', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0xaf, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0xff, 0xfe, 0x7b, 0],
    ]) {
      const got = readMessage(new Uint8Array(bytes), JSON_BODY);
      assert.equal(got.kind === 'refused' && got.why, 'the body is not UTF-8');
    }
  });

  const types: readonly (readonly [type: string | null, encoding: string | null, ok: boolean])[] = [
    ['application/json', null, true],
    ['Application/JSON; charset=UTF-8', null, true],
    ['application/json;charset="utf-8"', 'identity', true],
    [null, null, false],
    ['text/plain', null, false],
    ['application/json-rpc', null, false],
    ['application/json, text/plain', null, false],
    ['application/json; charset=utf-16', null, false],
    ['application/json; charset=utf-8; charset=utf-7', null, false],
    ['application/json', 'gzip', false],
    ['application/json', 'identity, gzip', false],
  ];
  for (const [contentType, contentEncoding, ok] of types) {
    it(`${ok ? 'reads' : 'answers 415 to'} ${contentType} encoded as ${contentEncoding}`, () => {
      const got = read('{"jsonrpc":"2.0","id":1,"method":"ping"}', {
        contentType,
        contentEncoding,
      } as typeof JSON_BODY);
      assert.equal(got.kind === 'refused' ? got.status : 200, ok ? 200 : 415);
    });
  }

  it('lets through what is merely unusual', () => {
    const usual = [
      ' \r\n\t{ "jsonrpc" : "2.0" , "id" : "\\u0061" , "method" : "tools/call" , "params" : { "name" : "a" } } \n',
      call('{"name":"a","arguments":{"Name":1,"name":2,"METHOD":3,"Params":{"Name":1}},"future":{"Name":1}}'),
      call(
        '{"name":"a","arguments":{"a":{"x":1},"b":{"x":1}},"task":{"ttl":1},"requestState":"s","inputResponses":{}}',
      ),
      call(`{"name":"a","arguments":{"x":${nested(61)}}}`),
      '{"jsonrpc":"2.0","id":7,"result":{"Name":1,"deep":[{"ID":2}]}}',
      '[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"notifications/initialized"}]',
      '[]',
    ];
    for (const text of usual) assert.notEqual(read(text).kind, 'refused', text);
  });

  it('keeps the id as it was written', () => {
    for (const id of ['1', '1.0', '12345678901234567890', '"a\\u0062"', '"\\ud800"']) {
      const got = read(`{"params":{"id":9}, "id" : ${id} ,"method":"ping"}`);
      assert.equal(got.kind === 'message' && got.idText, id);
    }
    const response = read('{"method":"notifications/initialized"}');
    assert.equal(response.kind === 'message' && response.idText, null);
  });
});

const NUMBERS: readonly (readonly [token: string, exact: boolean])[] = [
  ['0', true],
  ['-0', true],
  ['-0.0', true],
  ['0.000', true],
  ['0e999999999999999999999', true],
  ['1', true],
  ['-1', true],
  ['1.0', true],
  ['1.50', true],
  ['100', true],
  ['1e2', true],
  ['1E+2', true],
  ['1.5e-7', true],
  ['9007199254740991', true],
  ['9007199254740992', true],
  ['9007199254740993', false],
  ['-9007199254740993', false],
  ['9007199254740994', true],
  ['10000000000000000', true],
  ['10000000000000001', false],
  ['12345678901234567890', false],
  ['18446744073709551616', false],
  ['18446744073709552000', true],
  ['100000000000000000000000', true],
  ['0.1', true],
  ['0.30000000000000004', true],
  ['0.1000000000000000055511151231257827', false],
  ['3.141592653589793', true],
  ['3.14159265358979323846', false],
  ['0.10000000000000000000000000000000000', true],
  ['1e308', true],
  ['1.7976931348623157e308', true],
  ['1e309', false],
  ['1e400', false],
  ['-1e400', false],
  ['1e-400', false],
  ['5e-324', true],
  ['4e-324', false],
  ['2.2250738585072014e-308', true],
  ['1e999999999999999999', false],
  ['1e-999999999999999999', false],
  [`0.${'0'.repeat(399)}1e400`, true],
  [`1${'0'.repeat(400)}e-400`, true],
  ['1e00000000000000000002', true],
];

/** Where a message holds what readers could take for different values. */
const pointers = (got: BodyReading): string[] =>
  got.kind === 'message' ? got.inexact.list.map(({ pointer }) => pointer) : [got.kind];

describe('Numbers', () => {
  for (const [token, exact] of NUMBERS) {
    it(`${token.length > 40 ? `${token.slice(0, 8)}…${token.slice(-5)}` : token} is ${exact ? 'kept' : 'not kept'} by a double`, () => {
      assert.equal(isExact(token), exact);
      const got = read(call(`{"name":"a","arguments":{"list":[0,${token}]}}`));
      assert.deepEqual(pointers(got), exact ? [] : ['/params/arguments/list/1']);
    });
  }

  it('P1: a lone surrogate is named like an inexact number, in a string and in a key', () => {
    const paths = ['{"a":"x\\ud800"}', '{"a":["\\udc00\\ud800"]}', '{"a":1,"\\ud83d":1}', '{"a":"\\ud83d\\ude00"}'].map(
      (args) => {
        const got = read(call(`{"name":"a","arguments":${args}}`));
        return pointers(got);
      },
    );
    assert.deepEqual(paths, [['/params/arguments/a'], ['/params/arguments/a/0'], ['/params/arguments'], []]);
  });

  it('every double is kept in its shortest form', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        assert.equal(isExact(JSON.stringify(number)), true);
        assert.equal(isExact(number.toExponential()), true);
      }),
    );
  });

  it('integers beyond 2^53 are judged like BigInt judges them', () => {
    fc.assert(
      fc.property(fc.bigInt(2n ** 53n, 2n ** 69n), (integer) => {
        const same = BigInt(Number(integer).toString()) === integer;
        assert.equal(isExact(String(integer)), same);
      }),
    );
  });
});

describe('Any JSON', () => {
  /** A JSON value written with odd white space and escapes, all keys distinct. */
  const spaced = fc
    .tuple(fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }), fc.constantFrom(0, 1, '\t', ' \n\r'))
    .map(([value, gap]) => {
      return JSON.stringify(value, null, gap as string | number);
    });

  it('P9: passes when it is a valid message, and reads as JSON.parse reads it', () => {
    fc.assert(
      fc.property(spaced, spaced, (args, extra) => {
        const text = call(`{"name":"a","arguments":{"x":${args}}}`, `,"extra":${extra}`);
        const got = read(text);
        assert.equal(got.kind, 'message');
        if (got.kind !== 'message') return;
        assert.deepEqual(got.message, JSON.parse(text));
        assert.equal(new TextDecoder().decode(got.bytes), text);
      }),
    );
  });

  it('P9: is refused with a duplicate anywhere', () => {
    fc.assert(
      fc.property(spaced, fc.nat(), fc.boolean(), (args, where, escaped) => {
        const text = call(`{"name":"a","arguments":{"x":${args},"y":{"z":0}}}`);
        const keys = keysIn(text);
        const key = keys[where % keys.length]!;
        const written = text.slice(key.start, key.end);
        const twin = escaped ? escapeAll(JSON.parse(written) as string) : written;
        const got = read(`${text.slice(0, key.start)}${twin}:0,${text.slice(key.start)}`);
        assert.match(got.kind === 'refused' ? got.why : '', /duplicate key/);
      }),
    );
  });

  it('spans hold exactly what JSON.parse finds at their path', () => {
    fc.assert(
      fc.property(spaced, (text) => {
        const padded = ` ${text}\n`;
        const walk = (value: unknown, path: string[]): void => {
          const span = spanOf(padded, path);
          assert.ok(span);
          assert.deepEqual(JSON.parse(padded.slice(span.start, span.end)), value);
          if (typeof value === 'object' && value !== null) {
            for (const [key, inner] of Object.entries(value)) walk(inner, [...path, key]);
          }
        };
        walk(JSON.parse(text), []);
        assert.equal(spanOf(padded, ['no such member']), null);
      }),
    );
  });

  it('elements come in order, with nothing between them but commas and blanks', () => {
    const text = ' [ 1 , {"a":[2,"]"]} ,"\\"," ,[] ] ';
    assert.deepEqual(
      [...elementsAt(text, 1)].map((s) => text.slice(s.start, s.end)),
      ['1', '{"a":[2,"]"]}', '"\\","', '[]'],
    );
  });
});

/** Positions of the keys: strings that a colon follows. */
function keysIn(text: string): { start: number; end: number }[] {
  return [...text.matchAll(/"(?:[^"\\]|\\.)*"(?=\s*:)|"(?:[^"\\]|\\.)*"/g)]
    .filter((match) => /^\s*:/.test(text.slice(match.index + match[0].length)))
    .map((match) => ({ start: match.index, end: match.index + match[0].length }));
}

function escapeAll(text: string): string {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, '0'));
  return `"${units.map((unit) => `\\u${unit}`).join('')}"`;
}

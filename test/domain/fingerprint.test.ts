import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Call } from '../../src/domain/call/call.ts';
import { fingerprintMaterial, roundsMaterial } from '../../src/domain/call/fingerprint.ts';
import { isObject, type Json, type JsonObject } from '../../src/domain/json/json.ts';
import { vault } from '../../src/vault/vault.ts';

const NEW = 'n'.repeat(32);
const OLD = 'o'.repeat(32);
const keys = vault([NEW]);

function callOf(params: JsonObject, different: Partial<Call> = {}): Call {
  const { arguments: given } = params;
  return {
    principal: { grant: 'release-bot', owner: 'U0SAM', selfApproval: false },
    server: 'prometheus',
    tool: 'create_api_key',
    args: isObject(given) ? given : {},
    session: null,
    params: { name: 'create_api_key', ...params },
    ...different,
  };
}
const print = (params: JsonObject, different: Partial<Call> = {}): string =>
  keys.fingerprints(fingerprintMaterial(callOf(params, different)))[0]!;

const base = { arguments: { name: 'ci', n: 1 } };

describe('the fingerprint', () => {
  test('P1: every word of the call counts', () => {
    const one = print(base);
    const others: [string, string][] = [
      ['value', print({ arguments: { name: 'cj', n: 1 } })],
      ['type', print({ arguments: { name: 'ci', n: '1' } })],
      ['more', print({ arguments: { name: 'ci', n: 1, x: null } })],
      ['less', print({ arguments: { name: 'ci' } })],
      ['nothing', print({ arguments: {} })],
      ['absent', print({})],
      ['null', print({ arguments: null })],
      ['another member of params', print({ ...base, mode: 'force' })],
      ['another member of _meta', print({ ...base, _meta: { tenant: 'b' } })],
      ['tool', print(base, { tool: 'delete_api_key' })],
      ['server', print(base, { server: 'staging' })],
      ['grant', print(base, { principal: { grant: 'other', owner: 'U0SAM', selfApproval: false } })],
    ];
    const prints = [one, ...others.map(([, other]) => other)];
    assert.equal(new Set(prints).size, prints.length, JSON.stringify(others));
    assert.match(one, /^[0-9a-f]{64}$/);
  });

  test('P2: members that only say how the answer is delivered do not count', () => {
    const one = print(base);
    const meta = {
      progressToken: 7,
      traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
      'holdfast/reason': 'because',
    };
    assert.equal(print({ ...base, _meta: meta }), one);
    assert.equal(print({ ...base, task: { ttl: 1, pollInterval: 500 } }), one);
    const claims = (revision: string) =>
      print({ ...base, _meta: { 'io.modelcontextprotocol/protocolVersion': revision } });
    assert.equal(claims('2026-07-28'), claims('2027-01-01'));
    assert.notEqual(claims('2026-07-28'), one, 'the eras are not exchanged');
    assert.equal(print(base, { session: 'another' }), one);
    assert.equal(print(base, { principal: { grant: 'release-bot', owner: null, selfApproval: true } }), one);
    assert.notEqual(
      print({ ...base, _meta: { ...meta, progresstoken: 7 } }),
      one,
      'a name of another case is another name',
    );
  });

  test('P1: a member of the closed list counts as soon as it has not its own shape', () => {
    const one = print(base);
    const metas: JsonObject[] = [
      { progressToken: 'x'.repeat(257) },
      { progressToken: 'drop table users' },
      { progressToken: { to: 'production' } },
      { traceparent: 'production' },
      { tracestate: 'production' },
      { tracestate: `a=${'b'.repeat(600)}` },
      { baggage: 'tenant=b' },
      { 'io.modelcontextprotocol/protocolVersion': 'production' },
      { 'io.modelcontextprotocol/logLevel': 'production' },
      { 'io.modelcontextprotocol/clientInfo': { name: 'c', version: '1' } },
      { 'io.modelcontextprotocol/clientCapabilities': {} },
      { 'io.modelcontextprotocol/anything': 1 },
      { 'Holdfast/reason': 'because' },
    ];
    const params: JsonObject[] = [
      { task: { ttl: 1, to: 'production' } },
      { task: 'production' },
      { inputResponses: {} },
      { requestState: 'x' },
      { options: { force: true } },
    ];
    const prints = [
      ...metas.map((meta) => print({ ...base, _meta: meta })),
      ...params.map((more) => print({ ...base, ...more })),
      print(base, { headers: { 'mcp-param-region': 'eu' } }),
    ];
    assert.equal(new Set([one, ...prints]).size, prints.length + 1);
  });

  test('P1: all rounds of one call have their rounds material in common', () => {
    const rounds = (params: JsonObject) => keys.fingerprints(roundsMaterial(callOf(params)))[0]!;
    const one = rounds(base);
    assert.equal(one, print(base));
    assert.equal(rounds({ ...base, inputResponses: { a: {} }, requestState: 'x' }), one);
    assert.notEqual(rounds({ ...base, options: 1 }), one);
  });

  test('P1: the order of members does not count, the order of a list does', () => {
    const scrambled = (value: Json): Json => {
      if (Array.isArray(value)) return value.map(scrambled);
      if (!isObject(value)) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, inner]) => [name, scrambled(inner)]),
      );
    };
    const value = fc.jsonValue({ maxDepth: 3 }).filter((one) => !JSON.stringify(one).includes('__proto__'));
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ maxLength: 4 }).filter((name) => name !== '__proto__'),
          value,
        ),
        (args) => {
          const given = JSON.parse(JSON.stringify(args)) as JsonObject;
          assert.equal(print({ arguments: scrambled(given) }), print({ arguments: given }));
        },
      ),
      { numRuns: 100 },
    );
    assert.notEqual(print({ arguments: { list: [1, 2] } }), print({ arguments: { list: [2, 1] } }));
  });

  test('P1: a member named __proto__ is a member like any other', () => {
    const args = JSON.parse('{"__proto__":{"role":"admin"}}') as JsonObject;
    assert.notEqual(print({ arguments: args }), print({ arguments: {} }));
    const params = JSON.parse('{"name":"create_api_key","__proto__":{"arguments":{}}}') as JsonObject;
    const call = { ...callOf({}), params };
    assert.notEqual(keys.fingerprints(fingerprintMaterial(call))[0], print({}));
  });

  test('P8: it is keyed: another secret makes another, and a rotation knows both', () => {
    const material = fingerprintMaterial(callOf(base));
    const [fresh, old] = vault([NEW, OLD]).fingerprints(material);
    assert.equal(fresh, keys.fingerprints(material)[0]);
    assert.deepEqual(vault([OLD]).fingerprints(material), [old]);
    assert.notEqual(fresh, old);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fingerprintMaterial } from '../../../src/domain/call/fingerprint.ts';
import { sentOf } from '../../../src/domain/call/sent.ts';
import { unshownMember } from '../../../src/domain/call/transport.ts';
import { isObject, type Json, type JsonObject } from '../../../src/domain/json/json.ts';
import { callOf, frozenBytes, frozenCallIn, frozenCallOf, sendableText } from '../../../src/mcp/hold/frozen-call.ts';
import { gatedHeaderFault } from '../../../src/mcp/protocol/gated-headers.ts';
import type { Upstream } from '../../../src/ports.ts';
import { vault } from '../../../src/vault/vault.ts';

const keys = vault(['k'.repeat(32)]);
const HTTP: Upstream = { kind: 'http', exchange: () => Promise.reject(new Error('unused')), close: async () => {} };
const caller = {
  principal: { grant: 'g', owner: null, selfApproval: false },
  server: 's',
  session: 'one',
};

/** Names that something defines, and names that nothing does. */
const PARAMS = [
  'task',
  'inputResponses',
  'requestState',
  'options',
  'secureArguments',
  'Arguments2',
  '__proto__',
  'ttl',
];
const META = [
  ...['progressToken', 'traceparent', 'tracestate', 'baggage', 'tenant', 'acme.com/tenant', '__proto__'],
  ...['io.modelcontextprotocol/protocolVersion', 'io.modelcontextprotocol/clientInfo', 'io.modelcontextprotocol/x'],
  ...['io.modelcontextprotocol/clientCapabilities', 'io.modelcontextprotocol/logLevel', 'holdfast/reason'],
];
const HEADERS = [
  ...[
    'mcp-session-id',
    'mcp-protocol-version',
    'mcp-method',
    'mcp-name',
    'mcp-param-n',
    'mcp-param-region',
    'mcp-tenant',
  ],
  ...['traceparent', 'tracestate', 'baggage', 'user-agent', 'accept', 'content-type', 'cookie', 'authorization', 'x-a'],
];
/** What the design lets through unshown, by exact name; the shapes are the program's affair. */
const TRANSPORT = new Set([
  ...['params.task', 'meta.progressToken', 'meta.traceparent', 'meta.tracestate'],
  ...['meta.io.modelcontextprotocol/protocolVersion', 'meta.io.modelcontextprotocol/logLevel'],
]);
const TRANSPORT_HEADERS = new Set([
  ...['accept', 'content-type', 'user-agent', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-param-n'],
  ...['traceparent', 'tracestate'],
]);

const shaped = fc.constantFrom<Json>(
  7,
  'token-7',
  `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  'a=b',
  '2026-07-28',
  'debug',
);
const value: fc.Arbitrary<Json> = fc.oneof(
  shaped,
  fc.constant<Json>({ ttl: 5 }),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
  fc.constantFrom<Json>('drop table', { to: 'production' }, ['x'], 'x'.repeat(300)),
);
const members = (names: readonly string[]): fc.Arbitrary<[string, Json][]> =>
  fc.uniqueArray(fc.tuple(fc.constantFrom(...names), value), { selector: ([name]) => name, maxLength: 5 });
const message = fc.record({
  params: members(PARAMS),
  meta: fc.option(members(META), { nil: null }),
  envelope: members(['extra', 'Params2', '__proto__']).map((found) => found.slice(0, 1)),
  hasEnvelope: fc.constantFrom(false, false, false, true),
  headers: fc.dictionary(fc.constantFrom(...HEADERS), fc.constantFrom('a', 'a=b', '2025-11-25', '1')),
  n: fc.constantFrom(1, 2),
});
type Message = typeof message extends fc.Arbitrary<infer T> ? T : never;

const object = (found: readonly (readonly [string, Json])[]): string =>
  found.map(([name, inner]) => `${JSON.stringify(name)}:${JSON.stringify(inner)}`).join(',');

function textOf({ params, meta, envelope, hasEnvelope, n }: Message): string {
  const parts = [
    `"name":"t","arguments":{"n":${n}}`,
    object(params),
    ...(meta === null ? [] : [`"_meta":{${object(meta)}}`]),
  ];
  const inner = parts.filter((part) => part !== '').join(',');
  const more = hasEnvelope && envelope.length > 0 ? `,${object(envelope)}` : '';
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{${inner}}${more}}`;
}

interface Gated {
  readonly forwarded: { readonly message: JsonObject; readonly headers: Readonly<Record<string, string>> };
  readonly shown: ReturnType<typeof sentOf>;
  readonly fingerprint: string;
}

/** What becomes of a message that is gated; null: it is refused. */
function gate(given: Message): Gated | null {
  const text = textOf(given);
  const parsed = JSON.parse(text) as JsonObject;
  if ((unshownMember(parsed) ?? gatedHeaderFault(given.headers, parsed.params as JsonObject)) !== null) return null;
  const request = {
    bytes: new TextEncoder().encode(text),
    idText: '1',
    session: 'one',
    requestHeaders: given.headers,
    upstream: HTTP,
  };
  const call = callOf(caller, parsed.params as JsonObject, given.headers);
  const frozen = frozenCallIn(frozenBytes(frozenCallOf(request)));
  const sent = sendableText(frozen, { idText: '1', progressToken: tokenOf(parsed) }, { keepTask: true });
  return {
    forwarded: { message: JSON.parse(sent) as JsonObject, headers: frozen.headers },
    shown: sentOf(call.params, call.headers),
    fingerprint: keys.fingerprints(fingerprintMaterial(call))[0]!,
  };
}

function tokenOf({ params }: JsonObject): string | null {
  const { _meta } = params as JsonObject;
  const token = isObject(_meta) && Object.hasOwn(_meta, 'progressToken') ? _meta.progressToken : undefined;
  return token === undefined ? null : JSON.stringify(token);
}

const same = (a: Json | undefined, b: Json | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Members of an object that are neither shown with this value nor transport. */
function unshown(place: string, object: Json | undefined, shown: JsonObject, besides: readonly string[]): string[] {
  if (!isObject(object)) return [];
  return Object.entries(object)
    .filter(([name]) => !besides.includes(name))
    .filter(([name, inner]) => !(Object.hasOwn(shown, name) && same(shown[name], inner)))
    .map(([name]) => `${place}.${name}`)
    .filter((path) => !TRANSPORT.has(path));
}

/** What is forwarded, without the transport members that are not shown. */
function essence({ forwarded, shown }: Gated): string {
  const params = forwarded.message.params as JsonObject;
  const kept = (object: Json | undefined, shownHere: JsonObject): [string, Json][] =>
    Object.entries((object ?? {}) as JsonObject)
      .filter(([name]) => Object.hasOwn(shownHere, name))
      .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([params.arguments, kept(params, shown.params), kept(params._meta, shown.meta), shown.headers]);
}

describe('A gated message', () => {
  test('P1, P10: everything that is forwarded is shown, or on the closed list', () => {
    fc.assert(
      fc.property(message, (given) => {
        const gated = gate(given);
        if (gated === null) return;
        const { forwarded, shown } = gated;
        const params = forwarded.message.params as JsonObject;
        assert.deepEqual(Object.keys(forwarded.message).sort(), ['id', 'jsonrpc', 'method', 'params']);
        assert.deepEqual(unshown('params', params, shown.params, ['name', 'arguments', '_meta']), []);
        assert.deepEqual(unshown('meta', params._meta, shown.meta, []), []);
        const headers = Object.keys(forwarded.headers).filter((name) => !Object.hasOwn(shown.headers, name));
        assert.deepEqual(
          headers.filter((name) => !TRANSPORT_HEADERS.has(name)),
          [],
        );
        assert.doesNotMatch(JSON.stringify(forwarded), /holdfast\/reason/);
      }),
      { numRuns: 2_000 },
    );
  });

  test('P1: a change of what is forwarded outside the closed list makes another approval', () => {
    fc.assert(
      fc.property(message, message, fc.boolean(), (one, two, close) => {
        // Two unrelated messages differ nearly always; close ones differ in one part.
        const other = close ? { ...one, params: two.params, n: one.n } : two;
        const [a, b] = [gate(one), gate(other)];
        if (a === null || b === null) return;
        assert.equal(a.fingerprint === b.fingerprint, essence(a) === essence(b));
      }),
      { numRuns: 2_000 },
    );
  });

  test('P1: an envelope member that JSON-RPC does not define is refused', () => {
    fc.assert(
      fc.property(message, (given) => {
        const refused = gate({ ...given, hasEnvelope: true, envelope: [['extra', 1]] });
        assert.equal(refused, null);
      }),
    );
  });
});

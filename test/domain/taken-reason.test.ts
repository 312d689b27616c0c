import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { ALL_EXACT } from '../../src/domain/call/inexact.ts';
import { isObject, type JsonObject } from '../../src/domain/json/json.ts';
import { hasRoomForReason } from '../../src/domain/tool/reason-argument.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { ToolCallRequest } from '../../src/mcp/door/call-door.ts';
import { answersForm } from '../../src/mcp/hold/elicited-reasons.ts';
import { reasonQuestion } from '../../src/mcp/hold/reason-question.ts';
import { type ReasonedCall, takeReason } from '../../src/mcp/hold/take-reason.ts';
import { LARGE_MESSAGE } from '../../src/mcp/json/large.ts';

const POLICY = `version: "1"
default: allow
tools:
  add: { action: require_approval, approval: { justification: { argument: true } } }
`;

function gatewayOf(): Gateway {
  const parsed = parsePolicy(POLICY, { path: 'p.yaml' });
  assert.ok(parsed.ok);
  return {
    rules: { policy: () => parsed.policy },
    clock: { now: () => new Date(0) },
    vault: {
      fingerprints: (material: unknown) => [JSON.stringify(material)],
      seal: (_: string, row: string, bytes: Uint8Array) => Buffer.from(JSON.stringify([row, [...bytes]])),
      open: (_: string, row: string, sealed: Uint8Array) => {
        const [its, bytes] = JSON.parse(Buffer.from(sealed).toString()) as [string, number[]];
        if (its !== row) throw new Error('of another row');
        return Uint8Array.from(bytes);
      },
    },
  } as unknown as Gateway;
}

/** A call of 2026-07-28 whose body is this text. */
function callOf(text: string, headers: Record<string, string> = {}): ToolCallRequest {
  const message = JSON.parse(text) as JsonObject;
  return {
    ...{ principal: { grant: 'bot', owner: null }, server: 's', session: null, requestId: 1, idText: '1' },
    ...{ params: message.params as JsonObject, message, bytes: new TextEncoder().encode(text), inexact: ALL_EXACT },
    ...{ accept: '', headers, requestHeaders: headers, configured: {}, upstream: { kind: 'http' }, modern: true },
    ...{ protocolVersion: '2026-07-28', signal: new AbortController().signal },
  } as unknown as ToolCallRequest;
}

const body = (args: string, more = ''): string =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":${args}${more}}}`;
const textOf = ({ bytes }: ToolCallRequest): string => new TextDecoder().decode(bytes);

async function taken(text: string, headers: Record<string, string> = {}): Promise<ReasonedCall | Response> {
  return takeReason(gatewayOf(), () => 'free', callOf(text, headers));
}

describe('P10: what is sent and what is judged are one call after the reason was taken out', () => {
  const filler = `"f":"${'x'.repeat(LARGE_MESSAGE)}"`;
  const NAMES = ['holdfast_reason', 'holdfast\\u005freason', '\\u0068oldfast_reason'];
  for (const name of NAMES) {
    for (const [where, args] of Object.entries({
      first: `{ "${name}" : "why" , "a":1}`,
      last: `{"a":1 ,\n"${name}":"why"}`,
      only: `{"${name}":"why \\"}, {"}`,
      'below as well': `{"${name}":{"holdfast_reason":"\\\\"},"a":{"holdfast_reason":1,"b":[{"holdfast_reason":2}]}}`,
      large: `{${filler},"${name}":"why","a":1}`,
      'large, before': `{"${name}":"why",${filler}}`,
    })) {
      test(`${name}, ${where}`, async () => {
        const left = await taken(body(args));
        assert.ok(!(left instanceof Response));
        const sent = JSON.parse(textOf(left.request)) as JsonObject;
        assert.deepEqual(sent, left.request.message);
        assert.deepEqual(sent.params, left.request.params);
        const { arguments: sentArgs } = sent.params as JsonObject;
        const { holdfast_reason: _, ...expected } = JSON.parse(args) as JsonObject;
        assert.ok(isObject(sentArgs));
        assert.deepEqual(sentArgs, expected);
      });
    }
  }
});

describe('the reason carries nothing else to the server', () => {
  test('P1: no header that only the reason confirmed', async () => {
    for (const reason of ['"admin"', '{"role":"admin"}']) {
      const left = await taken(body(`{"a":1,"holdfast_reason":${reason}}`), { 'mcp-param-role': 'admin' });
      assert.ok(left instanceof Response, 'the call is refused');
      assert.equal(left.status, 400);
      assert.match(await left.text(), /mcp-param-role is not what the arguments say/);
    }
  });
  test('its own header goes with it, and one that another argument confirms stays', async () => {
    const headers = { 'mcp-param-holdfast-reason': 'why', 'mcp-param-a': '1' };
    const left = await taken(body('{"a":1,"holdfast_reason":"why"}'), headers);
    assert.ok(!(left instanceof Response));
    assert.deepEqual(left.request.headers, { 'mcp-param-a': '1' });
  });
});

test('a form that was asked of a call with an empty reason is answered with that same call', async () => {
  const gateway = gatewayOf();
  const args = '{"a":1,"holdfast_reason":""}';
  const first = await takeReason(gateway, () => 'free', callOf(body(args)));
  assert.ok(!(first instanceof Response));
  assert.equal(first.reason, null);
  const asked = JSON.parse(reasonQuestion(gateway, first.request, { server: 's', tool: 'add', argument: true }));
  const answers = { holdfast_reason: { action: 'accept', content: { reason: 'Because.' } } };
  const more = `,"inputResponses":${JSON.stringify(answers)},"requestState":${JSON.stringify(asked.requestState)}`;
  const again = await takeReason(gateway, () => 'free', callOf(body(args, more)));
  assert.ok(!(again instanceof Response), again instanceof Response ? await again.text() : '');
  assert.equal(again.reason, 'Because.');
  assert.equal(textOf(again.request), textOf(first.request));
});

test('P10: an answer to a form travels in no batch, where it would reach the server', () => {
  const result = { action: 'accept', content: { reason: 'x' } };
  assert.equal(
    answersForm([
      { id: 'a', result },
      { id: 'holdfast.reason.AAAA', result },
    ]),
    true,
  );
  assert.equal(answersForm([{ id: 'a', result }, { id: 'holdfast.reason.AAAA', method: 'ping' }, { id: 1 }]), false);
});

describe('whose argument holdfast_reason is', () => {
  const cases: readonly [boolean, string][] = [
    [true, '{"type":"object"}'],
    [true, '{"type":"object","properties":{"reason":{}},"required":[]}'],
    [false, '{"type":"object","properties":{"holdfast_reason":{}}}'],
    [false, '{"type":"object","properties":{"holdfast\\u005freason":{}}}'],
    [false, '{"type":"object","allOf":[{"required":["holdfast_reason"]}]}'],
    [false, '{"type":"object","patternProperties":{"^holdfast_reason$":{}}}'],
    [false, '{"type":"object","$ref":"#/x"}'],
    [false, '{"type":["object"]}'],
    [false, '{}'],
    [true, `{"type":"object","default":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
    [false, `{"type":"object","default":${'['.repeat(200_000)}"holdfast_reason"${']'.repeat(200_000)}}`],
  ];
  for (const [room, schema] of cases)
    test(schema.slice(0, 70), () => assert.equal(hasRoomForReason(JSON.parse(schema)), room));
});

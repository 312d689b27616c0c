import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import type { Gateway } from '../../../src/gateway/gateway.ts';
import { callDoor } from '../../../src/mcp/calls.ts';
import type { ToolCallRequest } from '../../../src/mcp/door/call-door.ts';
import { policyOf } from '../../support/domain/policy.ts';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A gateway that can only judge: whatever else is asked of it fails the test. */
const gateway = {
  rules: { policy: () => policyOf({ tools: { gated: { action: 'require_approval' } } }) },
} as unknown as Gateway;

function callTo(meta: JsonObject, modern: boolean): ToolCallRequest {
  const params = { name: 'gated', arguments: {}, _meta: meta };
  return {
    server: 'files',
    session: null,
    modern,
    params,
    message: { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
    requestHeaders: { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'gated' },
    idText: '1',
    upstream: { kind: 'stdio' },
  } as unknown as ToolCallRequest;
}

for (const [name, request] of [
  ['without a session', callTo({}, false)],
  ['in the modern era', callTo(META, true)],
] as const) {
  test(`P1: a gated call to a stdio server ${name} is refused, and nobody is asked`, async () => {
    const routing = await callDoor(gateway, () => ({}) as never).call(request);
    assert.equal(routing.kind, 'respond');
    const { response } = routing as { response: Response };
    assert.equal(response.status, 400);
    const { error } = (await response.json()) as { error: { message: string } };
    assert.equal(error.message, 'files works in sessions only, up to 2025-11-25: send initialize first.');
  });
}

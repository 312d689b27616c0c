import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import {
  callOfFrozen,
  frozenBytes,
  frozenCallIn,
  frozenCallOf,
  frozenInPieces,
} from '../../../src/mcp/hold/frozen-call.ts';
import { callOfRequest } from '../../../src/mcp/hold/request.ts';
import type { Upstream } from '../../../src/ports.ts';

const PRINCIPAL = { grant: 'bot', owner: null, selfApproval: false };
const UPSTREAM: Upstream = {
  kind: 'http',
  exchange: () => Promise.reject(new Error('unused')),
  close: async () => undefined,
};
/** Longer than what is read at once. */
const PAD = 'x'.repeat(300 * 1024);

function requestOf(params: string) {
  const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`;
  const read = (JSON.parse(text) as { params: JsonObject }).params;
  const place = { principal: PRINCIPAL, server: 's', session: null, upstream: UPSTREAM, requestHeaders: {} };
  return { ...place, params: read, bytes: new TextEncoder().encode(text), idText: '1' };
}

describe('P1: what is null where nothing is meant is frozen, shown and bound as nothing', () => {
  for (const [what, params, bare] of [
    ['arguments', '{"name":"a","arguments":null}', '{"name":"a"}'],
    ['_meta', '{"name":"a","_meta":null,"arguments":{"b":null}}', '{"name":"a","arguments":{"b":null}}'],
    ['both', '{"_meta":null,"name":"a","arguments":null}', '{"name":"a"}'],
    ['both, in a large call', `{"_meta":null,"name":"a","arguments":null,"x":"${PAD}"}`, `{"name":"a","x":"${PAD}"}`],
    ['an argument, which stays', '{"name":"a","arguments":{"_meta":null}}', '{"name":"a","arguments":{"_meta":null}}'],
  ] as const) {
    test(what, async () => {
      const request = requestOf(params);
      const frozen = frozenCallOf(request);
      assert.deepEqual(JSON.parse(frozen.text), {
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: JSON.parse(bare),
      });
      assert.deepEqual(frozenCallIn(await frozenInPieces(request)), frozenCallIn(frozenBytes(frozen)));
      assert.deepEqual(callOfFrozen(request, frozen), callOfRequest(request), 'what comes in is what is sent');
      assert.deepEqual(callOfRequest(request), callOfRequest(requestOf(bare)), 'and the same call as without them');
    });
  }
});

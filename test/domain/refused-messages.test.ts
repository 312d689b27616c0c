import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { unshownMember } from '../../src/domain/call/transport.ts';
import type { JsonObject } from '../../src/domain/json/json.ts';
import { askedOf } from '../../src/mcp/door/asked.ts';
import { gatedHeaderFault } from '../../src/mcp/protocol/gated-headers.ts';
import { overfullResult } from '../../src/mcp/protocol/overfull-result.ts';
import { notForwarded } from '../../src/mcp/protocol/response.ts';

/** Messages that do not name what they have to name, and what their sender is told. */
const MISNAMED: readonly (readonly [method: string, params: JsonObject, told: RegExp])[] = [
  ['resources/read', { uri: ['a'] }, /^params\.uri must be a string$/],
  ['resources/subscribe', {}, /^params\.uri must be a string$/],
  ['prompts/get', { name: 1 }, /^params\.name must be a string$/],
  ['completion/complete', { ref: { type: 'ref/x' } }, /^params\.ref\.type must be "ref\/prompt" or "ref\/resource"$/],
  ['completion/complete', { ref: { type: 'ref/resource' } }, /^params\.ref\.uri must be a string$/],
  ['completion/complete', { ref: { type: 'ref/prompt' } }, /^params\.ref\.name must be a string$/],
  ['completion/complete', { ref: { type: 'ref/prompt', Name: 'a' } }, /spelt almost like .*\. Write it exactly/],
  ['subscriptions/listen', { notifications: { resourceSubscriptions: 'a' } }, /must be a list of strings$/],
  ['subscriptions/listen', { notifications: { resourceSubscriptions: [1] } }, /must be a list of strings$/],
];

/** What makes a gated call one that is not forwarded, and what its sender is told to do. */
const UNSHOWN: readonly (readonly [change: JsonObject, told: RegExp])[] = [
  [{ extra: 1 }, /"extra" is no member .*\. Leave it out/],
  [{ jsonrpc: '1.0' }, /^the member jsonrpc must be "2\.0"\. Send "jsonrpc":"2\.0"$/],
  [{ params: { task: { ttl: 'x' } } }, /\. Leave out the rest$/],
  [
    { params: { _meta: { progressToken: '' } } },
    /progressToken must be a number, or a text .*\. Send such a token, or/,
  ],
  [{ params: { _meta: { progressToken: ['a'] } } }, /\. Send such a token, or leave it out$/],
  [
    { params: { _meta: { 'holdfast/reason': 1 } } },
    /must be a string\. Say there in words why you call, or leave it out$/,
  ],
  [{ params: { _meta: { 'holdfast/x': 1 } } }, /\. Leave it out$/],
];

describe('What the sender of a message that goes no further is told', () => {
  for (const [method, params, told] of MISNAMED) {
    test(`${method} with ${JSON.stringify(params)}: what it must be`, () => {
      assert.match(askedOf({ id: 1, method, params }, method).misnamed?.fault ?? '', told);
    });
  }

  for (const [change, told] of UNSHOWN) {
    test(`a gated call with ${JSON.stringify(change)}: what to do`, () => {
      assert.match(unshownMember({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: {}, ...change }) ?? '', told);
    });
  }

  test('a gated call whose headers cannot be shown: what to send instead', () => {
    const params = { name: 'a' };
    assert.match(
      gatedHeaderFault({ 'mcp-name': '=?base64?YQ=?=' }, params) ?? '',
      /must be .*\. Send it so, or leave it/,
    );
    assert.match(gatedHeaderFault({ 'mcp-protocol-version': 'x' }, params) ?? '', /must name .*\. Send the one/);
  });

  test('who may not even join is told what is kept, not that the call has 0 bytes', () => {
    const told = (asked: number | null): string =>
      overfullResult({ kind: 'heavy', kept: 70, asked, most: 60 }).content[0].text;
    assert.match(told(null), /^Rate limited: 70 bytes .* 60 may be \(approval\.kept_bytes\), so nobody may join/);
    assert.match(told(5), /this call has 5, and 60 may be kept/);
  });

  test('that nothing was sent', () => {
    assert.equal(
      notForwarded('params.uri must be a string'),
      'Not forwarded: params.uri must be a string. Nothing was sent to the server.',
    );
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JsonObject } from '../../../src/domain/json/json.ts';
import { VerdictNotes } from '../../../src/gateway/call/verdict-notes.ts';
import { readMessageInPieces } from '../../../src/mcp/door/strict-door.ts';
import {
  frozenBytes,
  frozenCallIn,
  frozenCallOf,
  frozenInPieces,
  sendableInPieces,
  sendableText,
} from '../../../src/mcp/hold/frozen-call.ts';
import { rereadInPieces } from '../../../src/mcp/hold/request.ts';
import { LARGE_MESSAGE } from '../../../src/mcp/json/large.ts';
import type { Upstream } from '../../../src/ports.ts';

const HTTP: Upstream = { kind: 'http', exchange: () => Promise.reject(new Error('unused')), close: async () => {} };
const PIECE = 256 * 1024;
const LONG = 'ж"\\\n'.repeat(100_000);

function requestOf(params: JsonObject) {
  const text = JSON.stringify({ jsonrpc: '2.0', id: 'first', method: 'tools/call', params });
  const bytes = new TextEncoder().encode(text);
  assert.ok(bytes.length >= LARGE_MESSAGE);
  return { bytes, params, idText: '"first"', session: null, requestHeaders: { traceparent: 'x' }, upstream: HTTP };
}

const CALLS: Readonly<Record<string, JsonObject>> = {
  'without _meta': { name: 'a', arguments: { LONG } },
  'with a reason first': { _meta: { 'holdfast/reason': 'because', a: 1 }, name: 'a', arguments: { LONG } },
  'with a long reason only': { name: 'a', arguments: {}, _meta: { 'holdfast/reason': LONG } },
  'with a token and a task': { name: 'a', task: { ttl: 5 }, arguments: { LONG }, _meta: { progressToken: 7 } },
  'with answers': { name: 'a', inputResponses: { x: LONG }, requestState: 's', _meta: { progressToken: 'p' } },
};

/** How many turns others got. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let over = false;
  const count = (): void => {
    turns += 1;
    if (!over) setImmediate(count);
  };
  setImmediate(count);
  await work();
  over = true;
  return turns;
}

describe('P1: a large call is frozen and sent as a small one is', () => {
  for (const [what, params] of Object.entries(CALLS)) {
    test(what, async () => {
      const request = requestOf(params);
      const stored = await frozenInPieces(request);
      assert.deepEqual(Buffer.from(stored), Buffer.from(frozenBytes(frozenCallOf(request))));
      const frozen = frozenCallIn(stored);
      for (const sender of [
        { idText: '"first"', progressToken: null },
        { idText: '2', progressToken: '"t"' },
        { idText: '3', progressToken: '7' },
      ]) {
        for (const keepTask of [true, false]) {
          for (const answers of [null, { inputResponses: '{"y":1}', requestState: null }]) {
            const { bytes, headers } = await sendableInPieces(stored, sender, { answers, keepTask });
            const expected = sendableText(frozen, sender, { answers, keepTask });
            assert.ok(new TextDecoder().decode(bytes) === expected, JSON.stringify({ sender, keepTask, answers }));
            assert.deepEqual(headers, frozen.headers);
          }
        }
      }
    });
  }
});

describe('P5: while a large call is worked on, others have their turns', () => {
  const request = requestOf({
    name: 'a',
    arguments: { a: 'x'.repeat(2_000_000) },
    _meta: { 'holdfast/reason': 'because' },
  });
  const pieces = Math.floor(request.bytes.length / PIECE);

  test('when it is read: after each step', async () => {
    const headers = { contentType: 'application/json', contentEncoding: null };
    const turns = await turnsDuring(() => readMessageInPieces(request.bytes, headers));
    assert.ok(turns >= 5, `${turns} turns`);
  });

  test('when it is frozen and when it is sent: after each quarter of a megabyte', async () => {
    const freezing = await turnsDuring(() => frozenInPieces(request));
    assert.ok(freezing >= pieces, `${freezing} turns for ${pieces} pieces`);
    const stored = await frozenInPieces(request);
    const sender = { idText: '2', progressToken: '5' };
    const sending = await turnsDuring(() => sendableInPieces(stored, sender, { keepTask: true }));
    assert.ok(sending >= 2 * pieces, `${sending} turns for ${pieces} pieces, read at least twice`);
  });

  const hiding = { tokens: Array.from({ length: 20_000 }, (_, i) => `${i}-secret`) };
  for (const [what, args, tool, fewest] of [
    ['that hides much, before it is written about', hiding, 'any', 5],
    ['of a tool that the policy names, not at all', hiding, 'known', 0],
    ['that is short, not at all', { token: 'abcdef' }, 'any', 0],
  ] as const) {
    test(`${what}`, async () => {
      const bytes = new TextEncoder().encode(JSON.stringify(args));
      const call = { tool, server: 's', args, params: {}, headers: {} };
      const policy = { exact: new Map([['known', {}]]), globs: [] };
      const parts = [{}, { call, bytes, policy }, { kind: 'allow' }] as unknown;
      const prepared = new VerdictNotes(...(parts as ConstructorParameters<typeof VerdictNotes>)).prepare();
      assert.equal(prepared !== undefined, fewest > 0);
      const turns = await turnsDuring(async () => prepared);
      assert.ok(turns >= fewest, `${turns} turns`);
    });
  }

  test('when it is judged again before it is sent: it is parsed in a step of its own', async () => {
    const frozen = await frozenInPieces(request);
    const principal = { grant: 'g', owner: null, selfApproval: false };
    const held = { principal, server: 's', session: null, frozen } as Parameters<typeof rereadInPieces>[0];
    const turns = await turnsDuring(async () => rereadInPieces(held));
    assert.ok(turns >= 2, `${turns} turns`);
  });
});

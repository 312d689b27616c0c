import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { toolReader } from '../../src/mcp/upstream/read-tool.ts';
import type { ServerEntry } from '../../src/mcp/upstream/server.ts';
import type { Exchange, ExchangeAnswer, ToolRead } from '../../src/ports.ts';

type Reply = 'says' | 'error' | 'blank' | 'hangs' | 'dies';

/** A server that is a command, as its upstream shows it: sessions are begun and ended, and answer as they are told. */
function command() {
  const world = { began: 0, living: new Set<string>(), reply: 'says' as Reply };
  const json = (status: number, body: object, session?: string): ExchangeAnswer => ({
    kind: 'answer',
    status,
    headers: [['content-type', 'application/json'], ...(session ? [['mcp-session-id', session] as const] : [])],
    body: new TextEncoder().encode(JSON.stringify(body)),
  });
  async function exchange({ method, headers, body, signal }: Exchange): Promise<ExchangeAnswer> {
    const session = headers['mcp-session-id'] ?? '';
    if (method === 'DELETE') {
      world.living.delete(session);
      return json(200, {});
    }
    const { id, method: asked } = JSON.parse(new TextDecoder().decode(body!)) as { id: string; method: string };
    if (asked === 'initialize') {
      world.began += 1;
      world.living.add(`s${world.began}`);
      return json(200, { jsonrpc: '2.0', id, result: { protocolVersion: '2025-06-18' } }, `s${world.began}`);
    }
    if (asked !== 'tools/call') return json(202, {});
    if (!world.living.has(session)) return json(404, {});
    switch (world.reply) {
      case 'hangs':
        return new Promise((resolve) =>
          signal?.addEventListener('abort', () => resolve({ kind: 'lost', why: 'the caller went away' })),
        );
      case 'dies':
        return { kind: 'lost', why: 'it died' };
      case 'error':
        return json(200, { jsonrpc: '2.0', id, error: { code: -32602, message: 'no' } });
      default: {
        const content = world.reply === 'blank' ? [] : [{ type: 'text', text: 'so it stands' }];
        return json(200, { jsonrpc: '2.0', id, result: { content } });
      }
    }
  }
  const entry = { name: 'files', headers: {}, upstream: { kind: 'stdio', exchange } } as unknown as ServerEntry;
  const read = toolReader(() => entry);
  return Object.assign(world, {
    preview: (grant = 'bot', ms = 2_000): Promise<ToolRead> =>
      read({ server: 'files', tool: 'look', args: {}, grant, signal: AbortSignal.timeout(ms), mostBytes: 1_024 }),
  });
}

describe('P5: previews of a command take one process of a grant', () => {
  let server: ReturnType<typeof command>;
  beforeEach(() => {
    server = command();
  });

  for (const reply of ['error', 'blank'] as const) {
    test(`also where it answers with ${reply}`, async () => {
      server.reply = reply;
      for (let n = 0; n < 20; n++) assert.equal((await server.preview()).kind, 'silent');
      server.reply = 'says';
      assert.equal((await server.preview()).kind, 'said');
      assert.deepEqual([server.began, server.living.size], [1, 1]);
    });
  }

  test('one that died is begun anew, and the one before is ended', async () => {
    await server.preview();
    server.reply = 'dies';
    await server.preview();
    server.reply = 'says';
    assert.equal((await server.preview()).kind, 'said');
    assert.deepEqual([server.began, server.living.size], [2, 1]);
  });

  test('one whose session ended is begun anew at once', async () => {
    await server.preview();
    server.living.clear();
    assert.equal((await server.preview()).kind, 'said');
    assert.equal(server.began, 2);
  });

  test('one that hangs is ended after three previews, and one that answers late once is kept', async () => {
    server.reply = 'hangs';
    for (let n = 0; n < 2; n++) await server.preview('bot', 30);
    server.reply = 'says';
    assert.equal((await server.preview()).kind, 'said');
    assert.equal(server.began, 1);
    server.reply = 'hangs';
    for (let n = 0; n < 3; n++) await server.preview('bot', 30);
    server.reply = 'says';
    assert.equal((await server.preview()).kind, 'said');
    assert.deepEqual([server.began, server.living.size], [2, 1]);
  });

  test('of more grants than are kept the oldest is ended', async () => {
    for (let n = 0; n < 130; n++) await server.preview(`bot${n}`);
    assert.deepEqual([server.began, server.living.size], [130, 128]);
  });
});

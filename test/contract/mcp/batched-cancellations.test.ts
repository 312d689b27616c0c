import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeMessage } from '../../../src/mcp/door/route-message.ts';
import { readMessage } from '../../../src/mcp/door/strict-door.ts';

/** Routes a batch; returns what was asked about its ids, and which calls were cancelled. */
async function route(messages: readonly object[], parked: readonly string[]) {
  const bytes = new TextEncoder().encode(JSON.stringify(messages));
  const read = readMessage(bytes, { contentType: 'application/json', contentEncoding: null });
  assert.equal(read.kind, 'batch');
  const looks: (readonly string[])[] = [];
  const cancelled: string[] = [];
  const calls = {
    parked: async (_server: string, _session: string, ids: readonly string[]) => {
      looks.push(ids);
      return ids.filter((id) => parked.includes(id));
    },
    cancelled: async (_principal: object, _server: string, _session: string, id: string, reason: string | null) => {
      cancelled.push(`${id} ${reason}`);
      return true;
    },
  };
  const posted = { read, context: { calls }, principal: {}, server: { name: 's' }, session: { digest: 'd' } };
  await routeMessage(posted as never);
  return { looks, cancelled };
}

const cancel = (requestId: unknown, reason?: string) => ({
  jsonrpc: '2.0',
  method: 'notifications/cancelled',
  params: { requestId, ...(reason === undefined ? {} : { reason }) },
});

test('a batch of cancellations costs one look, and then only what is parked', async () => {
  const messages = [
    cancel('mine', 'late'),
    ...Array.from({ length: 98 }, (_, i) => cancel(i)),
    cancel('mine', 'again'),
  ];
  const { looks, cancelled } = await route(messages, ['"mine"', '7']);
  assert.deepEqual([looks.length, looks[0]?.length], [1, 99]);
  assert.deepEqual(cancelled, ['"mine" again', '7 null']);
});

test('a batch without cancellations costs no look', async () => {
  const { looks } = await route([{ jsonrpc: '2.0', method: 'notifications/progress', params: { progress: 1 } }], []);
  assert.equal(looks.length, 0);
});

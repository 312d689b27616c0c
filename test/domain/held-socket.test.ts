import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { HeldSocket } from '../../src/mcp/hold/socket-answer.ts';

/** A response whose reader takes nothing until it is told to. */
function unreadResponse() {
  const waiting: (() => void)[] = [];
  const outgoing = Object.assign(new EventEmitter(), {
    ...{ destroyed: false, closed: false, socket: {}, writableLength: 0 },
    writeHead: () => undefined,
    write: (_data: Uint8Array, written: () => void) => void waiting.push(written),
  });
  const takeAll = (): void => {
    for (const written of waiting.splice(0)) written();
  };
  return { outgoing: outgoing as unknown as ServerResponse, waiting, takeAll };
}

test('P8: many small events wait for their reader, however few bytes they have', async () => {
  const { outgoing, waiting, takeAll } = unreadResponse();
  const held = new HeldSocket(outgoing);
  const event = new TextEncoder().encode('data: {}\n\n');
  let room: Promise<void> | undefined;
  for (let sent = 0; sent < 10_000 && room === undefined; sent += 1) room = held.raw(event);
  assert.ok(waiting.length <= 1_000, `${waiting.length} writes wait`);
  assert.ok(room !== undefined);
  takeAll();
  await room;
  assert.equal(held.raw(event), undefined, 'there is room again');
});

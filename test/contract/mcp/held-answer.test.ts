import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { after, afterEach, before, describe, test } from 'node:test';
import { serve } from '@hono/node-server';
import type { HeldAnswer } from '../../../src/mcp/hold/answer.ts';
import { HeldSocket } from '../../../src/mcp/hold/socket-answer.ts';
import { HeldStream } from '../../../src/mcp/hold/stream-answer.ts';
import { SSE_HEADERS } from '../../../src/mcp/sse/write.ts';
import { eventually } from '../../support/wait.ts';

/** A server that answers every request with a held answer. */
interface Place {
  readonly port: number;
  /** The answers so far, in order. */
  readonly answers: HeldAnswer[];
  close(): Promise<void>;
}

function sockets(): Promise<Place> {
  const answers: HeldAnswer[] = [];
  const server = createServer((_, response) => answers.push(new HeldSocket(response)));
  return listening(server, answers);
}

function streams(): Promise<Place> {
  const answers: HeldAnswer[] = [];
  const fetch = (): Response => {
    const stream = new HeldStream();
    answers.push(stream);
    return new Response(stream.body, { headers: SSE_HEADERS });
  };
  return listening(serve({ fetch, port: 0, hostname: '127.0.0.1' }) as ReturnType<typeof createServer>, answers);
}

async function listening(server: ReturnType<typeof createServer>, answers: HeldAnswer[]): Promise<Place> {
  if (!server.listening) server.listen(0, '127.0.0.1');
  if (!server.listening) await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    answers,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

for (const [name, open] of Object.entries({ 'written to the socket': sockets, 'carried by a web stream': streams })) {
  describe(`A held answer, ${name}`, { concurrency: false }, () => {
    let place: Place;
    const callers: Socket[] = [];
    before(async () => {
      place = await open();
    });
    afterEach(() => {
      for (const caller of callers.splice(0)) caller.destroy();
    });
    after(() => place.close());

    /** A caller, its answer, and what it has read so far. */
    async function held(): Promise<{ answer: HeldAnswer; caller: Socket; read: () => string }> {
      const count = place.answers.length;
      const caller = connect(place.port, '127.0.0.1');
      callers.push(caller);
      caller.on('error', () => undefined);
      let text = '';
      caller.on('data', (bytes) => {
        text += bytes.toString();
      });
      caller.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
      const answer = await eventually('the request came', () => place.answers[count] ?? null);
      return { answer, caller, read: () => text };
    }

    test('P9: everything comes in order, as events, and what was taken is known to be', async () => {
      const { answer, read } = await held();
      answer.prime('e1');
      answer.comment('waits');
      answer.message('{"a":\r\n1}');
      void answer.raw(new TextEncoder().encode('event: message\ndata: "é 🙂"\n\n'));
      assert.equal(await answer.taken(), true);
      answer.close();
      const all = await eventually('it ends', () => (read().endsWith('0\r\n\r\n') ? read() : null));
      assert.match(
        all,
        /^HTTP\/1\.1 200 OK\r\ncontent-type: text\/event-stream\r\ncache-control: no-cache, no-transform\r\n/i,
      );
      const said = all.replaceAll(/\r\n[0-9a-f]+\r\n/g, '');
      assert.ok(said.includes('id: e1\nretry: 1000\ndata: \n\n: waits\n\nevent: message\ndata: {"a": 1}\n\n'), said);
      assert.ok(said.includes('data: "é 🙂"\n\n'), said);
      assert.equal(answer.readerGone.aborted, false);
      answer.message('"after the end"');
      assert.equal(await answer.taken(), false);
    });

    test('P4: a caller that goes is noticed at once, and nothing more is written', async () => {
      const { answer, caller, read } = await held();
      answer.comment('waits');
      await eventually('it hears', () => read().includes('waits') || null);
      caller.destroy();
      await eventually('it is noticed', () => answer.readerGone.aborted || null);
      answer.message('"nobody hears"');
      assert.equal(await answer.taken(), false);
      answer.close();
      answer.abandon();
    });

    test('a call that is given up ends its answer, and its waiter', async () => {
      const { answer, read } = await held();
      answer.comment('waits');
      answer.abandon();
      await eventually('it ends', () => read().endsWith('0\r\n\r\n') || null);
      assert.deepEqual([answer.readerGone.aborted, await answer.taken()], [true, false]);
      answer.message('"never"');
      assert.ok(!read().includes('never'));
    });

    test('a reader that takes nothing holds its server back until it reads again', async () => {
      const { answer, caller, read } = await held();
      answer.comment('waits');
      await eventually('it hears', () => read().includes('waits') || null);
      caller.pause();
      const much = new Uint8Array(256 * 1024).fill(0x2e);
      let room: Promise<void> | undefined;
      for (let n = 0; n < 200 && room === undefined; n += 1) {
        room = answer.raw(much);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(room, 'it is made to wait');
      assert.equal(answer.stalled, true);
      caller.resume();
      await room;
      assert.equal(await answer.taken(), true);
      assert.equal(answer.stalled, false);
      answer.close();
    });

    test('whoever waits for room, or for the reader, is let go when it leaves', async () => {
      const { answer, caller, read } = await held();
      answer.comment('waits');
      await eventually('it hears', () => read().includes('waits') || null);
      caller.pause();
      let room: Promise<void> | undefined;
      for (let n = 0; n < 200 && room === undefined; n += 1) {
        room = answer.raw(new Uint8Array(256 * 1024));
        await new Promise((resolve) => setImmediate(resolve));
      }
      const taken = answer.taken();
      caller.destroy();
      assert.equal(await taken, false);
      await room;
      assert.equal(answer.readerGone.aborted, true);
    });
  });
}

test('P4: a caller that went before its answer was made is gone from the start', async () => {
  let late: ServerResponse | null = null;
  const server = createServer((_, response) => {
    late = response;
  });
  const place = await listening(server, []);
  const caller = connect(place.port, '127.0.0.1');
  caller.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const response = await eventually('the request came', () => late as ServerResponse | null);
  caller.destroy();
  await eventually('its connection is closed', () => response.closed || null);
  const answer = new HeldSocket(response);
  assert.equal(answer.readerGone.aborted, true);
  answer.message('"nobody hears"');
  assert.equal(await answer.taken(), false);
  await place.close();
});

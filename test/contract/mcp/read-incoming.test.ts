import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { readIncoming } from '../../../src/mcp/door/read-incoming.ts';

const MB = 1024 * 1024;

describe('A large body', () => {
  let server: Server;
  let url: string;
  let read: (body: Promise<Uint8Array>) => void;
  before(async () => {
    server = createServer((incoming: IncomingMessage, response) => {
      const body = readIncoming(incoming, Number(incoming.headers['content-length']));
      read(body);
      body.then(
        () => response.end('read'),
        () => undefined,
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  /** Sends some of a body of this length. */
  function send(length: number, part: Buffer) {
    const begun = Promise.withResolvers<void>();
    const given = new Promise<Uint8Array>((resolve, reject) => {
      read = (body) => {
        begun.resolve();
        body.then(resolve, reject);
      };
    });
    const sent = request(url, { method: 'POST', agent: false, headers: { 'content-length': length } });
    sent.on('error', () => undefined).on('response', (answer) => answer.resume());
    sent.write(part);
    if (part.length === length) sent.end();
    return { given, sent, begun: begun.promise };
  }

  it('is read as it was sent, however many pieces it comes in', async () => {
    for (const length of [1, 256 * 1024, 256 * 1024 + 1, 4 * MB]) {
      const part = Buffer.from(Array.from({ length }, (_, at) => (at * 31) % 251));
      assert.ok(Buffer.from(await send(length, part).given).equals(part), `${length} bytes`);
    }
  });

  it('is complete with its last byte, and its connection is used again', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const text of ['first', 'second']) {
      const given = new Promise<Uint8Array>((resolve, reject) => {
        read = (body) => body.then(resolve, reject);
      });
      const sent = request(url, { method: 'POST', agent, headers: { 'content-length': text.length } });
      sent.on('response', (answer) => answer.resume());
      sent.end(text);
      assert.equal(Buffer.from(await given).toString(), text);
      await once(sent, 'close');
    }
    agent.destroy();
  });

  it('is not read when its sender goes before the end', async () => {
    const { given, sent, begun } = send(4 * MB, Buffer.alloc(3 * MB, 0x20));
    await begun;
    sent.destroy();
    await assert.rejects(given);
  });
});

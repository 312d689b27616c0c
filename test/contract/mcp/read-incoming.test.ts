import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
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
    const given = new Promise<Uint8Array>((resolve, reject) => {
      read = (body) => body.then(resolve, reject);
    });
    const sent = request(url, { method: 'POST', agent: false, headers: { 'content-length': length } });
    sent.on('error', () => undefined).on('response', (answer) => answer.resume());
    sent.write(part);
    if (part.length === length) sent.end();
    return { given, sent };
  }

  it('is read as it was sent, however many pieces it comes in', async () => {
    for (const length of [1, 256 * 1024, 256 * 1024 + 1, 4 * MB]) {
      const part = Buffer.from(Array.from({ length }, (_, at) => (at * 31) % 251));
      assert.ok(Buffer.from(await send(length, part).given).equals(part), `${length} bytes`);
    }
  });

  it('is not read when its sender goes before the end', async () => {
    const { given, sent } = send(4 * MB, Buffer.alloc(3 * MB, 0x20));
    setTimeout(() => sent.destroy(), 50);
    await assert.rejects(given);
  });
});

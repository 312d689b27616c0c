import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { Hono } from 'hono';
import { listen } from '../../../src/main/process/listen.ts';
import { canMakeNetworks, type FarNetwork, farNetwork } from '../../support/faults/far-network.ts';
import { eventually } from '../../support/wait.ts';

/** Milliseconds for which nothing may be acknowledged; a minute in real life. */
const DEAD_MS = 2_000;
const BEAT_MS = 200;
const ENCODER = new TextEncoder();

/** Reads a GET and the answer to a POST, as an agent does whose network is about to go. */
const AGENT = `
const [url] = process.argv.slice(1);
for (const method of ['GET', 'POST']) {
  const { body } = await fetch(url + '/' + method + '-far', { method });
  (async () => { for await (const _ of body); })().catch(() => undefined);
}
console.log('listening');
setInterval(() => undefined, 1000);
`;

describe('listeners whose network goes without a word', {
  skip: canMakeNetworks() ? false : 'needs root on Linux',
}, () => {
  let network: FarNetwork;
  let server: Server;
  let url: string;
  /** Streams that are open, by path. */
  const open = new Set<string>();

  before(async () => {
    network = farNetwork();
    const app = new Hono().all('/:who', ({ req }) => {
      let timer: NodeJS.Timeout;
      const stream = new ReadableStream({
        start: (out) => {
          open.add(req.path);
          timer = setInterval(() => out.enqueue(ENCODER.encode(': holdfast\n\n')), BEAT_MS);
        },
        cancel: () => {
          clearInterval(timer);
          open.delete(req.path);
        },
      });
      return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
    });
    ({ server, url } = await listen(app as never, { host: '::', port: 0 }, DEAD_MS));
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    network.close();
  });

  test('a GET that nobody acknowledges ends in time; one that lives and the answer to a POST stay', async () => {
    const port = new URL(url).port;
    const near = await fetch(`http://127.0.0.1:${port}/GET-near`);
    const agent = network.run([process.execPath, '--input-type=module', '-e', AGENT, `http://${network.here}:${port}`]);
    await once(agent.stdout!, 'data', { signal: AbortSignal.timeout(20_000) });
    assert.deepEqual([...open].sort(), ['/GET-far', '/GET-near', '/POST-far']);
    network.lose();
    const lost = performance.now();
    await eventually('the listener is gone', () => (open.has('/GET-far') ? null : true), 30_000);
    const ms = performance.now() - lost;
    assert.ok(ms >= DEAD_MS && ms < 4 * DEAD_MS, `after ${Math.round(ms)} ms`);
    assert.deepEqual([...open].sort(), ['/GET-near', '/POST-far']);
    await near.body!.cancel();
  });
});

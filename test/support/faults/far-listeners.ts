/**
 * In a network namespace of its own: three streams of one listening server, two of them to a network that then loses
 * every packet. Prints which streams are open before, which afterwards, and after how many milliseconds one had gone.
 */
import { once } from 'node:events';
import { Hono } from 'hono';
import { listen } from '../../../src/main/process/listen.ts';
import { eventually } from '../wait.ts';
import { farNetwork } from './far-network.ts';

const BEAT_MS = 200;
const ENCODER = new TextEncoder();

/** Reads a GET and the answer to a POST, as an agent does whose network is about to go. */
const AGENT = `
console.log('there');
const { once } = await import('node:events');
await once(process.stdin, 'data');
const [url] = process.argv.slice(1);
for (const method of ['GET', 'POST']) {
  const { body } = await fetch(url + '/' + method + '-far', { method });
  (async () => { for await (const _ of body); })().catch(() => undefined);
}
console.log('listening');
setInterval(() => undefined, 1000);
`;

const deadMs = Number(process.argv[2]);
/** Streams that are open, by path. */
const open = new Set<string>();
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
// Every address of this namespace, which has no way out.
const { url } = await listen(app as never, { host: '::', port: 0 }, deadMs);
const { port } = new URL(url);
const agent = [process.execPath, '--input-type=module', '-e', AGENT, `http://198.51.100.1:${port}`];
const network = await farNetwork(agent);
try {
  await once(network.program.stdout!, 'data', { signal: AbortSignal.timeout(60_000) });
  const near = await fetch(`http://127.0.0.1:${port}/GET-near`);
  const before = [...open].sort();
  network.lose();
  const lost = performance.now();
  await eventually('the listener is gone', () => (open.has('/GET-far') ? null : true), 60_000);
  const ms = performance.now() - lost;
  console.log(JSON.stringify({ before, after: [...open].sort(), ms }));
  await near.body!.cancel();
} finally {
  network.program.kill('SIGKILL');
}
process.exit();

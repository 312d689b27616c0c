import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Milliseconds between two looks at `/readyz`. */
const LOOK_MS = 150;

/** A load balancer as docs/operations.md wants it: asks `/readyz`, and tries the next when a connection is refused. */
export interface Balancer {
  readonly url: string;
  /** Requests whose connection broke after something was sent. */
  readonly broken: readonly string[];
  /** Adds a gateway, which gets requests while it says that it is ready. */
  add(url: string): void;
  /** Removes a gateway that has ended. */
  drop(url: string): void;
  close(): Promise<void>;
}

interface Target {
  readonly url: string;
  readonly kept: Agent;
  ready: boolean;
}

export async function startBalancer(): Promise<Balancer> {
  const targets: Target[] = [];
  const broken: string[] = [];
  let turn = 0;

  const server = createServer((incoming, outgoing) => {
    bodyOf(incoming).then(
      (body) => pass({ incoming, outgoing, body, left: inTurn() }),
      () => outgoing.destroy(),
    );
  });
  server.requestTimeout = 0;
  // Clients close idle connections: if the server closed one, a request might already be on its way.
  server.keepAliveTimeout = 300_000;

  /** The ready gateways, round robin; after them the others, in case none of those takes the request. */
  function inTurn(): Target[] {
    const ready = targets.filter((one) => one.ready);
    turn += 1;
    return [...ready.map((_, index) => ready[(index + turn) % ready.length]!), ...targets.filter((one) => !one.ready)];
  }

  function pass(one: Passing): void {
    const target = one.left.shift();
    if (target === undefined) return void one.outgoing.writeHead(503).end('nobody listens');
    const { incoming, outgoing, body } = one;
    // The agent's Host header stays: the gateways know the balancer's address as their public one.
    const asked = request(target.url + incoming.url, {
      agent: target.kept,
      method: incoming.method!,
      headers: incoming.headers,
    });
    outgoing.once('close', () => asked.destroy());
    asked.once('response', (answer) => {
      const { connection: _, ...headers } = answer.headers;
      outgoing.writeHead(answer.statusCode!, headers);
      outgoing.flushHeaders();
      answer.pipe(outgoing);
      answer.once('error', () => {
        // A client that hung up by itself has lost nothing.
        if (!outgoing.writableEnded && !outgoing.destroyed) broken.push(`${incoming.method} ${incoming.url} midway`);
        outgoing.destroy();
      });
    });
    asked.once('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.headersSent || outgoing.destroyed) return;
      target.ready = false;
      if (error.code === 'ECONNREFUSED') return pass(one);
      broken.push(`${incoming.method} ${incoming.url}: ${error.message}`);
      outgoing.writeHead(502).end(error.message);
    });
    asked.end(body);
  }

  async function look(target: Target): Promise<void> {
    const ready = await fetch(`${target.url}/readyz`, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
    await ready?.text().catch(() => '');
    target.ready = ready?.status === 200;
  }

  const looking = setInterval(() => void Promise.all(targets.map(look)), LOOK_MS);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    broken,
    add: (url) => void targets.push({ url, kept: new Agent({ keepAlive: true }), ready: true }),
    drop: (url) => {
      const at = targets.findIndex((target) => target.url === url);
      for (const { kept } of at < 0 ? [] : targets.splice(at, 1)) kept.destroy();
    },
    close: async () => {
      clearInterval(looking);
      for (const { kept } of targets) kept.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Passing {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly body: Buffer;
  /** Gateways that were not tried yet. */
  readonly left: Target[];
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

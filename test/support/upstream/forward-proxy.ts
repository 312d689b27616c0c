import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** An HTTP proxy as companies have them: it opens tunnels, and passes on what is not encrypted. */
export interface ForwardProxy extends AsyncDisposable {
  readonly port: number;
  /** What it was asked for: `CONNECT host:port`, or `POST http://host:port/path`. */
  readonly asked: string[];
  /** The `proxy-authorization` of each. */
  readonly credentials: (string | undefined)[];
  /** The status with which it refuses everything; null: it refuses nothing. */
  refuses: number | null;
}

/** Every name leads to this machine, so a request that goes round the proxy fails. `user`: `name:password`. */
export async function forwardProxy(user: string | null = null): Promise<ForwardProxy> {
  const asked: string[] = [];
  const credentials: (string | undefined)[] = [];
  const tunnels = new Set<Duplex>();
  const wanted = user === null ? null : `Basic ${Buffer.from(user).toString('base64')}`;
  const proxy = { refuses: null as number | null };
  const refusal = (given: string | undefined): number | null =>
    proxy.refuses ?? (wanted !== null && given !== wanted ? 407 : null);
  const server = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    credentials.push(incoming.headers['proxy-authorization']);
    const refused = refusal(incoming.headers['proxy-authorization']);
    if (refused !== null) return void response.writeHead(refused).end('the proxy refuses');
    const { port, pathname, search } = new URL(incoming.url!);
    const { 'proxy-authorization': _, 'proxy-connection': __, ...headers } = incoming.headers;
    const onward = request(
      { host: '127.0.0.1', port, method: incoming.method, path: pathname + search, headers },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    onward.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on('connect', (incoming, near: Duplex) => {
    asked.push(`CONNECT ${incoming.url}`);
    credentials.push(incoming.headers['proxy-authorization']);
    near.on('error', () => undefined);
    tunnels.add(near);
    const refused = refusal(incoming.headers['proxy-authorization']);
    if (refused !== null) return void near.end(`HTTP/1.1 ${refused} Refused\r\nproxy-authenticate: Basic\r\n\r\n`);
    const far = connect(Number(incoming.url!.split(':').at(-1)), '127.0.0.1', () => {
      near.write('HTTP/1.1 200 Connection established\r\n\r\n');
      far.pipe(near);
      near.pipe(far);
    });
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(proxy, {
    port: (server.address() as { port: number }).port,
    asked,
    credentials,
    [Symbol.asyncDispose]: async () => {
      for (const tunnel of tunnels) tunnel.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

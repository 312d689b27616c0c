import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

/** The suites cannot send a credential: this adds it on the way to the gateway, and changes nothing else. */
export async function startFront(gateway: string, token: string): Promise<Front> {
  const target = new URL(gateway);
  let own = '';
  const ours = (value: string): string =>
    value.replace(own, target.host).replace(own.replace('127.0.0.1', 'localhost'), target.host);
  const server = createServer((incoming, outgoing) => {
    const { host = '', origin } = incoming.headers;
    // A foreign Host or Origin stays as it is: the gateway has to refuse it.
    const headers = {
      ...incoming.headers,
      authorization: `Bearer ${token}`,
      host: ours(host),
      ...(origin === undefined ? {} : { origin: ours(origin) }),
    };
    const { method } = incoming;
    const inner = httpRequest(target, { method, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.once('error', () => outgoing.destroy());
    });
    inner.once('error', () => outgoing.destroy());
    outgoing.once('close', () => inner.destroy());
    incoming.pipe(inner);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  own = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${own}/mcp`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

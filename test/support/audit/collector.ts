import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server that records what it receives and answers as told. */
export interface Collector {
  readonly url: string;
  readonly received: Received[];
  /** How it answers from now on. */
  answer: (received: Received) => { status: number; body?: string; headers?: Record<string, string> };
  close(): Promise<void>;
}

export async function collector(): Promise<Collector> {
  const received: Received[] = [];
  const self: { answer: Collector['answer'] } = { answer: () => ({ status: 200 }) };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
    received.push(one);
    const { status, body = '', headers = {} } = self.answer(one);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(self, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** Whether a delivery was signed with this secret, checked as its receiver would. */
export function signedWith(secret: string, { headers, body }: Received): boolean {
  const said = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['holdfast-signature']));
  if (said === null) return false;
  return createHmac('sha256', secret).update(`${said[1]}.${body}`).digest('hex') === said[2];
}

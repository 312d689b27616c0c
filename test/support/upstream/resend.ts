import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The part of Resend's REST API that manages API keys. */
export interface ResendStandIn {
  readonly url: string;
  /** Keys made by POST /api-keys. */
  readonly keys: readonly { readonly id: string; readonly name: string; readonly token: string }[];
  /** Method and path of every request. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

export async function resendStandIn(apiKey: string): Promise<ResendStandIn> {
  const keys: { id: string; name: string; token: string }[] = [];
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (status: number, body: object): void =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.headers.authorization !== `Bearer ${apiKey}`) {
      return answer(401, { statusCode: 401, name: 'validation_error', message: 'API key is invalid' });
    }
    if (request.method === 'POST' && request.url === '/api-keys') {
      const { name } = JSON.parse(Buffer.concat(chunks).toString()) as { name: string };
      const key = { id: `key-${keys.length + 1}`, name, token: `re_MARKER_${keys.length + 1}` };
      keys.push(key);
      return answer(201, { id: key.id, token: key.token });
    }
    const data = keys.map(({ id, name }) => ({ id, name, created_at: '2026-01-01T00:00:00Z' }));
    answer(200, { object: 'list', has_more: false, data });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    keys,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

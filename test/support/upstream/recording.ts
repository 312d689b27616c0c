import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Settles when the connection of this request has closed. */
  readonly closed: Promise<void>;
}

export type Script = (request: Recorded, response: ServerResponse) => void | Promise<void>;

export interface RecordingUpstream extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly requests: Recorded[];
  /** How it answers from now on. */
  script: Script;
}

/** A bare HTTP server that records every request's bytes and answers as scripted. */
export async function recordingUpstream(): Promise<RecordingUpstream> {
  const requests: Recorded[] = [];
  const server = createServer(async (incoming, response) => {
    const request = await record(incoming, response);
    requests.push(request);
    await upstream.script(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const upstream: RecordingUpstream = {
    url: `http://127.0.0.1:${port}/mcp?tenant=1`,
    port,
    requests,
    script: (_, response) => void response.writeHead(500).end(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return upstream;
}

async function record(incoming: IncomingMessage, response: ServerResponse): Promise<Recorded> {
  const closed = new Promise<void>((resolve) => response.once('close', resolve));
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const { method = '', url = '', headers } = incoming;
  return { method, path: url, headers, body: Buffer.concat(chunks), closed };
}

import { request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';

export interface WireRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** A single piece is sent with its length, a list is sent chunked. */
  readonly body?: string | Uint8Array | readonly (string | Uint8Array)[];
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** One bare HTTP exchange on a connection of its own; nothing is added or interpreted. */
export async function wire(request: WireRequest): Promise<WireAnswer> {
  const { incoming } = await open(request);
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text: Buffer.concat(chunks).toString() };
}

/** The same, up to the answer's headers; `hangUp` closes the connection. */
export function open(request: WireRequest): Promise<{ incoming: IncomingMessage; hangUp: () => void }> {
  const { url, method = 'POST', headers = {}, body = [] } = request;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, headers, agent: false });
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => resolve({ incoming, hangUp: () => outgoing.destroy() }));
    if (!Array.isArray(body)) return void outgoing.end(body as string | Uint8Array);
    for (const piece of body) outgoing.write(piece);
    outgoing.end();
  });
}

/** Reads from a stream until the text so far satisfies `enough`. */
export async function readUntil(incoming: IncomingMessage, enough: (text: string) => boolean): Promise<string> {
  let text = '';
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString();
    if (enough(text)) return text;
  }
  return text;
}

import { type Sending, type SendResult, sendHeld } from './send.ts';
import type { ServerEntry } from './server.ts';

/** A request of the gateway's own to a server. */
export interface ServerRequest {
  readonly server: ServerEntry;
  readonly grant: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  /** JSON text of `params`. */
  readonly params: string;
  readonly signal?: AbortSignal;
  /** Events that come before the answer. */
  readonly meanwhile?: Sending['meanwhile'];
}

/** Asks, and reads the answer whichever way it comes. The id is one that no agent would choose. */
export function requestServer({
  server,
  grant,
  headers,
  method,
  params,
  signal,
  meanwhile,
}: ServerRequest): Promise<SendResult> {
  const idText = JSON.stringify(`holdfast-${crypto.randomUUID()}`);
  const text = `{"jsonrpc":"2.0","id":${idText},"method":${JSON.stringify(method)},"params":${params}}`;
  return sendHeld({
    upstream: server.upstream,
    grant,
    headers: {
      ...headers,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(headers['mcp-method'] === undefined ? {} : { 'mcp-method': method }),
    },
    bytes: new TextEncoder().encode(text),
    idText,
    meanwhile: meanwhile ?? (() => undefined),
    ...(signal === undefined ? {} : { signal }),
  });
}

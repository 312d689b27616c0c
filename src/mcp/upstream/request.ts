import { attempt } from './attempt.ts';
import type { OutgoingRequest, SendResult } from './outgoing.ts';
import type { ServerEntry } from './server.ts';

/** A request that the gateway itself makes to a server. */
export interface ServerRequest {
  readonly server: ServerEntry;
  readonly grant: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  /** JSON text of `params`. */
  readonly params: string;
  readonly signal?: AbortSignal;
  /** Called for each event that comes before the answer. */
  readonly onEvent?: OutgoingRequest['onEvent'];
}

/** Sends the request once and reads its answer, whether JSON or a stream. No agent would choose the request's id. */
export function requestServer({
  server,
  grant,
  headers,
  method,
  params,
  signal,
  onEvent,
}: ServerRequest): Promise<SendResult> {
  const idText = JSON.stringify(`holdfast-${crypto.randomUUID()}`);
  const text = `{"jsonrpc":"2.0","id":${idText},"method":${JSON.stringify(method)},"params":${params}}`;
  return attempt({
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
    onEvent: onEvent ?? (() => undefined),
    ...(signal === undefined ? {} : { signal }),
  });
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from 'hono';
import type { RequestOrigin } from '../../domain/source.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { type AgentRequest, IncomingRequest } from './incoming-request.ts';

/** A request as it came to the door, by whatever HTTP server. */
export interface Arrived {
  readonly request: AgentRequest;
  /** The server that its path names. */
  readonly name: string;
  readonly headers: HeaderRecord;
  /** node:http's response; null: this runtime has none. */
  readonly outgoing: ServerResponse | null;
  readonly origin: RequestOrigin;
}

/** As Hono hands it over. */
export function arrivedOf(c: Context): Arrived {
  const { outgoing = null } = (c.env ?? {}) as { readonly outgoing?: ServerResponse };
  return { request: c.req.raw, name: c.req.param('server') ?? '', headers: headersOf(c), outgoing, origin: c };
}

/** As node:http hands it over. */
export function arrivedOnNode(name: string, incoming: IncomingMessage, outgoing: ServerResponse): Arrived {
  const headers = incoming.headers as HeaderRecord;
  const origin = { env: { incoming, outgoing }, req: { header: (name: string) => headers[name] } };
  return { request: new IncomingRequest(incoming, outgoing), name, headers, outgoing, origin };
}

/** On Node the parsed headers are used as they are; building a `Headers` would cost as much as the rest of the door. */
export function headersOf(c: Context): HeaderRecord {
  const env = c.env as { incoming?: { headers?: HeaderRecord } } | undefined;
  return env?.incoming?.headers ?? Object.fromEntries(c.req.raw.headers);
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isOurHost } from '../../domain/addresses.ts';
import { rpcError } from '../protocol/response.ts';
import { arrivedOnNode } from './arrived.ts';
import { handlePost } from './post.ts';
import { type AdmissionDeps, receive } from './receive.ts';
import type { DoorContext } from './visit.ts';

/**
 * Takes a request of node:http where it is an agent's plain POST, which nearly all requests are; null: it is anything else,
 * and has not been touched. Its answer may have been written to `outgoing` already (`alreadySent`); never rejects.
 */
export type DirectDoor = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<Response> | null;

/** Nothing that has to be decoded, normalised or cut off. */
const PLAIN_PATH = /^\/mcp\/([\w-]{1,64})$/;
const PLAIN_LENGTH = /^\d{1,15}$/;

/**
 * The same door for such a POST, without a `Request`, a router and their parts, which cost more than all that is asked of a
 * plain call. It is judged, read and answered by the same functions.
 */
export function directDoor(deps: AdmissionDeps, context: DoorContext): DirectDoor {
  return (incoming, outgoing) => {
    if (incoming.method !== 'POST') return null;
    const name = PLAIN_PATH.exec(incoming.url ?? '')?.[1];
    const { host, 'content-length': length = '' } = incoming.headers;
    // Where a host is no plain name of ours, or the body's length is not told, the other way says what is wrong.
    if (name === undefined || !isOurHost(context, host) || !PLAIN_LENGTH.test(length)) return null;
    return receive(deps, context, arrivedOnNode(name, incoming, outgoing), handlePost).catch((error: unknown) => {
      deps.log.error({ error: String(error) }, 'a request failed at the door');
      return rpcError(500, 500, 'The gateway failed on this request. Its operator finds the reason in its log.');
    });
  };
}

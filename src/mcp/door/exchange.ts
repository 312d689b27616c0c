import type { ExchangeAnswer } from '../../ports.ts';
import type { PostedRequest } from './posted.ts';

/** Sends a POST on to its server. `bytes` replace the body as it came. */
export function sendToServer(
  { server, principal, upstreamHeaders, claimedRevision, read, request, ending }: PostedRequest,
  bytes: Uint8Array = read.bytes,
): Promise<ExchangeAnswer> {
  // A legacy client that closes its connection has not cancelled; a modern one has.
  const onLeave = claimedRevision === null ? ({ whenAbandoned: 'drain' } as const) : { signal: request.signal };
  const message = {
    method: 'POST',
    headers: upstreamHeaders,
    body: bytes,
    grant: principal.grant,
    until: ending,
  } as const;
  return server.upstream.exchange({ ...message, ...onLeave });
}

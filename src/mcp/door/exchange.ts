import type { ExchangeAnswer } from '../../ports.ts';
import type { Forward } from './forward.ts';
import type { PostedRequest } from './posted.ts';

/** Sends a POST on to its server. `bytes` and `headers` replace the body and the headers as they came. */
export function sendToServer(
  { server, principal, upstreamHeaders, claimedRevision, read, request, ending }: PostedRequest,
  { bytes = read.bytes, headers = upstreamHeaders }: Pick<Forward, 'bytes' | 'headers'> = {},
): Promise<ExchangeAnswer> {
  // A legacy client that closes its connection has not cancelled; a modern one has.
  const onLeave = claimedRevision === null ? ({ whenAbandoned: 'drain' } as const) : { signal: request.signal };
  const message = {
    method: 'POST',
    headers,
    body: bytes,
    grant: principal.grant,
    until: ending,
  } as const;
  return server.upstream.exchange({ ...message, ...onLeave });
}

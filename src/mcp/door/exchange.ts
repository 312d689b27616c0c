import type { ExchangeAnswer } from '../../ports.ts';
import type { PostedRequest } from './posted.ts';

/** Sends what was posted to its server. `bytes`: in place of the bytes that came. */
export function exchange(
  { server, principal, crossing, claim, read, request }: PostedRequest,
  bytes: Uint8Array = read.bytes,
): Promise<ExchangeAnswer> {
  // In the legacy era a closed connection is no wish; a modern client that closes its stream has cancelled.
  const leaving = claim === null ? ({ whenAbandoned: 'drain' } as const) : { signal: request.signal };
  const message = { method: 'POST', headers: crossing, body: bytes, grant: principal.grant } as const;
  return server.upstream.exchange({ ...message, ...leaving });
}

import type { RequestOrigin } from '../../domain/source.ts';

/** The address at the other end of the request's socket, which may be a proxy's; null where the runtime does not tell. */
export function remoteAddress({ env: given }: RequestOrigin): string | null {
  const env = given as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress ?? null;
}

/** Tells where a request came from, trusted proxies seen through; null: nobody knows. */
export type AddressOf = (origin: RequestOrigin) => string | null;

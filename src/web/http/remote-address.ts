import type { Context } from 'hono';

/** The address at the other end of the request's socket, which may be a proxy's; null where the runtime does not tell. */
export function remoteAddress(c: Context): string | null {
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress ?? null;
}

/** Tells where a request came from, trusted proxies seen through; null: nobody knows. */
export type AddressOf = (c: Context) => string | null;

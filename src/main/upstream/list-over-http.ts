import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ServerConfig } from '../../config/config.ts';
import { type Listing, listToolsOver } from './list-tools.ts';

/**
 * Asks a server for its tools over streamable HTTP, on any runtime. Redirects are not followed, as for calls: nobody
 * but the address in the config is shown its credentials.
 */
export function listOverHttp(
  { url, headers }: Extract<ServerConfig['upstream'], { kind: 'http' }>,
  timeoutMs: number,
): Promise<Listing> {
  const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers }, fetch: stayingThere });
  // The SDK's class says `sessionId: string | undefined` where its interface says `sessionId?: string`.
  return listToolsOver(transport as Transport, timeoutMs);
}

/** workerd knows no `redirect: 'error'`. */
async function stayingThere(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, redirect: 'manual' });
  if (response.status < 300 || response.status > 399) return response;
  await response.body?.cancel();
  throw new Error(`it answered ${response.status}, a redirect, which is not followed`);
}

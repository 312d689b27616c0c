import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { ServerConfig } from '../../config/config.ts';
import { listToolsOver, type ToolListing } from './list-tools.ts';

/**
 * Asks a server for its tools over streamable HTTP, on any runtime. As with calls, redirects are not followed: only the
 * configured address may see the credentials.
 */
export function listOverHttp(
  { url, headers }: Extract<ServerConfig['upstream'], { kind: 'http' }>,
  timeoutMs: number,
): Promise<ToolListing> {
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers },
    fetch: fetchWithoutRedirects,
  });
  // The SDK's class declares `sessionId: string | undefined` where its interface has `sessionId?: string`.
  return listToolsOver(transport as Transport, timeoutMs);
}

/** workerd does not support `redirect: 'error'`. */
async function fetchWithoutRedirects(url: string | URL, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, redirect: 'manual' });
  if (response.status < 300 || response.status > 399) return response;
  await response.body?.cancel();
  throw new Error(`it answered ${response.status}, a redirect, which is not followed`);
}

import type { Json } from '../domain/json.ts';

/** The JSON-RPC code that SDKs take for a session that is over (facts/mcp.md, legacy era). */
export const SESSION_NOT_FOUND = -32001;
/** A header that says something else than the body (2026-07-28). */
export const HEADER_MISMATCH = -32020;

const JSON_HEADERS = { 'content-type': 'application/json' };

/** A JSON-RPC result, 200. `idText` is the request's id as JSON text, so that it goes back exactly as it came. */
export function rpcResult(idText: string, result: Json): Response {
  return new Response(`{"jsonrpc":"2.0","id":${idText},"result":${JSON.stringify(result)}}`, {
    status: 200,
    headers: JSON_HEADERS,
  });
}

/** A JSON-RPC error as an HTTP error. The gateway's own codes are the HTTP status, outside what JSON-RPC reserves. */
export function rpcError(
  status: number,
  code: number,
  message: string,
  idText = 'null',
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify({ code, message })}}`, {
    status,
    headers: { ...JSON_HEADERS, ...headers },
  });
}

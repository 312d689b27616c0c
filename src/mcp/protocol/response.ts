/** The JSON-RPC code that SDKs take for a session that is over (facts/mcp.md, legacy era). */
export const SESSION_NOT_FOUND = -32001;
/** A header that says something else than the body (2026-07-28). */
export const HEADER_MISMATCH = -32020;

const JSON_HEADERS = { 'content-type': 'application/json' };

/** A JSON-RPC result, given as JSON text; 200. `idText` is the request's id as JSON text, so that it goes back exactly as it came. */
export function rpcText(idText: string, result: string): Response {
  return new Response(`{"jsonrpc":"2.0","id":${idText},"result":${result}}`, { status: 200, headers: JSON_HEADERS });
}

/** A JSON-RPC error as an HTTP error. The gateway's own codes are the HTTP status, outside what JSON-RPC reserves. */
export function rpcError(
  status: number,
  code: number,
  message: string,
  idText = 'null',
  headers: Readonly<Record<string, string>> = {},
  /** JSON text of `error.data`. */
  data: string | null = null,
): Response {
  const error = `{"code":${code},"message":${JSON.stringify(message)}${data === null ? '' : `,"data":${data}`}}`;
  return new Response(`{"jsonrpc":"2.0","id":${idText},"error":${error}}`, {
    status,
    headers: { ...JSON_HEADERS, ...headers },
  });
}

export const PARSE_ERROR = -32700;

export const INVALID_REQUEST = -32600;

export const INVALID_PARAMS = -32602;

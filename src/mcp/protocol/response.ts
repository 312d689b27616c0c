/** JSON-RPC 2.0, 5.1: the body is not valid JSON. */
export const PARSE_ERROR = -32700;
/** JSON-RPC 2.0, 5.1: the body is not a valid request. */
export const INVALID_REQUEST = -32600;
/** JSON-RPC 2.0, 5.1: the method's parameters are not valid. */
export const INVALID_PARAMS = -32602;
/** The code that SDKs understand as a session that has ended (revisions with sessions, up to 2025-11-25). */
export const SESSION_NOT_FOUND = -32001;
/** A header contradicts the body (2026-07-28). */
export const HEADER_MISMATCH = -32020;

/** Why a request is refused that brings the state of a gated call. */
export const CLAIMED_STATE =
  'This requestState was given to a call that needed approval. Send it with that very call only, and repeat this request without it: then the server asks anew.';

const JSON_HEADERS = { 'content-type': 'application/json' };
/** No cache keeps such an answer, and no browser takes it for a page. */
export const GUARDED_HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/**
 * A JSON-RPC result with HTTP 200. `result` is JSON text; `idText` is the request's id as JSON text, so that it goes
 * back exactly as it came.
 */
export function rpcResult(idText: string, result: string): Response {
  return new Response(`{"jsonrpc":"2.0","id":${idText},"result":${result}}`, { status: 200, headers: JSON_HEADERS });
}

/**
 * A JSON-RPC error with an HTTP status. The gateway's own codes equal that status, outside JSON-RPC's reserved range.
 */
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
  const response = new Response(`{"jsonrpc":"2.0","id":${idText},"error":${error}}`, {
    status,
    headers: { ...JSON_HEADERS, ...GUARDED_HEADERS, ...headers },
  });
  if (status >= 400)
    REFUSALS.set(response, {
      isKnown: idText !== 'null',
      withId: (id) => rpcError(status, code, message, id, headers, data),
    });
  return response;
}

interface Refusal {
  /** The id of the request is. */
  readonly isKnown: boolean;
  readonly withId: (idText: string) => Response;
}

const REFUSALS = new WeakMap<Response, Refusal>();

/** The refusal with the request's id, where it was made without one; any other answer as it is. */
export function refusalWithId(answer: Response, idText: string): Response {
  const refusal = REFUSALS.get(answer);
  return refusal === undefined || refusal.isKnown ? answer : refusal.withId(idText);
}

/** Whether the answer is a refusal of the gateway's own to a request whose id is not known. */
export function isRefusalWithoutId(answer: Response): boolean {
  return REFUSALS.get(answer)?.isKnown === false;
}

/** Whether the answer is a refusal of the gateway's own to a request whose id is known. */
export function isRefusalOf(answer: Response): boolean {
  return REFUSALS.get(answer)?.isKnown === true;
}

/** What an agent is told about a message that stops at the gateway. `why`: without the full stop at its end. */
export function notForwarded(why: string): string {
  return `Not forwarded: ${why}. Nothing was sent to the server.`;
}

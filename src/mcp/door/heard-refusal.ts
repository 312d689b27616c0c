import type { HeaderRecord } from '../protocol/header-policy.ts';
import { isRefusalOf, isRefusalWithoutId } from '../protocol/response.ts';

/** How version 1 of the Python SDK names itself: by its HTTP library. */
const PYTHON = /^python-httpx\//;

/**
 * A refusal of the gateway's own as this client can hear it. Version 1 of the Python SDK reads the body of no answer
 * beyond 2xx but 404, and then waits for ever, so it gets the same JSON-RPC error with HTTP 200. Where the request's id is
 * not known, it would not find the request in it: it gets HTTP 404, by which it ends the one that it sent. Any other client
 * gets the status.
 */
export function heardRefusal(headers: HeaderRecord, answer: Response): Response {
  if (answer.status === 404 || !PYTHON.test(headers['user-agent'] ?? '')) return answer;
  if (isRefusalWithoutId(answer)) return new Response(answer.body, { status: 404, headers: answer.headers });
  if (!isRefusalOf(answer)) return answer;
  return new Response(answer.body, { status: 200, headers: answer.headers });
}

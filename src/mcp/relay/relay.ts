import type { ExchangeAnswer } from '../../ports.ts';
import { headersForAgent } from '../protocol/header-policy.ts';
import { rpcError } from '../protocol/response.ts';
import { type NodeResponse, writeWhole } from './node-response.ts';

/** Statuses that have no body (Fetch standard, null body status). */
const BODILESS = new Set([204, 205, 304]);

/**
 * An upstream's answer as the agent gets it: status, bytes and streams untouched. Not passed on are redirects, and 401
 * and 403, which are about the gateway's credential and not about the agent's: 502, as for an upstream that does not
 * answer. `idText` is the id of the request that is answered, as JSON text. With an `outlet`, what is whole is written to
 * it at once.
 */
export function relay(
  answer: ExchangeAnswer,
  server: string,
  idText: string | null,
  outlet: NodeResponse | null = null,
): Response {
  const fail = (message: string): Response => rpcError(502, 502, message, idText ?? 'null');
  switch (answer.kind) {
    case 'answer':
      break;
    case 'not_sent':
      return fail(
        `${server} cannot be reached (${answer.why}); nothing was sent to it. It is safe to try again later.`,
      );
    case 'lost':
      return fail(
        `The connection to ${server} broke before its answer was complete (${answer.why}). What was sent may have ` +
          'taken effect: check before you repeat it.',
      );
    default:
      return answer satisfies never;
  }
  const { status } = answer;
  if (status === 401 || status === 403) {
    abandon(answer);
    return fail(`${server} refused the gateway's own credential (${status}). Its operator has to look at it.`);
  }
  if (status < 200 || (status >= 300 && status < 400) || status > 599) {
    abandon(answer);
    return fail(`${server} answered ${status}, which is not passed on. Its operator has to correct its address.`);
  }
  const body = BODILESS.has(status) ? null : answer.body;
  const headers = headersForAgent(answer.headers);
  if (outlet !== null && body instanceof Uint8Array) return writeWhole(outlet, status, headers, body);
  return new Response(body as BodyInit | null, { status, headers });
}

/** Lets go of an answer that is not passed on. */
export function abandon(answer: ExchangeAnswer): void {
  if (answer.kind === 'answer' && answer.body instanceof ReadableStream) answer.body.cancel().catch(() => {});
}

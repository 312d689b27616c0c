import type { ExchangeAnswer } from '../../ports.ts';

/** Why an exchange never reached a child. */
export type StdioRefusal =
  | { readonly why: 'no_session' }
  | { readonly why: 'unknown_session' }
  | { readonly why: 'already_initialized' }
  | { readonly why: 'not_json' }
  | { readonly why: 'not_a_message' }
  | { readonly why: 'no_events_accepted' }
  | { readonly why: 'unsupported_version'; readonly supported: readonly string[] }
  | { readonly why: 'too_many_children'; readonly most: number; readonly idleMs: number };

/** The refusal as a streamable HTTP server of the legacy era would answer it, with the codes that the SDKs use. */
export function refusalAnswer(refusal: StdioRefusal): ExchangeAnswer {
  switch (refusal.why) {
    case 'no_session':
      return answer(400, -32000, 'Bad Request: No valid session ID provided');
    case 'unknown_session':
      return answer(404, -32001, 'Session not found');
    case 'already_initialized':
      return answer(400, -32600, 'Invalid Request: Server already initialized');
    case 'not_json':
      return answer(400, -32700, 'Parse error: the body is not JSON');
    case 'not_a_message':
      return answer(400, -32600, 'Invalid Request: not a JSON-RPC message, or initialize in a batch');
    case 'no_events_accepted':
      return answer(406, -32000, 'Not Acceptable: Client must accept text/event-stream');
    case 'unsupported_version':
      return answer(
        400,
        -32000,
        `Bad Request: Unsupported protocol version (supported: ${refusal.supported.join(', ')})`,
      );
    case 'too_many_children':
      return answer(
        429,
        -32000,
        `Too many sessions: this grant has ${refusal.most} with this server, the most it may have. ` +
          `End one with DELETE, or wait: a session is ended after ${minutes(refusal.idleMs)} without traffic.`,
      );
    default:
      return refusal satisfies never;
  }
}

function minutes(ms: number): string {
  return ms >= 60_000 ? `${Math.round(ms / 60_000)} minutes` : `${Math.ceil(ms / 1000)} seconds`;
}

function answer(status: number, code: number, message: string): ExchangeAnswer {
  return {
    kind: 'answer',
    status,
    headers: [['content-type', 'application/json']],
    refusedHere: `${message} (${status})`,
    body: new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null })),
  };
}

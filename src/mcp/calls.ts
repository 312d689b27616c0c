import { isObject, type Json, member } from '../domain/json.ts';
import type { Seat } from '../gateway/ask.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { type Handled, handleCall } from '../gateway/handle-call.ts';
import { withdraw } from '../gateway/withdraw.ts';
import { rpcResult } from './answer.ts';
import type { CallDoor, CallRouting, ToolCallRequest } from './call-door.ts';
import { HeldJson } from './held-json.ts';
import { HeldStream } from './held-stream.ts';
import { callOf, Hold, heldRequest } from './hold.ts';
import { KeepAlive } from './keep-alive.ts';
import { crowded, denied, inexact, limited, type ToolResult, unavailable } from './words.ts';

/** How long an answer may be kept open, in ms. */
export interface HoldTerms {
  /** For a client that gave a progress token, and so sees signs of life. */
  readonly progressMs: number;
  readonly defaultMs: number;
}

/** What happens to tool calls: verdicts, holds, cancellations. */
export interface Calls extends CallDoor {
  /** Resolves when every hold has answered; the waiting room must have been stopped. */
  drained(): Promise<void>;
}

const STREAM_HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' };

/** `beatMs`: between two signs of life on a held answer. */
export function callDoor(gateway: Gateway, terms: () => HoldTerms, beatMs?: number): Calls {
  const keepAlive = new KeepAlive(beatMs);
  const running = new Set<Promise<void>>();
  /** What each session waits for here, so that a cancellation ends the wait at once. */
  const waits = new Map<string, { abandon(): void }>();

  function hold(request: ToolCallRequest, seat: Seat): Response | Promise<Response> {
    const held = heldRequest(request);
    const answer = takesStream(request.accept) ? new HeldStream() : new HeldJson(request.signal);
    const ms = held.progressToken === null ? terms().defaultMs : terms().progressMs;
    const key = `${held.session} ${held.idText}`;
    if (held.session !== null) waits.set(key, answer);
    const until = new Date(gateway.setting.clock.now().getTime() + ms);
    const run = new Hold(gateway, held, seat, answer).run(until, keepAlive).finally(() => {
      running.delete(run);
      if (waits.get(key) === answer) waits.delete(key);
    });
    running.add(run);
    return answer instanceof HeldStream ? new Response(answer.body, { headers: STREAM_HEADERS }) : answer.response;
  }

  return {
    async call(request): Promise<CallRouting> {
      const handled = await handleCall(gateway, {
        call: callOf(request, request.params),
        bytes: request.bytes,
        requestId: request.idText,
        inexact: request.inexact,
        statedReason: statedReason(request),
      });
      if (handled.kind === 'held') return { kind: 'respond', response: await hold(request, handled.seat) };
      if (handled.kind !== 'forward') return { kind: 'respond', response: refusal(request.idText, handled) };
      return handled.notSent === null ? { kind: 'forward' } : { kind: 'forward', notSent: handled.notSent };
    },

    async cancelled(principal, server, session, requestId, reason) {
      // Matched on session and id; with no session never: an id alone is anybody's.
      if (session === null) return false;
      const parked = await withdraw(gateway.setting, { grant: principal.grant, server, session, requestId, reason });
      if (parked) waits.get(`${session} ${requestId}`)?.abandon();
      return parked;
    },

    async sessionEnded(server, session) {
      await withdraw(gateway.setting, { grant: null, server, session, requestId: null, reason: null });
    },

    drained: async () => void (await Promise.allSettled([...running])),
  };
}

function refusal(idText: string, handled: Exclude<Handled, { kind: 'forward' | 'held' }>): Response {
  return rpcResult(idText, wordsFor(handled) as unknown as Json);
}

function wordsFor(handled: Exclude<Handled, { kind: 'forward' | 'held' }>): ToolResult {
  switch (handled.kind) {
    case 'denied':
      return denied(handled.reason);
    case 'limited':
      return limited(handled.full);
    case 'inexact':
      return inexact(handled.path);
    case 'crowded':
      return crowded(handled.pending);
    case 'unavailable':
      return unavailable(handled.part);
    default:
      return handled satisfies never;
  }
}

function takesStream(accept: string): boolean {
  return accept === '' || /text\/event-stream|text\/\*|\*\/\*/i.test(accept);
}

/** The agent's own words in `_meta["holdfast/reason"]`. */
function statedReason(request: ToolCallRequest): string | null {
  const meta = member(request.params, '_meta');
  const reason = isObject(meta) ? member(meta, 'holdfast/reason') : undefined;
  return typeof reason === 'string' && reason.trim() !== '' ? reason : null;
}

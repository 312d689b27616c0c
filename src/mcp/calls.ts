import type { Dispatch } from '../domain/approval/dispatch.ts';
import { isObject, type Json, member } from '../domain/json/json.ts';
import { mayAskOf } from '../domain/policy/rule.ts';
import type { Handled } from '../gateway/call/arrival.ts';
import { clientOf, nameClient } from '../gateway/call/clients.ts';
import { handleCall } from '../gateway/call/handle-call.ts';
import { leaveSeatEmptySoon } from '../gateway/call/seats.ts';
import { withdraw } from '../gateway/call/withdraw.ts';
import { type Continued, takeContinuation } from '../gateway/dispatch/continuation.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Seat } from '../gateway/state/seat.ts';
import { TaskRuns } from '../gateway/task/task-runs.ts';
import type { CallDoor, CallRouting, ToolCallRequest } from './door/call-door.ts';
import { bindingOf, comeBack, foreignOf, ourState, type Returned } from './hold/come-back.ts';
import { HeldCalls } from './hold/held-calls.ts';
import { BEAT_MS } from './hold/keep-alive.ts';
import { callOf, heldRequest } from './hold/request.ts';
import { resumeStream } from './hold/resume-stream.ts';
import { type HoldTerms, holdMs } from './hold/terms.ts';
import { legacyStrategy, modernStrategy } from './hold/wait-strategy.ts';
import { envelopeFault, modernClient } from './protocol/envelope.ts';
import { rpcError, rpcText } from './protocol/response.ts';
import {
  crowded,
  denied,
  inexact,
  limited,
  resultText,
  type ToolResult,
  unavailable,
} from './protocol/tool-results.ts';
import { advertisement } from './relay/advertise.ts';
import { answering } from './tasks/answer.ts';
import { answerWithTask, lostTask, taskMessage, taskNeeded, wantsTask } from './tasks/messages.ts';
import { taskDoor } from './tasks/server-side.ts';
import { TaskSupport } from './tasks/support.ts';
import type { ServerEntry } from './upstream/server.ts';

export type { HoldTerms } from './hold/terms.ts';

/** What happens to tool calls: verdicts, holds, cancellations. */
export interface Calls extends CallDoor {
  /** Resolves when every hold has answered; the waiting room must have been stopped. */
  drained(): Promise<void>;
  /** Starts sending the calls of tasks; returns what stops it. */
  begin(): () => void;
}

/** `servers`: where the calls of tasks are sent. */
export function callDoor(
  gateway: Gateway,
  terms: () => HoldTerms,
  servers: (name: string) => ServerEntry | undefined = () => undefined,
): Calls {
  const desk = new HeldCalls(gateway, () => terms().beatMs ?? BEAT_MS);
  const door = taskDoor(gateway, servers);
  const runs = new TaskRuns(gateway, door, (run) => desk.follow(run));
  const support = new TaskSupport(servers, gateway.clock);
  const context = { gateway, servers, door, desk, runs, support };

  /** One leg: until the decision, or as long as this client waits. */
  async function wait(
    request: ToolCallRequest,
    seat: Seat,
    returned: Returned | null,
    dispatch?: Dispatch,
  ): Promise<Response> {
    const held = heldRequest(request, returned?.bytes);
    const { modern } = held;
    const client = modern ? modernClient(request.params) : await clientOf(gateway, request.session, request.server);
    const ms = holdMs(terms(), { client, modern, progress: held.progressToken !== null });
    const strategy = modern
      ? modernStrategy(gateway, held, seat, {
          binding: bindingOf(gateway, request),
          leg: returned?.leg ?? 1,
          foreign: returned === null ? foreignOf(request) : returned.foreign,
        })
      : legacyStrategy(gateway, held, seat, request.protocolVersion);
    return desk.hold(held, seat, ms, request, strategy, dispatch);
  }

  async function park(request: ToolCallRequest, seat: Seat): Promise<Response> {
    const era = wantsTask(request);
    try {
      return await (era === null ? wait(request, seat, null) : answerWithTask(context, request, seat, era));
    } catch (error) {
      // Told that it was not completed, it comes again: nobody sits at this place.
      leaveSeatEmptySoon(gateway, seat.joiner);
      throw error;
    }
  }

  async function call(request: ToolCallRequest): Promise<CallRouting> {
    const state = ourState(request);
    if (state !== null) {
      const back = await comeBack(gateway, request, state, bindingOf(gateway, request));
      if (back instanceof Response) return { kind: 'respond', response: back };
      const { approval, joiner } = back;
      const seat = { approval, joiner, opened: false, notice: null };
      return { kind: 'respond', response: await wait(request, seat, back) };
    }
    const asks = gated(request);
    const fault =
      request.modern && asks ? envelopeFault({ params: request.params }, request.own, request.idText) : null;
    if (fault !== null) return { kind: 'respond', response: fault };
    const told = asks ? ((await taskNeeded(context, request)) ?? (await lostTask(context, request))) : null;
    if (told !== null) return { kind: 'respond', response: told };
    const continued = bringsAnswers(request) && request.inexact === null ? await continuationOf(request) : null;
    if (continued !== null) {
      const { dispatch, joiner } = continued;
      const seat = { approval: dispatch.approval, joiner, opened: false, notice: null };
      return { kind: 'respond', response: await wait(request, seat, null, dispatch) };
    }
    const handling = handleCall(gateway, {
      call: callOf(request, request.params),
      policy: gateway.rules.policy(request.server),
      bytes: request.bytes,
      requestId: request.idText,
      inexact: request.inexact,
      statedReason: statedReason(request),
    });
    const handled = handling instanceof Promise ? await handling : handling;
    if (handled.kind === 'held') return { kind: 'respond', response: await park(request, handled.seat) };
    if (handled.kind !== 'forward') return { kind: 'respond', response: refusal(request, handled) };
    return handled.notSent === null ? { kind: 'forward' } : { kind: 'forward', notSent: handled.notSent };
  }

  function continuationOf(request: ToolCallRequest): Promise<Continued | null> {
    const state = member(request.params, 'requestState');
    const call = callOf(request, request.params);
    return takeContinuation(gateway, call, request.idText, typeof state === 'string' ? state : null);
  }

  function gated({ server, params }: ToolCallRequest): boolean {
    const policy = gateway.rules.policy(server);
    return policy !== null && mayAskOf(policy, String(member(params, 'name')));
  }

  return {
    call,

    async cancelled(principal, server, session, requestId, reason) {
      // Matched on session and id; with no session never: an id alone is anybody's.
      if (session === null) return false;
      const parked = await withdraw(gateway, { grant: principal.grant, server, session, requestId, reason });
      if (parked) desk.abandon(server, session, requestId);
      return parked;
    },

    async sessionEnded(server, session) {
      await withdraw(gateway, { grant: null, server, session, requestId: null, reason: null });
    },

    named: (server, session, client) => nameClient(gateway, session, server, client),

    task: (message) => taskMessage(context, message),

    answering: (answer) => answering(context, answer),

    advertise: (server, method, version) => advertisement(gateway.rules.policy(server), method, version),

    begin() {
      runs.start();
      return () => runs.stop();
    },

    resume: (resumption) => resumeStream(gateway, desk, terms(), resumption),

    drained: () => desk.drained(),
  };
}

/** Whether it says that it answers something that its server asked (2026-07-28, MRTR). */
function bringsAnswers({ modern, params }: Pick<ToolCallRequest, 'modern' | 'params'>): boolean {
  if (!modern) return false;
  return typeof member(params, 'requestState') === 'string' || member(params, 'inputResponses') !== undefined;
}

/** Our own codes are HTTP's, outside what JSON-RPC reserves. */
const REFUSED = { denied: 403, limited: 429, inexact: 400, crowded: 429, unavailable: 503 } as const satisfies Record<
  Exclude<Handled, { kind: 'forward' | 'held' }>['kind'],
  number
>;

type RefusedCall = Exclude<Handled, { kind: 'forward' | 'held' }>;

/** Who asked for a task and gets none is told by an error: a result would be taken for a task's (2025-11-25). */
function refusal(request: ToolCallRequest, handled: RefusedCall): Response {
  if (wantsTask(request) === 'legacy') {
    return rpcError(200, REFUSED[handled.kind], wordsFor(handled).content[0].text, request.idText);
  }
  return rpcText(request.idText, resultText(wordsFor(handled), request.modern));
}

function wordsFor(handled: RefusedCall): ToolResult {
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

/** Characters of an agent's reason that are kept: more is not read on a card, and is stored with every event. */
const REASON = 4_000;

/** The agent's own words in `_meta["holdfast/reason"]`. */
function statedReason(request: ToolCallRequest): string | null {
  const meta: Json | undefined = member(request.params, '_meta');
  const reason = isObject(meta) ? member(meta, 'holdfast/reason') : undefined;
  if (typeof reason !== 'string' || reason.trim() === '') return null;
  return reason.length <= REASON ? reason : `${reason.slice(0, REASON).toWellFormed()}…`;
}

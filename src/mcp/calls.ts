import type { Approval } from '../domain/approval/approval.ts';
import type { Dispatch } from '../domain/approval/dispatch.ts';
import { isExactThroughout } from '../domain/call/inexact.ts';
import { unshownMember } from '../domain/call/transport.ts';
import { member } from '../domain/json/json.ts';
import { evaluate } from '../domain/policy/evaluate.ts';
import { shownInexact } from '../domain/policy/inexact.ts';
import { mayAskOf } from '../domain/policy/rule.ts';
import type { Handled } from '../gateway/call/arrival.ts';
import { noteClientName, sessionAnswersForms, sessionClient } from '../gateway/call/clients.ts';
import { handleCall, handleLeg } from '../gateway/call/handle-call.ts';
import { holdParkedCall, leaveSeatEmptySoon } from '../gateway/call/seats.ts';
import { withdraw, withdrawSession } from '../gateway/call/withdraw.ts';
import { type Continuation, continueCall } from '../gateway/dispatch/continuation.ts';
import { isStateClaimed } from '../gateway/dispatch/issued-states.ts';
import { mayAskAt } from '../gateway/dispatch/may-ask-at.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Seat } from '../gateway/state/seat.ts';
import { TaskRuns } from '../gateway/task/task-runs.ts';
import { answersGatedCall } from './answers/answer-leg.ts';
import type { CallDoor, CallRouting, ToolCallRequest } from './door/call-door.ts';
import { restFrom } from './door/strict-door.ts';
import { answerWatch } from './hold/answer-watch.ts';
import { bindingOf, ourState, returnToSeat } from './hold/come-back.ts';
import { answersForm, ElicitedReasons } from './hold/elicited-reasons.ts';
import { type Answers, frozenInPieces, headersThatReach } from './hold/frozen-call.ts';
import { HeldCalls, type OpenAnswer } from './hold/held-calls.ts';
import { legOfRequest } from './hold/leg.ts';
import { FORM_MS, type FormAnswer } from './hold/reason-form.ts';
import { answersOnStream, beatsOn, mayBeAsked, messageOf, reasonQuestion } from './hold/reason-question.ts';
import { callOfRequest, heldRequest, progressTokenOf } from './hold/request.ts';
import { resumeStream } from './hold/resume-stream.ts';
import { type FindReasonRoom, type ReasonedCall, takeReason } from './hold/take-reason.ts';
import { type HoldTerms, holdMs } from './hold/terms.ts';
import { legacyStrategy, modernStrategy } from './hold/wait-strategy.ts';
import { watchStream } from './hold/watch-stream.ts';
import { textAt } from './json/edit.ts';
import { envelopeFault, modernClient, TASKS_2025 } from './protocol/envelope.ts';
import { frozenAnswerResult } from './protocol/frozen-result.ts';
import { gatedHeaderFault } from './protocol/gated-headers.ts';
import { noLongerAskedResult } from './protocol/reason-result.ts';
import { requestKind } from './protocol/request-kind.ts';
import { CLAIMED_STATE, INVALID_PARAMS, INVALID_REQUEST, rpcError, rpcResult } from './protocol/response.ts';
import { resultText, unavailableResult } from './protocol/tool-results.ts';
import { refusal, refusalResult } from './refusal.ts';
import { advertisement } from './relay/advertise.ts';
import { BEAT_MS } from './sse/keep-alive.ts';
import { forwardAnswer } from './tasks/answer.ts';
import { answerTaskMessage, answerWithTask, lostTask, refuseWithoutTask, wantedTaskEra } from './tasks/messages.ts';
import { taskDoor } from './tasks/server-side.ts';
import { TaskSupport } from './tasks/support.ts';
import type { ServerEntry } from './upstream/server.ts';

export type { HoldTerms } from './hold/terms.ts';

/** The door for tool calls, and what the process starts and stops of it. */
export interface Calls extends CallDoor {
  /** Resolves when every held call has been answered. Stop the waiting room first. */
  drained(): Promise<void>;
  /** Starts sending the calls of tasks; returns a function that stops it. */
  begin(): () => void;
}

/**
 * Decides about tool calls, holds the gated ones and answers for them. `servers`: where the calls of tasks are sent.
 * `roomForReason`: what the lists of tools say of an argument for the agent's reason.
 */
export function callDoor(
  gateway: Gateway,
  terms: () => HoldTerms,
  servers: (name: string) => ServerEntry | undefined = () => undefined,
  roomForReason: FindReasonRoom = () => 'unknown',
): Calls {
  const heldCalls = new HeldCalls(gateway, () => terms().beatMs ?? BEAT_MS);
  const door = taskDoor(gateway, servers);
  const runs = new TaskRuns(gateway, door, (run) => heldCalls.track(run));
  const support = new TaskSupport(servers, gateway.steady);
  const elicited = new ElicitedReasons(gateway);
  const context = { gateway, servers, door, heldCalls, runs, support };

  /**
   * One attempt: waits for the decision, at most as long as this client can wait. `own`: the call that this request has
   * just parked; null: somebody else parked it, or this caller did before.
   */
  async function wait(
    request: ToolCallRequest,
    seat: Seat,
    own: Uint8Array | null,
    { attempt = 1, answers, dispatch, on }: WaitOptions = {},
  ): Promise<Response> {
    const { modern } = request;
    const client = modern
      ? modernClient(request.params)
      : await sessionClient(gateway, request.session, request.server);
    const held = heldRequest(request, await holdParkedCall(gateway, seat.approval, own), answers);
    const ms = holdMs(terms(), { client, modern, progress: held.progressToken !== null }) - (on?.waitedMs ?? 0);
    const strategy = modern
      ? modernStrategy(gateway, held, seat, { binding: bindingOf(gateway, request), attempt })
      : legacyStrategy(gateway, held, seat, request.protocolVersion);
    return heldCalls.hold(held, seat, Math.max(ms, 0), request, strategy, { dispatch, on });
  }

  /** Answers a parked call: with a task where the client wants one, else when the wait is over. */
  async function park(
    request: ToolCallRequest,
    seat: Seat,
    frozen: () => Promise<Uint8Array>,
    on?: BegunAnswer,
  ): Promise<Response> {
    const era = wantedTaskEra(request);
    const own = seat.opened ? await frozen() : null;
    try {
      return await (era === null || on
        ? wait(request, seat, own, on && { on })
        : answerWithTask(context, request, { seat, own }, era));
    } catch (error) {
      // The client gets an error and will come again; until then nobody sits in this seat.
      leaveSeatEmptySoon(gateway, seat.joiner);
      throw error;
    }
  }

  async function call(came: ToolCallRequest): Promise<CallRouting> {
    const taken = takeReason(gateway, roomForReason, came);
    const reasoned = taken instanceof Promise ? await taken : taken;
    if (reasoned instanceof Response) return { kind: 'respond', response: reasoned };
    const routing = await route(reasoned);
    if (routing.kind !== 'forward' || !reasoned.edited) return routing;
    return { ...routing, instead: reasoned.request };
  }

  async function route({ request, reason, asked }: ReasonedCall): Promise<CallRouting> {
    const state = ourState(request);
    if (state !== null) {
      // Nothing that is not exact was ever parked, so no state was issued for it.
      const judged = shownInexact(request.inexact);
      if (judged !== null) return { kind: 'respond', response: refusal(request, { kind: 'inexact', judged }) };
      const returned = await returnToSeat(gateway, request, state, bindingOf(gateway, request));
      if (returned instanceof Response) return { kind: 'respond', response: returned };
      const { approval, joiner } = returned;
      const seat = { approval, joiner, opened: false, notice: null };
      return { kind: 'respond', response: await wait(request, seat, null, { attempt: returned.attempt }) };
    }
    const mayAsk = mayBeGated(request);
    const fault =
      request.modern && mayAsk ? envelopeFault(request.message, request.requestHeaders, request.idText) : null;
    if (fault !== null) return { kind: 'respond', response: fault };
    if (mayAsk && request.upstream.kind === 'stdio' && (request.modern || request.session === null)) {
      const why = `${request.server} works in sessions only, up to ${TASKS_2025}: send initialize first.`;
      return { kind: 'respond', response: rpcError(400, INVALID_REQUEST, why, request.idText) };
    }
    const answered = mayAsk
      ? ((await refuseWithoutTask(context, request)) ?? (await lostTask(context, request)))
      : null;
    if (answered !== null) return { kind: 'respond', response: answered };
    const continued =
      bringsAnswers(request) && isExactThroughout(request.inexact) ? await continuationOf(request) : null;
    if (continued?.kind === 'leg') {
      const response = await askAboutAnswer(request, continued.parent, reason);
      if (response !== null) return { kind: 'respond', response };
    }
    if (continued?.kind === 'frozen') {
      const result = frozenAnswerResult(continued.parent, continued.freeze);
      return { kind: 'respond', response: rpcResult(request.idText, resultText(result, request.modern)) };
    }
    if (continued?.kind === 'continued') {
      const { dispatch, joiner } = continued;
      const seat = { approval: dispatch.approval, joiner, opened: false, notice: null };
      return { kind: 'respond', response: await wait(request, seat, null, { answers: answersOf(request), dispatch }) };
    }
    const brings = typeof member(request.params, 'requestState') === 'string';
    if (brings && (await bringsClaimedState(request))) {
      return { kind: 'respond', response: rpcError(400, INVALID_PARAMS, CLAIMED_STATE, request.idText) };
    }
    const { handled, freeze } = await handle(request, reason);
    gateway.tracing?.note({ 'holdfast.handled': handled.kind }, isRefused(handled.kind) ? 'tool_error' : null);
    if (handled.kind === 'held') return { kind: 'respond', response: await park(request, handled.seat, freeze) };
    if (handled.kind === 'unreasoned' && asked === null) {
      const response = await askForReason(request, handled);
      if (response !== null) return { kind: 'respond', response };
    }
    if (handled.kind !== 'forward') return { kind: 'respond', response: refusal(request, handled, asked) };
    const { notSent, heard } = handled;
    return { kind: 'forward', ...(notSent === null ? {} : { notSent }), ...(heard === undefined ? {} : { heard }) };
  }

  /** What is to be done with the call. `freeze`: what is parked of it if it is gated. */
  async function handle(request: ToolCallRequest, reason: string | null) {
    let kept: Promise<Uint8Array> | null = null;
    const freeze = (): Promise<Uint8Array> => {
      kept ??= frozenInPieces(request);
      return kept;
    };
    const arriving = callOfRequest(request);
    // Undefined for nearly all calls, which are then judged without waiting.
    const rest = restFrom(request.bytes);
    if (rest !== undefined) await rest;
    const handling = handleCall(gateway, {
      call: arriving,
      policy: gateway.rules.policy(request.server),
      bytes: request.bytes,
      requestId: request.idText,
      inexact: request.inexact,
      freeze,
      gatedFault: () => unshownMember(request.message) ?? gatedHeaderFault(headersThatReach(request), request.params),
      statedReason: reason,
    });
    const handled = handling instanceof Promise ? await handling : handling;
    // Only an answer to a server's question can be unasked, and it is handled above.
    if (handled.kind === 'unasked') throw new Error('a call that answers nothing was taken for an answer');
    return { handled, freeze };
  }

  /** Asks for the agent's reason in the way in which its client can answer. Null: in none but by repeating the call. */
  async function askForReason(
    request: ToolCallRequest,
    { unreasoned }: Extract<Handled, { kind: 'unreasoned' }>,
  ): Promise<Response | null> {
    if (mayBeAsked(request)) return rpcResult(request.idText, reasonQuestion(gateway, request, unreasoned));
    const { principal, session, server } = request;
    if (!answersOnStream(request) || !elicited.hasRoom(principal.grant)) return null;
    if (!(await sessionAnswersForms(gateway, session, server))) return null;
    const client = await sessionClient(gateway, session, server);
    const progress = progressTokenOf(request.params, request.bytes) !== null;
    const ms = Math.min(holdMs(terms(), { client, modern: false, progress }), FORM_MS);
    const on = heldCalls.open(request, request);
    const beats = beatsOn(on.answer);
    heldCalls.keepAlive.add(beats);
    const begun = gateway.steady.now().getTime();
    const run = elicited
      .ask(request, unreasoned, on.answer, ms)
      .finally(() => heldCalls.keepAlive.delete(beats))
      .then((form) => goOn(request, form, { ...on, waitedMs: gateway.steady.now().getTime() - begun }));
    const whole = run.catch((error: unknown) => {
      gateway.log.error({ err: error }, 'a call could not go on after its agent was asked for its reason');
      heldCalls.end(on, messageOf(request, unavailableResult('gateway')));
    });
    heldCalls.track(whole);
    gateway.tracing?.lasts(whole);
    return on.response;
  }

  /** Goes on with a call whose agent was asked why it calls, on the answer that has begun. */
  async function goOn(request: ToolCallRequest, form: FormAnswer, on: BegunAnswer): Promise<void> {
    if (on.answer.readerGone.aborted) return heldCalls.end(on, null);
    const [reason, asked] = 'reason' in form ? [form.reason, null] : [null, form.why];
    const { handled, freeze } = await handle(request, reason);
    if (handled.kind === 'held') {
      await park(request, handled.seat, freeze, on);
      return;
    }
    if (handled.kind !== 'forward') return heldCalls.end(on, messageOf(request, refusalResult(handled, asked)));
    // The policy has changed meanwhile, and nothing is forwarded on an answer of ours.
    await handled.notSent?.();
    await handled.heard?.ended('failed');
    heldCalls.end(on, messageOf(request, noLongerAskedResult()));
  }

  /**
   * Holds the caller until a person has decided about its answer. Null: the server waits for it no more, so that the
   * call is one like any other.
   */
  async function askAboutAnswer(
    request: ToolCallRequest,
    parent: Approval,
    reason: string | null,
  ): Promise<Response | null> {
    const arrival = await legOfRequest(gateway, request, parent, answersOf(request), reason);
    const handled = arrival === null ? null : await handleLeg(gateway, arrival);
    if (arrival === null || handled === null || handled.kind === 'unasked') return null;
    if (handled.kind === 'forward') throw new Error('an answer that needs a yes is never forwarded at once');
    if (handled.kind !== 'held') return refusal(request, handled);
    const { seat } = handled;
    try {
      return await wait(request, seat, seat.opened ? await arrival.freeze() : null);
    } catch (error) {
      leaveSeatEmptySoon(gateway, seat.joiner);
      throw error;
    }
  }

  function continuationOf(request: ToolCallRequest): Promise<Continuation | null> {
    const state = member(request.params, 'requestState');
    const call = callOfRequest(request);
    return continueCall(gateway, call, request.idText, typeof state === 'string' ? state : null);
  }

  /** A call that policy asks about shows its state; any other may not bring one of a gated call. */
  async function bringsClaimedState(request: ToolCallRequest): Promise<boolean> {
    const state = member(request.params, 'requestState');
    if (typeof state !== 'string') return false;
    const policy = gateway.rules.policy(request.server);
    const call = callOfRequest(request);
    if (
      policy !== null &&
      evaluate(policy, call, await gateway.callMemory.historyFor(policy, call, null)).kind === 'ask'
    )
      return false;
    const { principal, server, params } = request;
    return isStateClaimed(
      gateway,
      { grant: principal.grant, server, request: requestKind('tools/call', params) },
      state,
    );
  }

  function mayBeGated({ server, params }: ToolCallRequest): boolean {
    const policy = gateway.rules.policy(server);
    return policy !== null && mayAskOf(policy, String(member(params, 'name')));
  }

  return {
    call,

    async cancelled(principal, server, session, requestId, reason) {
      // Matched by session and id. Without a session nothing matches, because anybody can use the same id.
      if (session === null) return false;
      if (elicited.isAsking({ grant: principal.grant, server, session, idText: requestId })) {
        heldCalls.abandon(server, session, requestId);
        return true;
      }
      const withdrawn = await withdraw(gateway, { grant: principal.grant, server, session, requestId, reason });
      if (withdrawn.ends) heldCalls.abandon(server, session, requestId);
      return !withdrawn.forwards;
    },

    async parked(server, session, requestIds) {
      const asked = elicited.askedIn(server, session);
      return [
        ...(await gateway.store.waiting({ server, session, requestIds })),
        ...requestIds.filter((id) => asked.has(id)),
      ];
    },

    async sessionEnded(server, session) {
      await withdrawSession(gateway, { server, session });
    },

    clientNamed: (server, session, client, forms) => noteClientName(gateway, session, server, client, forms),

    claimsState: (bearer, state) => isStateClaimed(gateway, bearer, state),

    late: (who, server) => gateway.callMemory.late(who, server),

    taskMessage: (message) => answerTaskMessage(context, message),

    forwardAnswer: async (answer) => (await elicited.take(answer)) ?? forwardAnswer(context, answer),

    answersInBatch: async (place, messages) =>
      answersForm(messages) || (mayAskAt(gateway.rules, place.server) && answersGatedCall(gateway, place, messages)),

    watchStream: (listener) => watchStream(gateway, listener, 'own'),

    watchAnswer: (listener, request) => answerWatch(gateway, listener, request),

    advertise: (server, method, version) => advertisement(gateway.rules.policy(server), method, version),

    begin() {
      runs.start();
      return () => {
        elicited.stop();
        return runs.stop();
      };
    },

    resume: (resumption) => resumeStream(gateway, heldCalls, terms(), resumption),

    drained: () => heldCalls.drained(),
  };
}

/** How a caller waits. */
interface WaitOptions {
  readonly attempt?: number;
  readonly answers?: Answers;
  readonly dispatch?: Dispatch;
  /** The answer has begun, because the caller was asked something first. */
  readonly on?: BegunAnswer;
}

/** `waitedMs`: for which it has waited already. */
interface BegunAnswer extends OpenAnswer {
  readonly waitedMs: number;
}

/** What the agent is told of as an error of the tool. */
function isRefused(kind: Handled['kind']): boolean {
  return kind !== 'forward' && kind !== 'held';
}

/** Whether the call claims to answer something that its server asked (2026-07-28, MRTR). */
function bringsAnswers({ modern, params }: Pick<ToolCallRequest, 'modern' | 'params'>): boolean {
  if (!modern) return false;
  return typeof member(params, 'requestState') === 'string' || member(params, 'inputResponses') !== undefined;
}

/** What the call answers to what the server asked, as it is written. */
function answersOf({ bytes }: Pick<ToolCallRequest, 'bytes'>): Answers {
  const text = new TextDecoder().decode(bytes);
  return {
    inputResponses: textAt(text, ['params', 'inputResponses']),
    requestState: textAt(text, ['params', 'requestState']),
  };
}

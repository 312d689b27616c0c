import { type Approval, LIVE } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import type { Freeze } from '../../domain/freeze/freeze.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { leaveSeatEmpty, recordCollected } from '../../gateway/call/seats.ts';
import { counterTold } from '../../gateway/counter/told-counter.ts';
import { type CallReading, conclude } from '../../gateway/dispatch/conclude.ts';
import { concludeLeg } from '../../gateway/dispatch/leg.ts';
import { takeTurn } from '../../gateway/dispatch/take-turn.ts';
import type { Turn } from '../../gateway/dispatch/turn.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Seat } from '../../gateway/state/seat.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { endedResult } from '../protocol/counter-result.ts';
import { frozenNotice, frozenPassResult } from '../protocol/frozen-result.ts';
import {
  answerNotSentResult,
  approvalEndedResult,
  approvalMeta,
  approverUncheckedResult,
  limitFullResult,
  notSentResult,
  pendingResult,
  progressMessage,
  resultText,
  type ToolResult,
  unsentResult,
} from '../protocol/tool-results.ts';
import { editData } from '../sse/edit-data.ts';
import type { HeartbeatTarget, KeepAlive } from '../sse/keep-alive.ts';
import type { SendResult } from '../upstream/outgoing.ts';
import { sendInAnySession } from '../upstream/send.ts';
import type { HeldAnswer } from './answer.ts';
import { responseForCaller } from './kept-answer.ts';
import { sendLarge } from './large-answer.ts';
import { postMessage } from './post-message.ts';
import { ProgressLift } from './progress-lift.ts';
import { questionInPieces } from './question.ts';
import { type HeldRequest, rereadCall, rereadInPieces, sendableOf } from './request.ts';
import { keepRequests } from './server-requests.ts';
import type { WaitStrategy } from './wait-strategy.ts';

const UTF8 = new TextDecoder();
/** Milliseconds for which an answer that was taken can be fetched again by the event id of its stream. */
export const REPLAY_MS = 5 * 60_000;
/** How much a heartbeat adds to the progress. */
const STEP = 1e-6;
/** Heartbeats in a row that a reader may leave unread: two minutes' worth. */
const MOST_UNREAD = 8;

const CALLED_OFF: SendResult = { outcome: { kind: 'not_sent', why: 'the agent closed its request' }, event: null };

/** The event that carried a response. */
type CarriedBy = Pick<SendResult, 'event' | 'eventId'>;

/** One caller's wait, from the moment it has a seat until it has its answer. */
export class HeldCall implements HeartbeatTarget {
  readonly stream: HeldAnswer;
  readonly #gateway: Gateway;
  readonly #request: HeldRequest;
  readonly #seat: Seat;
  readonly #strategy: WaitStrategy;
  #latest: Approval;
  #progress = 0;
  readonly #lift = new ProgressLift();
  #unreadBeats = 0;
  /** Another connection of this caller has the seat now. */
  #yielded = false;

  constructor(gateway: Gateway, request: HeldRequest, seat: Seat, stream: HeldAnswer, strategy: WaitStrategy) {
    this.stream = stream;
    this.#gateway = gateway;
    this.#request = request;
    this.#seat = seat;
    this.#strategy = strategy;
    this.#latest = seat.approval;
  }

  /** The caller came again on another connection, which has the seat now. This one ends and leaves the seat alone. */
  yieldSeat(): void {
    this.#yielded = true;
    this.stream.abandon();
  }

  /**
   * A comment keeps connections open; a client that sent a progress token also gets a progress notification. `first`:
   * nobody can have read anything yet.
   */
  beat(first = false): void {
    // Nothing more is written to a reader that reads nothing, and a half-open connection must end some time.
    if (this.stream.stalled && !first) {
      this.#unreadBeats += 1;
      if (this.#unreadBeats >= MOST_UNREAD) this.stream.abandon();
      return;
    }
    this.#unreadBeats = 0;
    this.stream.comment(`holdfast ${this.#latest.id} ${this.#latest.state}`);
    if (this.#request.progressToken === null) return;
    // Far below 1, so that what the server reports later is not lower; where it begins with 0, that is lifted.
    this.#progress += 1;
    const { unposted, knownFreezes } = this.#gateway;
    const frozen = this.#latest.state !== 'dispatched' && knownFreezes.over(this.#latest) !== null;
    const message = JSON.stringify(progressMessage(this.#latest, unposted.isLate(this.#latest), frozen));
    this.stream.message(
      `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${this.#request.progressToken},"progress":${this.#progress * STEP},"message":${message}}}`,
    );
  }

  /**
   * Waits until `until`, acts when it is this caller's turn, answers, and ends the stream. With a `dispatch`, the call
   * is sent at once.
   */
  async run(until: Date, keepAlive: KeepAlive, dispatch?: Dispatch): Promise<void> {
    keepAlive.add(this);
    if (this.#strategy.eventId !== null) this.stream.prime(this.#strategy.eventId);
    this.beat(true);
    try {
      const { modern } = this.#request;
      const waitForTurn = () =>
        takeTurn(this.#gateway, this.#seat, () => rereadInPieces(this.#request), until, this.stream.readerGone, modern);
      const turn: Turn = dispatch ? { kind: 'dispatch', dispatch } : await waitForTurn();
      this.#latest = turn.kind === 'dispatch' ? turn.dispatch.approval : turn.approval;
      await this.#handleTurn(turn, keepAlive);
    } catch (error) {
      this.#gateway.log.error({ err: error, approval: this.#latest.id }, 'a held call could not go on');
      await this.#leaveSeatEmpty();
      this.#respond(
        pendingResult(this.#latest, this.#now(), 'The gateway cannot look at the approval now; it is not lost.'),
      );
    } finally {
      keepAlive.delete(this);
      this.stream.close();
      noteApproval(this.#gateway, this.#latest);
    }
  }

  async #handleTurn(turn: Turn, keepAlive: KeepAlive): Promise<void> {
    switch (turn.kind) {
      case 'dispatch':
        return this.#dispatch(turn.dispatch, keepAlive);
      case 'result':
        return this.#deliver(turn.response, { event: null }, turn.approval, { joined: true });
      case 'question':
        return this.#ask(turn.response, { event: null }, turn.approval);
      case 'over':
        return this.#respondEnded(turn.approval);
      // The seat is left empty before the answer goes out: the agent may come back at once and take it again.
      case 'full':
        await this.#leaveSeatEmpty();
        return this.#respond(limitFullResult(turn.approval, turn.full));
      case 'frozen':
        return this.#respondFrozen(turn.approval, turn.freeze);
      case 'unsure':
        await this.#leaveSeatEmpty();
        return this.#respond(
          turn.part !== 'approvers'
            ? unsentResult(turn.part, turn.approval)
            : approverUncheckedResult(turn.approval, slackNow(this.#gateway)),
        );
      case 'pending':
        return this.#respondPending(turn.approval);
      case 'gone':
        return this.#callerGone();
      default:
        return turn satisfies never;
    }
  }

  async #dispatch(dispatch: Dispatch, keepAlive: KeepAlive): Promise<void> {
    const { upstream, principal } = this.#request;
    const { bytes, idText, headers } = await sendableOf(this.#request);
    // A modern client that has closed its stream by now has cancelled its call. Later it may as well have given up
    // waiting, and then finds the outcome by the identical call: what a person approved runs to its end.
    const isCalledOff = this.#request.modern && this.stream.readerGone.aborted;
    const send = isCalledOff ? async () => CALLED_OFF : sendInAnySession;
    const sent = await send({
      upstream,
      headers,
      bytes,
      idText,
      grant: principal.grant,
      carriesRequests: true,
      onEvent: async (event) => {
        // From here on the server reports progress; a second counter for the same token would run backwards.
        keepAlive.delete(this);
        if (await this.#mayPass(dispatch.approval, event, headers)) await this.stream.raw(this.#lifted(event));
      },
    }).catch((error: Error) => ({ outcome: { kind: 'unknown', why: error.message } as const, event: null }));
    this.#keepSession(sent);
    const reading = await readingOf(this.#request, sent.outcome);
    if (dispatch.parent) return this.#endLeg(dispatch, dispatch.parent, sent, reading);
    // Who has gone away may wait for this at another replica, in the same seat.
    const isHere = !this.#yielded && !this.stream.readerGone.aborted;
    const { approval, open } = await conclude(this.#gateway, dispatch, sent.outcome, reading, isHere);
    this.#latest = approval;
    switch (sent.outcome.kind) {
      case 'returned': {
        const { response } = sent.outcome;
        if (open) return this.#ask(response, sent, approval);
        return this.#deliver(response, sent, approval, {});
      }
      case 'not_sent':
        // It was recorded as unknown meanwhile, and other callers were told so; all callers must get the same answer.
        if (approval.state === 'unknown') return this.#respondEnded(approval);
        // The agent cancelled the call before anything was sent, so nobody may use the pass.
        if (this.#request.modern && !open && this.stream.readerGone.aborted) return this.#callerGone();
        await this.#leaveSeatEmpty();
        return this.#respond(
          open ? answerNotSentResult(approval, sent.outcome.why) : notSentResult(approval, sent.outcome.why),
        );
      case 'unknown':
        return this.#respondEnded(approval);
      default:
        return sent.outcome satisfies never;
    }
  }

  /** The head of this answer has left, so the session that the server hands out now is told with a later one. */
  #keepSession({ session = null }: SendResult): void {
    const { modern, sessionId, principal, server, upstream } = this.#request;
    if (session === null || modern || sessionId !== null || upstream.kind !== 'http') return;
    this.#gateway.lateSessions.owe({ grant: principal.grant, server }, session);
  }

  /** Progress must increase (MCP, Progress), and ours came before the server's. */
  #lifted(event: Uint8Array): Uint8Array {
    if (this.#progress === 0) return event;
    return this.#lift.above(this.#progress * STEP, event);
  }

  /** The end of a leg, and of its call or of this round of it. The caller has a seat at both. */
  async #endLeg(
    dispatch: Dispatch,
    { dispatch: call, joiner }: NonNullable<Dispatch['parent']>,
    sent: SendResult,
    reading: CallReading,
  ): Promise<void> {
    const { outcome } = sent;
    const { leg, parent, open } = await concludeLeg(this.#gateway, dispatch, call, outcome, reading);
    this.#latest = leg;
    const leaveCall = async () => (joiner === null ? undefined : leaveSeatEmpty(this.#gateway, joiner));
    if (outcome.kind === 'not_sent' && leg.state === 'approved') {
      await leaveCall();
      await this.#leaveSeatEmpty();
      return this.#respond(answerNotSentResult(leg, outcome.why));
    }
    if (outcome.kind === 'returned') await this.#forwardAnswer(outcome.response, sent, leg, {});
    else this.#respond(approvalEndedResult(leg));
    await this.#recordCollected(leg);
    if (open || joiner === null || !(await this.stream.taken())) await leaveCall();
    else await recordCollected(this.#gateway, joiner, parent);
  }

  /** Keeps what the server asks in this event. False: it could not be kept, and the server is told so. */
  async #mayPass(
    { id, answersTo }: Approval,
    event: Uint8Array,
    headers: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const { principal, server, session } = this.#request;
    const place = { approval: answersTo ?? id, grant: principal.grant, server, session };
    const refusals = await keepRequests(this.#gateway, place, event);
    for (const text of refusals) await postMessage(this.#request, text, headers);
    return refusals.length === 0;
  }

  async #respondEnded(approval: Approval): Promise<void> {
    this.#respond(endedResult(approval, await counterTold(this.#gateway, approval)));
    this.stream.last();
    await this.#recordCollected(approval);
  }

  /** The server's question. The seat is kept: the agent comes back to it with its answer or with the same call. */
  async #ask(response: Uint8Array, carried: CarriedBy, approval: Approval): Promise<void> {
    await this.#leaveSeatEmpty();
    await this.#forwardAnswer(response, carried, approval, {});
  }

  /** The server's final answer, after which the seat is given up if the reader took it. */
  async #deliver(response: Uint8Array, carried: CarriedBy, approval: Approval, extra: JsonObject): Promise<void> {
    await this.#forwardAnswer(response, carried, approval, extra);
    this.stream.last();
    await this.#recordCollected(approval);
  }

  /** Sends the server's response with this caller's id. An event that carried it keeps its event id. */
  async #forwardAnswer(bytes: Uint8Array, carried: CarriedBy, approval: Approval, extra: JsonObject): Promise<void> {
    const meta = approvalMeta(approval, extra);
    const { idText } = this.#request;
    if (bytes.length >= LARGE_MESSAGE) {
      return sendLarge(this.stream, bytes, carried.eventId ?? null, idText, { 'holdfast/approval': meta });
    }
    const forCaller = (text: string): string => responseForCaller(text, idText, meta);
    const edited = carried.event === null ? null : editData(carried.event, forCaller);
    if (edited === null) this.stream.message(forCaller(UTF8.decode(bytes)));
    else void this.stream.raw(new TextEncoder().encode(edited));
  }

  /** The caller can wait no longer. Its seat is kept before it is told to come back. */
  async #respondPending(approval: Approval): Promise<void> {
    if (this.#yielded) return;
    const result = await this.#strategy.comeBackResult(approval);
    if (result !== null) return this.#sendResult(result);
    await this.#leaveSeatEmpty();
    const freeze = this.#gateway.knownFreezes.over(approval);
    const notice =
      freeze === null ? await this.#gateway.unposted.noticeFor(this.#seat, approval) : frozenNotice(freeze);
    this.#respond(pendingResult(approval, this.#now(), notice));
  }

  /** The same for a caller whose pass is frozen. */
  async #respondFrozen(approval: Approval, freeze: Freeze): Promise<void> {
    if (this.#yielded) return;
    const result = await this.#strategy.comeBackResult(approval);
    if (result !== null) return this.#sendResult(result);
    await this.#leaveSeatEmpty();
    this.#respond(frozenPassResult(approval, freeze));
  }

  #respond(result: ToolResult): void {
    this.#sendResult(resultText(result, this.#request.modern));
  }

  #sendResult(result: string): void {
    this.stream.message(`{"jsonrpc":"2.0","id":${this.#request.idText},"result":${result}}`);
  }

  /** The caller counts as served only if the reader took the answer; otherwise it may come back and collect it. */
  async #recordCollected(approval: Approval): Promise<void> {
    if (!(await this.stream.taken())) return this.#leaveSeatEmpty();
    // What the socket took may never have been read, so the answer can be fetched again by its event id for a while.
    const replayUntil = this.#strategy.eventId === null ? undefined : new Date(this.#now().getTime() + REPLAY_MS);
    await recordCollected(this.#gateway, this.#seat.joiner, approval, replayUntil);
  }

  async #callerGone(): Promise<void> {
    if (!this.#yielded) await this.#strategy.callerGone();
  }

  async #leaveSeatEmpty(): Promise<void> {
    if (!this.#yielded) await leaveSeatEmpty(this.#gateway, this.#seat.joiner);
  }

  #now(): Date {
    return this.#gateway.clock.now();
  }
}

/** What a trace says of a held call at its end. An end without a result of its tool is an error of the tool. */
function noteApproval({ tracing }: Pick<Gateway, 'tracing'>, { id, state }: Approval): void {
  const error = state === 'succeeded' || isOpen(state) ? null : 'tool_error';
  tracing?.note({ 'holdfast.approval.id': id, 'holdfast.approval.state': state }, error);
}

function isOpen(state: Approval['state']): boolean {
  return (LIVE as readonly string[]).includes(state);
}

/** What the gateway must know about the call and its answer to record the outcome. */
async function readingOf(held: HeldRequest, outcome: Outcome): Promise<CallReading> {
  return {
    asks: held.modern && outcome.kind === 'returned' ? await questionInPieces(outcome.response) : null,
    answered: () => {
      if (held.answers !== null)
        return held.answers.requestState === null ? null : JSON.parse(held.answers.requestState);
      // A leg's answers are part of what was frozen.
      const state = member(rereadCall(held).params, 'requestState');
      return typeof state === 'string' ? state : null;
    },
    call: () => rereadCall(held),
  };
}

/** Why Slack could not say whether the approvers still may approve. */
function slackNow({ cards, unposted }: Pick<Gateway, 'cards' | 'unposted'>): 'refused' | 'off' | 'silent' {
  if (cards === null) return 'off';
  return unposted.tokenRefused() ? 'refused' : 'silent';
}

import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import { collected, leaveSeatEmpty } from '../../gateway/call/seats.ts';
import { type CallReading, conclude } from '../../gateway/dispatch/conclude.ts';
import { takeTurn } from '../../gateway/dispatch/take-turn.ts';
import type { Turn } from '../../gateway/dispatch/turn.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Seat } from '../../gateway/state/seat.ts';
import {
  answerNotSent,
  approvalMeta,
  full,
  notSent,
  over,
  pending,
  progressMessage,
  resultText,
  type ToolResult,
  unsure,
} from '../protocol/tool-results.ts';
import { editData } from '../sse/cutter.ts';
import { sendHeld } from '../upstream/send.ts';
import type { HeldAnswer } from './answer.ts';
import type { KeepAlive, Kept } from './keep-alive.ts';
import { asMine } from './kept-answer.ts';
import { questionIn } from './question.ts';
import { type HeldRequest, paramsOf, recall } from './request.ts';
import type { WaitStrategy } from './wait-strategy.ts';

const UTF8 = new TextDecoder();
/** Milliseconds for which an answer that was taken can be had again by the event id of its stream. */
export const REPLAY_MS = 5 * 60_000;
/** Signs of life in a row that a reader may leave untaken: two minutes of them. */
const MOST_UNTAKEN = 8;

/** One caller's wait, from its seat to its answer. */
export class HeldCall implements Kept {
  readonly stream: HeldAnswer;
  readonly #gateway: Gateway;
  readonly #held: HeldRequest;
  readonly #seat: Seat;
  readonly #strategy: WaitStrategy;
  #latest: Approval;
  #progress = 0;
  #untaken = 0;
  /** The place is another connection's now. */
  #yielded = false;

  constructor(gateway: Gateway, held: HeldRequest, seat: Seat, stream: HeldAnswer, strategy: WaitStrategy) {
    this.stream = stream;
    this.#gateway = gateway;
    this.#held = held;
    this.#seat = seat;
    this.#strategy = strategy;
    this.#latest = seat.approval;
  }

  /** Its caller came again by another connection, which has the place from now on: this one ends, and leaves it alone. */
  yieldPlace(): void {
    this.#yielded = true;
    this.stream.abandon();
  }

  /** A comment for whoever counts bytes, a progress notification for whoever gave a token. */
  beat(): void {
    // A reader that takes nothing is not written to; a connection that is only half open must end some time.
    if (this.stream.stalled) {
      this.#untaken += 1;
      if (this.#untaken >= MOST_UNTAKEN) this.stream.abandon();
      return;
    }
    this.#untaken = 0;
    this.stream.comment(`holdfast ${this.#latest.id} ${this.#latest.state}`);
    if (this.#held.progressToken === null) return;
    // Far below one, so that what the upstream counts later does not run backwards.
    this.#progress += 1;
    const message = JSON.stringify(progressMessage(this.#latest, this.#gateway.unposted.isLate(this.#latest)));
    this.stream.message(
      `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${this.#held.progressToken},"progress":${this.#progress / 1_000},"message":${message}}}`,
    );
  }

  /**
   * Waits until `until`, acts when it is this caller's turn, answers, and ends the stream. With a dispatch it is this
   * caller's turn already.
   */
  async run(until: Date, keepAlive: KeepAlive, dispatch?: Dispatch): Promise<void> {
    keepAlive.add(this);
    if (this.#strategy.eventId !== null) this.stream.prime(this.#strategy.eventId);
    this.beat();
    try {
      const { modern } = this.#held;
      const wait = () => takeTurn(this.#gateway, this.#seat, () => recall(this.#held), until, this.stream.left, modern);
      const turn: Turn = dispatch ? { kind: 'dispatch', dispatch } : await wait();
      this.#latest = turn.kind === 'dispatch' ? turn.dispatch.approval : turn.approval;
      await this.#take(turn, keepAlive);
    } catch (error) {
      this.#gateway.log.error({ err: error, approval: this.#latest.id }, 'a held call could not go on');
      await this.#away();
      this.#say(pending(this.#latest, this.#now(), 'The gateway cannot look at the approval now; it is not lost.'));
    } finally {
      keepAlive.delete(this);
      this.stream.close();
    }
  }

  async #take(turn: Turn, keepAlive: KeepAlive): Promise<void> {
    switch (turn.kind) {
      case 'dispatch':
        return this.#dispatch(turn.dispatch, keepAlive);
      case 'result':
        return this.#hand(UTF8.decode(turn.response), null, turn.approval, { joined: true });
      case 'question':
        return this.#ask(UTF8.decode(turn.response), null, turn.approval);
      case 'over':
        return this.#over(turn.approval);
      // Away before the answer: with it the agent may come back at once, and takes this very place again.
      case 'full':
        await this.#away();
        return this.#say(full(turn.approval, turn.full));
      case 'unsure':
        await this.#away();
        return this.#say(unsure(turn.approval, this.#gateway.unposted.refused()));
      case 'pending':
        return this.#comeBack(turn.approval);
      case 'gone':
        return this.#gone();
      default:
        return turn satisfies never;
    }
  }

  async #dispatch(dispatch: Dispatch, keepAlive: KeepAlive): Promise<void> {
    const { upstream, headers, bytes, idText, principal } = this.#held;
    const sent = await sendHeld({
      upstream,
      headers,
      bytes,
      idText,
      grant: principal.grant,
      // A modern client that closes its stream cancels what it asked for; a legacy one has only lost its connection.
      ...(this.#held.modern ? { signal: this.stream.left } : {}),
      meanwhile: (event) => {
        // From here on progress is the upstream's: two counters on one token would run backwards.
        keepAlive.delete(this);
        return this.stream.raw(event);
      },
    }).catch((error: Error) => ({ outcome: { kind: 'unknown', why: error.message } as const, event: null }));
    const { approval, open } = await conclude(
      this.#gateway,
      dispatch,
      sent.outcome,
      readingOf(this.#held, sent.outcome),
    );
    this.#latest = approval;
    switch (sent.outcome.kind) {
      case 'returned': {
        const response = UTF8.decode(sent.outcome.response);
        if (open) return this.#ask(response, sent.event, approval);
        return this.#hand(response, sent.event, approval, {});
      }
      case 'not_sent':
        // It was called unknown meanwhile, and told so to others: one story for all.
        if (approval.state === 'unknown') return this.#over(approval);
        // It was taken back before anything was sent: nobody is to have the pass.
        if (this.#held.modern && !open && this.stream.left.aborted) return this.#gone();
        await this.#away();
        return this.#say(open ? answerNotSent(approval, sent.outcome.why) : notSent(approval, sent.outcome.why));
      case 'unknown':
        return this.#over(approval);
      default:
        return sent.outcome satisfies never;
    }
  }

  #over(approval: Approval): Promise<void> {
    this.#say(over(approval));
    return this.#collected(approval);
  }

  /** The server's question. The place is kept: with its answer, or with the same call, the agent comes back to it. */
  async #ask(response: string, event: string | null, approval: Approval): Promise<void> {
    await this.#away();
    this.#pass(response, event, approval, {});
  }

  /** The upstream's answer, with this caller's id. An event that carried it keeps its own event id. */
  async #hand(response: string, event: string | null, approval: Approval, extra: JsonObject): Promise<void> {
    this.#pass(response, event, approval, extra);
    await this.#collected(approval);
  }

  #pass(response: string, event: string | null, approval: Approval, extra: JsonObject): void {
    const meta = approvalMeta(approval, extra);
    const mine = (text: string): string => asMine(text, this.#held.idText, meta);
    const edited = event === null ? null : editData(event, mine);
    if (edited === null) this.stream.message(mine(response));
    else this.stream.raw(new TextEncoder().encode(edited));
  }

  /** It can wait no longer. The place is kept for it before it hears that it may come back. */
  async #comeBack(approval: Approval): Promise<void> {
    if (this.#yielded) return;
    const result = await this.#strategy.comeBack(approval);
    if (result !== null) return this.#answer(result);
    await this.#away();
    this.#say(pending(approval, this.#now(), await this.#gateway.unposted.tell(this.#seat, approval)));
  }

  #say(result: ToolResult): void {
    this.#answer(resultText(result, this.#held.modern));
  }

  #answer(result: string): void {
    this.stream.message(`{"jsonrpc":"2.0","id":${this.#held.idText},"result":${result}}`);
  }

  /** Served only if the reader took it; else the caller may come back and collect. */
  async #collected(approval: Approval): Promise<void> {
    if (!(await this.stream.taken())) return this.#away();
    // What the socket took may never have been read: by its event id the answer can be had again for a while.
    const replayUntil = this.#strategy.eventId === null ? undefined : new Date(this.#now().getTime() + REPLAY_MS);
    await collected(this.#gateway, this.#seat.joiner, approval, replayUntil);
  }

  async #gone(): Promise<void> {
    if (!this.#yielded) await this.#strategy.gone();
  }

  async #away(): Promise<void> {
    if (!this.#yielded) await leaveSeatEmpty(this.#gateway, this.#seat.joiner);
  }

  #now(): Date {
    return this.#gateway.clock.now();
  }
}

/** What the gateway has to know of the call and its answer, to record what came of it. */
function readingOf({ modern, bytes }: HeldRequest, outcome: Outcome): CallReading {
  return {
    asks: modern && outcome.kind === 'returned' ? questionIn(outcome.response) : null,
    sentState: () => {
      const state = member(paramsOf(bytes), 'requestState');
      return typeof state === 'string' ? state : null;
    },
  };
}

import type { Dispatch } from '../../domain/approval/dispatch.ts';
import { ALL_EXACT } from '../../domain/call/inexact.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import type { Arrival, Leg } from '../../gateway/call/arrival.ts';
import { handleLeg } from '../../gateway/call/handle-call.ts';
import { leave } from '../../gateway/call/leave.ts';
import { leaveSeatEmpty, parkedCall, recordCollected } from '../../gateway/call/seats.ts';
import { finish } from '../../gateway/dispatch/finish.ts';
import { reopenAsked, textOfRequest } from '../../gateway/dispatch/server-requests.ts';
import { takeTurn } from '../../gateway/dispatch/take-turn.ts';
import type { Seat } from '../../gateway/state/seat.ts';
import type { ExchangeAnswer } from '../../ports.ts';
import { frozenBytes, frozenCallIn } from '../hold/frozen-call.ts';
import { serversWord } from '../hold/leg.ts';
import { rpcError } from '../protocol/response.ts';
import { approvalEndedResult, approvalMeta } from '../protocol/tool-results.ts';
import { type AnswerSending, frozenAnswer, refuseServer, responseTo, WHY_LATE } from './answer-sending.ts';

/**
 * Milliseconds for which a POST with an answer is held while a person decides: less than the five minutes after which
 * Node's `fetch` gives up. Then it is answered 202, and the answer is sent when it is approved.
 */
const HOLD_MS = 240_000;

/** Opens or joins the leg, and holds the POST until it is decided. */
export async function askFirst(sending: AnswerSending): Promise<Response> {
  const { gateway, answer, asked, parent, call } = sending;
  const question = JSON.parse(textOfRequest(gateway, asked)) as JsonObject;
  const { jsonrpc: _, id: __, ...words } = question;
  const leg: Leg = {
    parent,
    asked: { n: asked.n, kind: 'request', text: serversWord(JSON.stringify(words)) },
    sent: { params: { question: words, answer: member(call.params, 'answer')! }, meta: {}, headers: {} },
  };
  const arrival: Arrival & { leg: Leg } = {
    call,
    policy: gateway.rules.policy(parent.server),
    bytes: new TextEncoder().encode(sending.rewritten),
    requestId: answer.idText,
    inexact: ALL_EXACT,
    freeze: () => frozenBytes(frozenAnswer(sending)),
    gatedFault: () => null,
    statedReason: null,
    leg,
  };
  const handled = await handleLeg(gateway, arrival);
  switch (handled.kind) {
    case 'held':
      return hold(sending, handled.seat);
    case 'unasked':
      return rpcError(409, 409, WHY_LATE, answer.idText);
    case 'denied': {
      const why = `policy denies it: ${handled.reason}`;
      await refuseServer(sending, null, why);
      return rpcError(403, 403, `Not sent: ${why}`, answer.idText);
    }
    case 'unjoined':
      return rpcError(403, 403, `Not sent: this answer needs a person's approval. ${handled.why}.`, answer.idText);
    case 'crowded':
    case 'limited':
    case 'overfull':
      return rpcError(
        429,
        429,
        'Not sent: too much of this agent waits for a person, or it asks too often. Send it again later.',
        answer.idText,
      );
    default:
      return rpcError(
        503,
        503,
        'Not sent: the gateway cannot ask now. Send the same answer again in a minute.',
        answer.idText,
      );
  }
}

/** Resolves after `HOLD_MS` at most; what is left to do then goes on in the background. */
async function hold(sending: AnswerSending, seat: Seat): Promise<Response> {
  const { gateway, answer, track } = sending;
  const until = new Date(gateway.clock.now().getTime() + HOLD_MS);
  const first = await attempt(sending, seat, until, answer.signal);
  if (first !== null) return first;
  // Whoever closes the connection after this has its answer already.
  track(attempt(sending, seat, seat.approval.expiresAt, undefined).then(() => undefined));
  return new Response(null, { status: 202 });
}

/** One wait for the decision, and what follows from it. Null: undecided at `until`. */
async function attempt(
  sending: AnswerSending,
  seat: Seat,
  until: Date,
  signal: AbortSignal | undefined,
): Promise<Response | null> {
  const { gateway, answer, call } = sending;
  const { idText } = answer;
  const turn = await takeTurn(gateway, seat, () => call, until, signal);
  const { approval: leg } = turn.kind === 'dispatch' ? turn.dispatch : turn;
  switch (turn.kind) {
    case 'dispatch':
      return dispatchAnswer(sending, seat, turn.dispatch);
    case 'result':
      await recordCollected(gateway, seat.joiner, leg);
      return new Response(null, { status: 202 });
    case 'over': {
      await recordCollected(gateway, seat.joiner, leg);
      const words = approvalEndedResult(leg).content[0].text;
      if (leg.state !== 'unknown') await refuseServer(sending, leg, words.split('\n')[0]!);
      const data = JSON.stringify({ 'holdfast/approval': approvalMeta(leg) });
      return rpcError(403, 403, words, idText, {}, data);
    }
    case 'gone':
      return gone(sending, seat);
    case 'pending':
      if (gateway.waitingRoom.open && signal !== undefined) return null;
      await leaveSeatEmpty(gateway, seat.joiner);
      return rpcError(503, 503, 'Undecided: send the same answer again to go on waiting.', idText);
    default:
      await leaveSeatEmpty(gateway, seat.joiner);
      return rpcError(503, 503, 'Approved, but it cannot be sent now: send the same answer again in a minute.', idText);
  }
}

/** What is sent is what was frozen when the leg opened, whoever's turn it is. */
async function dispatchAnswer(sending: AnswerSending, seat: Seat, dispatch: Dispatch): Promise<Response> {
  const { gateway, answer, asked } = sending;
  const parked = await parkedCall(gateway, dispatch.approval);
  const sent: ExchangeAnswer =
    parked === null
      ? { kind: 'not_sent', why: 'the answer is no longer kept' }
      : await sending
          .post(frozenCallIn(parked))
          .catch((error: Error) => ({ kind: 'lost', why: error.message }) as const);
  switch (sent.kind) {
    case 'not_sent':
      await reopenAsked(gateway, asked.n);
      await finish(gateway, dispatch, { kind: 'not_sent', why: sent.why });
      await leaveSeatEmpty(gateway, seat.joiner);
      break;
    case 'lost':
      await recordCollected(gateway, seat.joiner, await finish(gateway, dispatch, { kind: 'unknown', why: sent.why }));
      break;
    default: {
      const response = new TextEncoder().encode(JSON.stringify({ status: sent.status }));
      const ended = await finish(gateway, dispatch, { kind: 'returned', response, failed: sent.status >= 300 });
      await recordCollected(gateway, seat.joiner, ended);
    }
  }
  return responseTo(answer, sent);
}

/** The agent closed its POST: it takes the answer back. The server hears so once nobody else waits for the leg. */
async function gone(sending: AnswerSending, { joiner }: Seat): Promise<Response> {
  const { gateway, answer, parent } = sending;
  const { principal, idText } = answer;
  const { server } = parent;
  const reason = 'it closed the request with its answer';
  const leg = await leave(gateway, { joiner, replica: gateway.replica, grant: principal.grant, server, reason });
  if (leg !== null && (leg.state === 'withdrawn' || leg.state === 'lapsed')) {
    await refuseServer(sending, leg, 'the agent took its answer back');
  }
  return rpcError(499, 499, 'The answer was taken back.', idText);
}

import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Call } from '../../domain/call/call.ts';
import { ALL_EXACT } from '../../domain/call/inexact.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { Arrival, Leg } from '../../gateway/call/arrival.ts';
import { handleLeg } from '../../gateway/call/handle-call.ts';
import { leave } from '../../gateway/call/leave.ts';
import { leaveSeatEmpty, parkedCall, recordCollected } from '../../gateway/call/seats.ts';
import { finish } from '../../gateway/dispatch/finish.ts';
import {
  closeRequest,
  findServerRequest,
  hasServerRequest,
  modeForAnswer,
  reopenAsked,
  takeAnswer,
  textOfRequest,
} from '../../gateway/dispatch/server-requests.ts';
import { takeTurn } from '../../gateway/dispatch/take-turn.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Seat } from '../../gateway/state/seat.ts';
import type { AskedRequest, ExchangeAnswer } from '../../ports.ts';
import type { AgentAnswer } from '../door/call-door.ts';
import { headersOfGatedCall } from '../protocol/gated-headers.ts';
import { requestKey } from '../protocol/request-key.ts';
import { rpcError } from '../protocol/response.ts';
import { approvalEndedResult, approvalMeta } from '../protocol/tool-results.ts';
import { discardAnswer } from '../relay/relay.ts';
import { callOfFrozen, type FrozenCall, frozenBytes, frozenCallIn } from './frozen-call.ts';
import { serversWord } from './leg.ts';
import { sentHeaders } from './request.ts';
import { errorAnswer } from './server-requests.ts';

/**
 * Milliseconds for which a POST with an answer is held while a person decides: less than the five minutes after which
 * Node's `fetch` gives up. Then it is answered 202, and the answer is sent when it is approved.
 */
const HOLD_MS = 240_000;

/** What is sent of an answer: it may hold nothing that nobody sees. */
const MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result', 'error']);

/** What an answer to a request of a server's needs besides the answer. */
export interface AnswerContext {
  readonly gateway: Gateway;
  /** Makes the process wait for `run` before it ends. */
  readonly track: (run: Promise<void>) => void;
  /** The answer as the server knows it, where that differs from what the agent wrote. */
  readonly rewritten: string;
}

/**
 * An agent's answer to a request that its server sent while a gated call ran (up to 2025-11-25). Null: it answers no
 * such request, and is passed on like any message.
 *
 * | policy says | the POST |
 * |---|---|
 * | `allow` | the answer is logged, sent, and the POST answered 202 |
 * | `ask`, and a person says yes | the same, once, with the bytes and headers of whoever gave the answer first |
 * | `ask`, and a person says no, or nobody decides | the server gets an error in its place; the agent a 403 |
 * | `ask`, undecided for four minutes | 202; it is sent when it is approved, for as long as this process lives |
 * | `ask`, and the agent closes the POST before that | withdrawn; the server gets an error in its place |
 * | `ask`, and this process stops meanwhile | 503; the leg stays, and the same answer, sent again, joins it |
 * | the request was answered before, or its call is over | 409, and nothing is sent |
 */
export async function answerServerRequest(context: AnswerContext, answer: AgentAnswer): Promise<Response | null> {
  const { gateway } = context;
  const { principal, server, session } = answer;
  const key = requestKey(member(answer.message, 'id'));
  const asked = await findServerRequest(gateway, { grant: principal.grant, server, session, key });
  if (asked === null) return null;
  const refuse = (status: number, why: string): Response => rpcError(status, status, why, answer.idText);
  const parent = asked.running && !asked.answered ? await gateway.store.find(asked.approval) : null;
  const parked = parent === null ? null : await parkedCall(gateway, parent);
  if (parent === null || parked === null) return refuse(409, WHY_LATE);
  const fault = faultIn(answer);
  if (fault !== null) return refuse(400, fault);
  const headers = headersOfGatedCall(answer.requestHeaders);
  return answerAsked({
    ...context,
    answer,
    asked,
    parent,
    call: callWith(answer, frozenCallIn(parked)),
    headers,
    refusal: (why) => ({ text: errorAnswer(idOfRequest(gateway, asked), why), headers }),
    post: (message) => postMessage(answer, message.text, message.headers),
  });
}

/** The id of a server's request, as JSON text. */
function idOfRequest(gateway: Gateway, asked: AskedRequest): string {
  return JSON.stringify(member(JSON.parse(textOfRequest(gateway, asked)) as JsonObject, 'id') ?? null);
}

/** Sends an answer now, or once a person has said yes. Answers 202 once the server has it. */
export function answerAsked(sending: AnswerSending): Promise<Response> {
  return modeForAnswer(sending.gateway, sending.parent) === 'ask' ? askFirst(sending) : sendNow(sending);
}

const WHY_LATE = 'Not sent: the server no longer waits for this answer. It was answered before, or its call is over.';

/** What is posted to the server. */
type PostedMessage = Pick<FrozenCall, 'text' | 'headers'>;

/** An answer to something that a server asked during a gated call, ready to be sent. */
export interface AnswerSending extends AnswerContext {
  readonly answer: Pick<AgentAnswer, 'idText' | 'principal' | 'server' | 'session' | 'signal'>;
  readonly asked: AskedRequest;
  readonly parent: Approval;
  /** The gated call, with the answer in `params.answer`. */
  readonly call: Call;
  /** The headers with which the answer is sent: a closed list. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the server gets in place of an answer; null: nothing, because it does not wait for one. */
  readonly refusal: ((why: string) => PostedMessage) | null;
  readonly post: (message: PostedMessage) => Promise<ExchangeAnswer>;
}

/** Why nobody could be shown all of this answer; null: nothing prevents it. */
function faultIn({ message, inexact }: AgentAnswer): string | null {
  for (const name of Object.keys(message)) {
    if (MEMBERS.has(name)) continue;
    const short = JSON.stringify(name.slice(0, 64).toWellFormed());
    return `Not sent: ${short} is no member of a JSON-RPC response. Leave it out, or put it into result.`;
  }
  if (Object.hasOwn(message, 'result') === Object.hasOwn(message, 'error')) {
    return 'Not sent: a response has either a result or an error.';
  }
  const [first] = inexact.list;
  if (first === undefined) return null;
  return `Not sent: the value at ${first.pointer} cannot be kept exactly, so what an approver sees might not be what is sent. Send it as a string.`;
}

function callWith(answer: AgentAnswer, frozen: FrozenCall): Call {
  const { message } = answer;
  const call = callOfFrozen(answer, frozen);
  const said: Json = Object.hasOwn(message, 'result')
    ? member(message, 'result')!
    : { error: member(message, 'error')! };
  return { ...call, params: { ...call.params, answer: said } };
}

async function sendNow(sending: AnswerSending): Promise<Response> {
  const { gateway, answer, asked, call } = sending;
  if (!(await takeAnswer(gateway, asked, call))) return rpcError(409, 409, WHY_LATE, answer.idText);
  const sent = await sending.post(frozenAnswer(sending));
  if (sent.kind === 'not_sent') await reopenAsked(gateway, asked.n);
  return responseTo(answer, sent);
}

function frozenAnswer({ answer, rewritten, headers }: AnswerSending): FrozenCall {
  return { idText: answer.idText, session: answer.session, headers, text: rewritten };
}

/** Whose messages go where. */
interface MessageSender extends Pick<AgentAnswer, 'configured' | 'sessionId' | 'upstream'> {
  readonly principal: { readonly grant: string };
}

/** Posts a message to the server in the agent's session. Its answer's body is not read. */
export async function postMessage(
  { upstream, configured, sessionId, principal }: MessageSender,
  text: string,
  headers: Readonly<Record<string, string>>,
): Promise<ExchangeAnswer> {
  const answered = await upstream.exchange({
    method: 'POST',
    headers: sentHeaders(headers, configured, { sessionId, revision: null }),
    body: new TextEncoder().encode(text),
    grant: principal.grant,
    whenAbandoned: 'drain',
  });
  discardAnswer(answered);
  return answered;
}

function responseTo({ idText, server }: AnswerSending['answer'], sent: ExchangeAnswer): Response {
  if (sent.kind === 'answer' && sent.status < 300) return new Response(null, { status: 202 });
  if (sent.kind === 'answer') return rpcError(502, 502, `${server} refused the answer with ${sent.status}.`, idText);
  const why =
    sent.kind === 'not_sent'
      ? `${server} cannot be reached (${sent.why}); nothing was sent to it. Send the same answer again.`
      : `The connection to ${server} broke (${sent.why}). The answer may have reached it.`;
  return rpcError(502, 502, why, idText);
}

/** Opens or joins the leg, and holds the POST until it is decided. */
async function askFirst(sending: AnswerSending): Promise<Response> {
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
    policy: gateway.rules.policy(answer.server),
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
  const { gateway, answer } = sending;
  const { principal, server, idText } = answer;
  const reason = 'it closed the request with its answer';
  const leg = await leave(gateway, { joiner, replica: gateway.replica, grant: principal.grant, server, reason });
  if (leg !== null && (leg.state === 'withdrawn' || leg.state === 'lapsed')) {
    await refuseServer(sending, leg, 'the agent took its answer back');
  }
  return rpcError(499, 499, 'The answer was taken back.', idText);
}

/** Tells the server, once, that it gets no answer, so that it does not wait for ever. Never rejects. */
async function refuseServer(sending: AnswerSending, leg: Approval | null, why: string): Promise<void> {
  const { gateway, asked, parent, refusal } = sending;
  try {
    const about = leg ?? { ...parent, id: parent.id };
    if (!(await closeRequest(gateway, asked, about, why))) return;
    if (refusal !== null) await sending.post(refusal(why));
  } catch (error) {
    gateway.log.error({ err: error, approval: parent.id }, 'a server could not be told that it gets no answer');
  }
}

/** Whether a message of a batch answers a request that was sent during a gated call; such an answer travels alone. */
export async function answersGatedCall(
  gateway: Pick<Gateway, 'tasks'>,
  { grant, server, session }: { readonly grant: string; readonly server: string; readonly session: string | null },
  messages: readonly JsonObject[],
): Promise<boolean> {
  const keys = new Set(messages.filter(isAnswer).map((message) => requestKey(member(message, 'id'))));
  return hasServerRequest(gateway, { grant, server, session }, [...keys]);
}

function isAnswer(message: JsonObject): boolean {
  return isObject(message) && member(message, 'method') === undefined && Object.hasOwn(message, 'id');
}

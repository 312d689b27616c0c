import type { Call } from '../../domain/call/call.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { parkedCall } from '../../gateway/call/seats.ts';
import {
  findServerRequest,
  hasServerRequest,
  modeForAnswer,
  reopenAsked,
  takeAnswer,
  textOfRequest,
} from '../../gateway/dispatch/server-requests.ts';
import { whyUnasked } from '../../gateway/dispatch/unasked-answer.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { AskedRequest } from '../../ports.ts';
import type { AgentAnswer } from '../door/call-door.ts';
import { callOfFrozen, type FrozenCall, frozenCallIn } from '../hold/frozen-call.ts';
import { postMessage } from '../hold/post-message.ts';
import { errorAnswer } from '../hold/server-requests.ts';
import { frozenWords } from '../protocol/frozen-result.ts';
import { headersOfGatedCall } from '../protocol/gated-headers.ts';
import { requestKey } from '../protocol/request-key.ts';
import { rpcError } from '../protocol/response.ts';
import {
  type AnswerContext,
  type AnswerSending,
  frozenAnswer,
  responseTo,
  WHY_LATE,
  WHY_UNASKED,
} from './answer-sending.ts';
import { askFirst } from './ask-about-answer.ts';

/** What is sent of an answer: it may hold nothing that nobody sees. */
const MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'result', 'error']);

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
 * | the call runs under another name of this upstream | as there: its policy and its approvers decide |
 * | nobody was seen to ask this, while a call runs whose answers need a yes | the same (`whyUnasked`) |
 */
export async function answerServerRequest(context: AnswerContext, answer: AgentAnswer): Promise<Response | null> {
  const { gateway } = context;
  const { principal, server, session } = answer;
  const key = requestKey(member(answer.message, 'id'));
  const place = { grant: principal.grant, server, session };
  const asked = await findServerRequest(gateway, { ...place, key });
  const refuse = (status: number, why: string): Response => rpcError(status, status, why, answer.idText);
  if (asked === null) {
    const why = await whyUnasked(gateway, place, [key]);
    return why === null ? null : refuse(409, WHY_UNASKED[why]);
  }
  const parent = asked.running && !asked.answered ? await gateway.store.find(asked.approval) : null;
  // Whether its answers need a yes is read from it: what does not fit its seals says nothing.
  const parked = parent === null || parent.broken !== null ? null : await parkedCall(gateway, parent);
  if (parent === null || parked === null) return refuse(409, WHY_LATE);
  const fault = faultIn(answer);
  if (fault !== null) return refuse(400, fault);
  const headers = headersOfGatedCall(answer.requestHeaders);
  return answerAsked({
    ...context,
    answer,
    asked,
    parent,
    call: callWith({ ...answer, server: parent.server }, frozenCallIn(parked)),
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
export async function answerAsked(sending: AnswerSending): Promise<Response> {
  return (await modeForAnswer(sending.gateway, sending.parent, sending.asked)) === 'ask'
    ? askFirst(sending)
    : sendNow(sending);
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
  const taken = await takeAnswer(gateway, asked, call);
  if (taken === 'late') return rpcError(409, 409, WHY_LATE, answer.idText);
  if (taken !== 'taken') return rpcError(423, 423, frozenWords(taken), answer.idText);
  const sent = await sending.post(frozenAnswer(sending));
  if (sent.kind === 'not_sent') await reopenAsked(gateway, asked.n);
  return responseTo(answer, sent);
}

/** Whether a message of a batch answers a request that was sent during a gated call; such an answer travels alone. */
export async function answersGatedCall(
  gateway: Parameters<typeof whyUnasked>[0],
  { grant, server, session }: { readonly grant: string; readonly server: string; readonly session: string | null },
  messages: readonly JsonObject[],
): Promise<boolean> {
  const keys = new Set(messages.filter(isAnswer).map((message) => requestKey(member(message, 'id'))));
  if (keys.size === 0) return false;
  const place = { grant, server, session };
  return (await hasServerRequest(gateway, place, [...keys])) || (await whyUnasked(gateway, place, [...keys])) !== null;
}

function isAnswer(message: JsonObject): boolean {
  return isObject(message) && member(message, 'method') === undefined && Object.hasOwn(message, 'id');
}

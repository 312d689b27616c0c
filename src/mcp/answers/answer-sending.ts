import type { Approval } from '../../domain/approval/approval.ts';
import type { Call } from '../../domain/call/call.ts';
import { closeRequest } from '../../gateway/dispatch/server-requests.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { AskedRequest, ExchangeAnswer } from '../../ports.ts';
import type { AgentAnswer } from '../door/call-door.ts';
import type { FrozenCall } from '../hold/frozen-call.ts';
import { rpcError } from '../protocol/response.ts';

/** What an answer to a request of a server's needs besides the answer. */
export interface AnswerContext {
  readonly gateway: Gateway;
  /** Makes the process wait for `run` before it ends. */
  readonly track: (run: Promise<void>) => void;
  /** The answer as the server knows it, where that differs from what the agent wrote. */
  readonly rewritten: string;
}

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

/** Why an answer came too late; for the agent. */
export const WHY_LATE =
  'Not sent: the server no longer waits for this answer. It was answered before, or its call is over.';

/** Why an answer to something that nobody was seen to ask is not sent; for the agent. */
export const WHY_UNASKED: Readonly<Record<'unseen' | 'others', string>> = {
  unseen:
    'Not sent: a call runs here whose answers need approval, and its server has not asked this. Send the answer again when that call is over.',
  others:
    'Not sent: this server keeps no sessions apart, and asked another agent something under the same id during a call that needed approval. Send the answer again when that call is over.',
};

/** The answer as it is sent. */
export function frozenAnswer({ answer, rewritten, headers }: AnswerSending): FrozenCall {
  return { idText: answer.idText, session: answer.session, headers, text: rewritten };
}

/** What the agent gets once the server has its answer, or has not. */
export function responseTo({ idText, server }: AnswerSending['answer'], sent: ExchangeAnswer): Response {
  if (sent.kind === 'answer' && sent.status < 300) return new Response(null, { status: 202 });
  if (sent.kind === 'answer') return rpcError(502, 502, `${server} refused the answer with ${sent.status}.`, idText);
  const why =
    sent.kind === 'not_sent'
      ? `${server} cannot be reached (${sent.why}); nothing was sent to it. Send the same answer again.`
      : `The connection to ${server} broke (${sent.why}). The answer may have reached it.`;
  return rpcError(502, 502, why, idText);
}

/** Tells the server, once, that it gets no answer, so that it does not wait for ever. Never rejects. */
export async function refuseServer(sending: AnswerSending, leg: Approval | null, why: string): Promise<void> {
  const { gateway, asked, parent, refusal } = sending;
  try {
    const about = leg ?? { ...parent, id: parent.id };
    if (!(await closeRequest(gateway, asked, about, why))) return;
    if (refusal !== null) await sending.post(refusal(why));
  } catch (error) {
    gateway.log.error({ err: error, approval: parent.id }, 'a server could not be told that it gets no answer');
  }
}

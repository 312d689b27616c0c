import { answerAgent } from './answer-agent.ts';
import { countOpening } from './count-opening.ts';
import { sendToServer } from './exchange.ts';
import { heardRefusal } from './heard-refusal.ts';
import { tellingSession } from './lent-session.ts';
import type { PostedRequest } from './posted.ts';
import { readPost } from './read-post.ts';
import { routeMessage } from './route-message.ts';
import { routeToolCall } from './route-tool-call.ts';
import { traceToolCall } from './traced-call.ts';
import type { AgentVisit } from './visit.ts';

/** A request whose handling threw, with its id, by which its refusal is found. */
export class FailedPost extends Error {
  readonly error: unknown;
  /** JSON text. */
  readonly idText: string;

  constructor(error: unknown, idText: string) {
    super('a request failed');
    this.error = error;
    this.idText = idText;
  }
}

/**
 * POST: reads the message once, then either answers it here or sends it to its server and returns the server's answer.
 */
export async function handlePost(visit: AgentVisit): Promise<Response> {
  const posted = await readPost(visit);
  if (!('read' in posted)) return heardRefusal(visit.headers, posted);
  try {
    return heardRefusal(visit.headers, await answerTraced(posted));
  } catch (error) {
    const { read } = posted;
    throw new FailedPost(error, (read.kind === 'message' ? read.idText : null) ?? 'null');
  }
}

/** Where traces are collected, a tool call is one. */
function answerTraced(posted: PostedRequest): Promise<Response> {
  const { read, context } = posted;
  if (context.tracing === undefined || read.kind !== 'message' || read.method !== 'tools/call')
    return answerPosted(posted);
  return traceToolCall(context.tracing, posted, read, () => answerPosted(posted));
}

async function answerPosted(posted: PostedRequest): Promise<Response> {
  const { read } = posted;
  const isCall = read.kind === 'message' && read.method === 'tools/call';
  const routed = await (isCall ? routeToolCall(posted, read) : routeMessage(posted));
  // Not `instanceof Response`: the value that reports an answer already written to its socket may be of another class.
  if (!('mayOpenSession' in routed)) return routed;
  const counted = routed.mayOpenSession
    ? await countOpening({ ...posted, idText: read.kind === 'message' ? read.idText : null })
    : null;
  if (counted instanceof Response) return counted;
  const answered = tellingSession(posted, posted.lent, await sendToServer(posted, routed));
  await counted?.(answered);
  if (routed.onAnswer !== undefined) await routed.onAnswer(answered);
  const heard = routed.hear === undefined ? answered : await routed.hear(answered);
  return answerAgent(posted, heard, routed);
}

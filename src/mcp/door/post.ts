import { answerAgent } from './answer-agent.ts';
import { exchange } from './exchange.ts';
import { readPost } from './read-post.ts';
import { routeMessage } from './route-message.ts';
import { routeToolCall } from './route-tool-call.ts';
import type { AgentVisit } from './visit.ts';

/**
 * A POST of an agent goes one way: it is read once, answered here or sent to its server, and the server's answer is
 * handed on.
 */
export async function post(visit: AgentVisit): Promise<Response> {
  const posted = await readPost(visit);
  if (!('read' in posted)) return posted;
  const { read } = posted;
  const isCall = read.kind === 'message' && read.method === 'tools/call';
  const routed = await (isCall ? routeToolCall(posted, read) : routeMessage(posted));
  // Not by `instanceof`: where the answer is on its socket already, what tells so need not be a `Response` of ours.
  if (!('opens' in routed)) return routed;
  const answered = await exchange(posted, routed.bytes);
  if (routed.answered !== undefined) await routed.answered(answered);
  return answerAgent(posted, answered, routed);
}

import { AS_IT_IS, type Forward } from './forward.ts';
import { type PostedRequest, PostedToolCall } from './posted.ts';
import type { ReadOne } from './strict-door.ts';

/** A tool call: the calls' door answers it, or lets it go out as it came. */
export async function routeToolCall(posted: PostedRequest, read: ReadOne): Promise<Response | Forward> {
  const routing = await posted.passage.calls.call(new PostedToolCall(posted, read));
  if (routing.kind === 'respond') return routing.response;
  const { notSent } = routing;
  if (notSent === undefined) return AS_IT_IS;
  return { ...AS_IT_IS, answered: async (answer) => (answer.kind === 'not_sent' ? notSent() : undefined) };
}

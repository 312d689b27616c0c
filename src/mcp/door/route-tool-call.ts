import { hearEnd } from '../relay/hear-end.ts';
import { provesNothingRan } from '../upstream/send.ts';
import { FORWARD_UNCHANGED, type Forward } from './forward.ts';
import { type PostedRequest, PostedToolCall } from './posted.ts';
import type { ReadSingle } from './strict-door.ts';

/** Routes a tool call: the call door answers it, or has it forwarded unchanged. */
export async function routeToolCall(posted: PostedRequest, read: ReadSingle): Promise<Response | Forward> {
  const routing = await posted.context.calls.call(new PostedToolCall(posted, read));
  if (routing.kind === 'respond') return routing.response;
  const { notSent, heard, instead } = routing;
  if (notSent === undefined && heard === undefined && instead === undefined) return FORWARD_UNCHANGED;
  const { server, principal, upstreamHeaders } = posted;
  const { headers } = instead ?? { headers: upstreamHeaders };
  const sent = { upstream: server.upstream, grant: principal.grant, headers };
  return {
    ...FORWARD_UNCHANGED,
    ...(instead && { bytes: instead.bytes, headers }),
    ...(notSent && { onAnswer: async (answer) => ((await provesNothingRan(sent, answer)) ? notSent() : undefined) }),
    // A modern agent that leaves has cancelled, and no stream of its era is resumed.
    ...(heard && { hear: (answer) => hearEnd(answer, read.idText ?? 'null', heard, posted.claimedRevision === null) }),
  };
}

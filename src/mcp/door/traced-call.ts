import { isTraceparent, isTracestate } from '../../domain/call/transport.ts';
import { type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { TraceParent, Tracing } from '../../ports.ts';
import { DEFAULT_REVISION, type PostedRequest } from './posted.ts';
import type { ReadSingle } from './strict-door.ts';

/** Handles a tool call inside a span of its own. What is forwarded stays as it is. */
export function traceToolCall(
  tracing: Tracing,
  { server, principal, session, headers, claimedRevision }: PostedRequest,
  read: ReadSingle,
  handle: () => Promise<Response>,
): Promise<Response> {
  const params = member(read.message, 'params') as JsonObject;
  const call = {
    server: server.name,
    tool: String(member(params, 'name')),
    grant: principal.grant,
    requestId: read.idText ?? 'null',
    session: session?.digest ?? null,
    protocolVersion: claimedRevision ?? headers['mcp-protocol-version'] ?? DEFAULT_REVISION,
    inMessage: traceParentOf((name) => member(member(params, '_meta'), name)),
    inHeaders: traceParentOf((name) => headers[name]),
  };
  return tracing.call(call, async () => {
    const response = await handle();
    if (response.status >= 400) tracing.note({ 'http.response.status_code': response.status }, String(response.status));
    return response;
  });
}

function traceParentOf(get: (name: string) => Json | undefined): TraceParent | null {
  const [traceparent = null, tracestate = null] = [get('traceparent'), get('tracestate')];
  if (!isTraceparent(traceparent)) return null;
  return { traceparent: traceparent as string, tracestate: isTracestate(tracestate) ? (tracestate as string) : null };
}

import type { Call, Principal } from '../../domain/call/call.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { rereadCall } from '../hold/request.ts';
import { withoutMember } from '../json/edit.ts';
import type { ServerEntry } from '../upstream/server.ts';

/**
 * A call that is sent later, by any replica. It is stored as JSON, so its members are a format that other replicas and
 * later versions must be able to read.
 */
export interface TaskRequest {
  readonly idText: string;
  readonly session: string | null;
  /** The agent's headers that may be forwarded. The configured ones are added when the call is sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** The request's body as text. */
  readonly text: string;
  /** The server is asked to run the call as a task, as the agent asked us (2025-11-25). */
  readonly asTask: boolean;
}

const UTF8 = new TextDecoder();

/**
 * What is stored of a call that became a task. The task is the gateway's: a server that does not support tasks never
 * sees `params.task`; one that does is asked for a task of its own (2025-11-25).
 */
export function taskRequestBytes(request: ToolCallRequest, asTask: boolean): Uint8Array {
  const { idText, session, agentHeaders: own } = request;
  const sent = UTF8.decode(request.bytes);
  const text = asTask ? sent : withoutMember(sent, ['params', 'task']);
  return new TextEncoder().encode(
    JSON.stringify({ idText, session, headers: own, text, asTask } satisfies TaskRequest),
  );
}

/** The request, as `taskRequestBytes` made it. */
export function taskRequestIn(kept: Uint8Array): TaskRequest {
  return JSON.parse(UTF8.decode(kept)) as TaskRequest;
}

/** The call as policy evaluates it. */
export function callOfTask(request: TaskRequest, principal: Principal, server: string): Call {
  const bytes = new TextEncoder().encode(request.text);
  return rereadCall({ principal, server, session: request.session, bytes });
}

/** The headers with which the call is sent. The configured ones win, as on every request. */
export function taskCallHeaders(request: TaskRequest, server: ServerEntry): Record<string, string> {
  const headers: Record<string, string> = { ...request.headers };
  for (const [name, value] of Object.entries(server.headers)) headers[name.toLowerCase()] = value;
  headers['accept-encoding'] = 'identity';
  return headers;
}

/** How long the agent wants the task to be kept, in milliseconds; null: it states no valid time. */
export function requestedTtl(params: JsonObject): number | null {
  const task = params.task as JsonObject | undefined;
  const ttl = task?.ttl;
  return typeof ttl === 'number' && Number.isFinite(ttl) && ttl > 0 ? ttl : null;
}

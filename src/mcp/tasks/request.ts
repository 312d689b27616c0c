import type { Call, Principal } from '../../domain/call/call.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { recall } from '../hold/request.ts';
import { withoutMember } from '../json/edit.ts';
import type { ServerEntry } from '../upstream/server.ts';

/** A call that is sent later, by whichever replica comes to it. */
export interface TaskRequest {
  readonly idText: string;
  readonly session: string | null;
  /** The agent's own headers that cross; the config's are added when it is sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** The request as text. */
  readonly text: string;
  /** The server is asked to run it as a task, as the agent asked us (2025-11-25). */
  readonly asTask: boolean;
}

const UTF8 = new TextDecoder();

/**
 * What is kept of a call that became a task. The task is the gateway's, and a server that runs nothing as a task never
 * hears of it; one that does is asked for one of its own (2025-11-25).
 */
export function taskRequestBytes(request: ToolCallRequest, asTask: boolean): Uint8Array {
  const { idText, session, own } = request;
  const whole = UTF8.decode(request.bytes);
  const text = asTask ? whole : withoutMember(whole, ['params', 'task']);
  return new TextEncoder().encode(
    JSON.stringify({ idText, session, headers: own, text, asTask } satisfies TaskRequest),
  );
}

/** The request, as `taskRequestBytes` made it. */
export function taskRequestIn(kept: Uint8Array): TaskRequest {
  return JSON.parse(UTF8.decode(kept)) as TaskRequest;
}

export function callOfTask(request: TaskRequest, principal: Principal, server: string): Call {
  const bytes = new TextEncoder().encode(request.text);
  return recall({ principal, server, session: request.session, bytes });
}

/** The config's headers win, as on every request. */
export function headersFor(request: TaskRequest, server: ServerEntry): Record<string, string> {
  const headers: Record<string, string> = { ...request.headers };
  for (const [name, value] of Object.entries(server.headers)) headers[name.toLowerCase()] = value;
  headers['accept-encoding'] = 'identity';
  return headers;
}

/** How long the agent wants the task kept, in ms. */
export function wantedTtl(params: JsonObject): number | null {
  const task = params.task as JsonObject | undefined;
  const ttl = task?.ttl;
  return typeof ttl === 'number' && Number.isFinite(ttl) && ttl > 0 ? ttl : null;
}

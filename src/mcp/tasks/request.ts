import type { Call, Principal } from '../../domain/call/call.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { Questions } from '../../gateway/task/task-door.ts';
import { standBack } from '../../time/stand-back.ts';
import { callOf, paramsOf } from '../hold/frozen-call.ts';
import { type HeldRequest, sendableOf, sentHeaders } from '../hold/request.ts';
import { withMember, withoutMember } from '../json/edit.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import type { ServerEntry } from '../upstream/server.ts';

/**
 * A call that is sent later, by any replica. It is stored as JSON, so its members are a format that other replicas and
 * later versions must be able to read.
 */
export interface TaskRequest {
  readonly idText: string;
  readonly session: string | null;
  /** The frozen headers, and that of the agent's session. The configured ones are added when the call is sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** The frozen call as text, as its opener sent it. */
  readonly text: string;
  /** The server is asked to run the call as a task, as the agent asked us (2025-11-25). */
  readonly asTask: boolean;
}

const UTF8 = new TextDecoder();

/**
 * What is stored of a call that became a task. The task is the gateway's: a server that does not support tasks never
 * sees `params.task`; one that does is asked for a task of its own (2025-11-25).
 */
export async function taskRequestBytes(held: HeldRequest, asTask: boolean): Promise<Uint8Array> {
  const { session } = held;
  const { bytes, idText, headers } = await sendableOf({ ...held, configured: {} }, asTask);
  const text = UTF8.decode(bytes);
  if (bytes.length >= LARGE_MESSAGE) await standBack();
  return new TextEncoder().encode(JSON.stringify({ idText, session, headers, text, asTask } satisfies TaskRequest));
}

/** The request, as `taskRequestBytes` made it. */
export function taskRequestIn(kept: Uint8Array): TaskRequest {
  return JSON.parse(UTF8.decode(kept)) as TaskRequest;
}

/** The call as policy evaluates it. */
export function callOfTask(request: TaskRequest, principal: Principal, server: string): Call {
  return callOf({ principal, server, session: request.session }, paramsOf(request.text), request.headers);
}

/** The headers with which the call is sent. The configured ones win, as on every request. */
export function taskCallHeaders(request: TaskRequest, server: ServerEntry): Record<string, string> {
  return sentHeaders(request.headers, server.headers, { sessionId: null, revision: null });
}

/** How long the agent wants the task to be kept, in milliseconds; null: it states no valid time. */
export function requestedTtl(params: JsonObject): number | null {
  const task = params.task as JsonObject | undefined;
  const ttl = task?.ttl;
  return typeof ttl === 'number' && Number.isFinite(ttl) && ttl > 0 ? ttl : null;
}

/** The same stored call with a new id, the server's state and the agent's answers. */
export function answeringRequest(kept: Uint8Array, id: string, { given, requestState }: Questions): Uint8Array {
  const request = taskRequestIn(kept);
  const idText = JSON.stringify(id);
  const answers = `{${Object.entries(given).map(([key, json]) => `${JSON.stringify(key)}:${json}`)}}`;
  const named = withMember(request.text, ['id'], idText);
  const answered = withMember(named, ['params', 'inputResponses'], answers);
  const text =
    requestState === null
      ? withoutMember(answered, ['params', 'requestState'])
      : withMember(answered, ['params', 'requestState'], JSON.stringify(requestState));
  return new TextEncoder().encode(JSON.stringify({ ...request, idText, text } satisfies TaskRequest));
}

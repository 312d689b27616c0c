import type { Approval } from '../../domain/approval/approval.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { ToldCounter } from '../../gateway/counter/told-counter.ts';
import type { Task } from '../../ports.ts';
import { endedResult } from '../protocol/counter-result.ts';
import { approvalEndedResult, progressMessage, type ToolResult } from '../protocol/tool-results.ts';

/** The status of a task on the wire, in both eras. */
export type TaskStatus = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';

/** A task is polled more often in its first minute, when a person may be about to decide. */
const SOON_MS = 60_000;
const SOON_POLL_MS = 1_000;
const POLL_MS = 5_000;

/** The `_meta` key that names the task to which a message belongs (2025-11-25, Tasks). */
export const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/**
 * The task's status on the wire.
 *
 * | task | 2025-11-25 | 2026-07-28 |
 * |---|---|---|
 * | waits, or runs | working | working |
 * | the server asks for something | input_required | input_required |
 * | the answers to it wait for an approval | | working |
 * | answered | completed | completed |
 * | answered with `isError`, denied, expired, unknown | failed | completed |
 * | answered with a JSON-RPC error | failed | failed |
 */
export function statusOf(task: Task): TaskStatus {
  if (task.phase === 'cancelled') return 'cancelled';
  if (task.phase === 'input') return task.leg === null ? 'input_required' : 'working';
  if (task.phase !== 'done') return 'working';
  if (task.outcome === 'protocol_error') return 'failed';
  return task.outcome === 'tool_error' && task.era === 'legacy' ? 'failed' : 'completed';
}

/** Whether a task in this status has ended. */
export function isTerminal(status: TaskStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/**
 * The Task object of the task's era. `approval`: to describe what the task waits for; null where it waits for nothing.
 * `asking`: the server asks for something while the call runs.
 */
export function taskObject(task: Task, approval: Approval | null, now: Date, asking = false): JsonObject {
  const status = asking ? 'input_required' : statusOf(task);
  const message = task.note ?? (approval === null || isTerminal(status) ? null : progressMessage(approval));
  const ttl = task.expiresAt.getTime() - task.createdAt.getTime();
  const poll = now.getTime() - task.createdAt.getTime() < SOON_MS ? SOON_POLL_MS : POLL_MS;
  return {
    taskId: task.id,
    status,
    ...(message === null ? {} : { statusMessage: message }),
    createdAt: task.createdAt.toISOString(),
    lastUpdatedAt: task.updatedAt.toISOString(),
    ...(task.era === 'legacy' ? { ttl, pollInterval: poll } : { ttlMs: ttl, pollIntervalMs: poll }),
  };
}

/** The result stored for an approval that ended without an answer of the server, and the result's first line. */
export function endWithoutAnswer(
  approval: Approval,
  counter: ToldCounter | null,
): { readonly result: ToolResult; readonly note: string } {
  const result = endedResult(approval, counter);
  // A status is kept in the clear, and a counter-proposal has the agent's own values, hidden ones too (P8).
  return { result, note: firstLine(counter === null ? result : approvalEndedResult(approval)) };
}

/** The first line of a result's text, which says what happened. */
export function firstLine(result: ToolResult): string {
  return result.content[0].text.split('\n')[0] ?? '';
}

import type { Approval } from '../../domain/approval/approval.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { Task } from '../../ports.ts';
import { over, progressMessage, type ToolResult } from '../protocol/tool-results.ts';

export type Status = 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';

/** While a person may just be about to click, an agent does well to ask often. */
const SOON_MS = 60_000;
const SOON_POLL_MS = 1_000;
const POLL_MS = 5_000;

export const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/**
 * How a task stands.
 *
 * | task | 2025-11-25 | 2026-07-28 |
 * |---|---|---|
 * | waits, or runs | working | working |
 * | the server asks for something | input_required | input_required |
 * | answered | completed | completed |
 * | answered with `isError`, denied, expired, unknown | failed | completed |
 * | answered with a JSON-RPC error | failed | failed |
 */
export function statusOf(task: Task): Status {
  if (task.phase === 'cancelled') return 'cancelled';
  if (task.phase === 'input') return 'input_required';
  if (task.phase !== 'done') return 'working';
  if (task.outcome === 'protocol_error') return 'failed';
  return task.outcome === 'tool_error' && task.era === 'legacy' ? 'failed' : 'completed';
}

export function isTerminal(status: Status): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** The task as its era writes it. `approval`: for the words about what it waits for; null where nothing waits. */
export function shape(task: Task, approval: Approval | null, now: Date, asking = false): JsonObject {
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

/** What is kept of an approval that ended without an answer, as if the server had answered so. */
export function endWithoutAnswer(approval: Approval): { readonly result: ToolResult; readonly note: string } {
  const result = over(approval);
  return { result, note: firstLine(result) };
}

export function firstLine(result: ToolResult): string {
  return result.content[0].text.split('\n')[0] ?? '';
}

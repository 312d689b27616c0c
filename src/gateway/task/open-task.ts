import type { Approval } from '../../domain/approval/approval.ts';
import type { NewTask, Task } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { requestRow } from './find-task.ts';

/** Distinguishes our task ids from those of servers. */
const OURS = 'hft_';
const LETTERS = '0123456789abcdefghjkmnpqrstvwxyz';
/** Longest time in ms that a task is kept because its agent asks for it. */
const LONGEST_TTL = 24 * 60 * 60_000;

/** Whether this gateway made the task; false: a server did. */
export function isOurTask(id: string): boolean {
  return id.startsWith(OURS);
}

/** 160 random bits, so that it cannot be guessed; the task is also bound to its grant. */
function newTaskId(): string {
  const random = crypto.getRandomValues(new Uint8Array(32));
  return OURS + Array.from(random, (byte) => LETTERS[byte % 32]).join('');
}

/** A call that will be answered with a task. */
export interface TaskCall {
  readonly approval: Approval;
  readonly joiner: string;
  readonly server: string;
  readonly grant: string;
  readonly era: Task['era'];
  /** What is needed to send the call later: its bytes and its own headers. */
  readonly request: Uint8Array;
  /** How long the agent wants the task kept, in ms; null: it did not say. */
  readonly ttl: number | null;
}

/**
 * Stores the task, so that the agent may be told of it (2026-07-28, tasks: "only after durable creation"). It is kept
 * at least as long as the decision and the pickup may take.
 */
export async function openTask(
  gateway: Pick<Gateway, 'clock' | 'rules' | 'tasks' | 'vault'>,
  call: TaskCall,
): Promise<Task> {
  const now = gateway.clock.now();
  const id = newTaskId();
  const pickupEnds = Math.max(call.approval.expiresAt.getTime(), now.getTime()) + gateway.rules.approval.pickupMs;
  const wantedUntil = now.getTime() + Math.min(call.ttl ?? 0, LONGEST_TTL);
  const task: NewTask = {
    id,
    approval: call.approval.id,
    joiner: call.joiner,
    grant: call.grant,
    server: call.server,
    era: call.era,
    createdAt: now,
    expiresAt: new Date(Math.max(pickupEnds, wantedUntil)),
    request: gateway.vault.seal('request', requestRow({ id, approval: call.approval.id }), call.request),
  };
  await gateway.tasks.openTask(task);
  const { request: _, ...rest } = task;
  return { ...rest, phase: 'held', outcome: null, note: null, updatedAt: now, leg: null };
}

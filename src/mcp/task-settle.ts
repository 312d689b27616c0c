import { type Approval, isOver } from '../domain/approval.ts';
import { type Json, member } from '../domain/json.ts';
import { approvalsCounted } from '../domain/quorum.ts';
import { about } from '../gateway/decide.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Task, TaskChange, TaskPhase } from '../ports.ts';
import { textAt } from './json-edit.ts';
import { questionIn } from './question.ts';
import { endWithoutAnswer, firstLine } from './task-words.ts';
import type { ToolResult } from './words.ts';

const UTF8 = new TextDecoder();

/** What a server asked of a task's agent, and what the agent has given so far; JSON texts, so that nothing is rounded. */
export interface Questions {
  readonly inputRequests: string | null;
  readonly requestState: string | null;
  readonly given: Readonly<Record<string, string>>;
  /** How often the server has asked. */
  readonly round: number;
}

/** Takes over what became of a task's approval, once it is over. Running it twice, or on two replicas, does no harm. */
export async function settle(gateway: Gateway, task: Task, approval: Approval): Promise<void> {
  if (task.phase !== 'held' || !isOver(approval.state)) return;
  const { store, vault, clock } = gateway.setting;
  const sealed = approval.state === 'succeeded' || approval.state === 'failed' ? await store.result(approval.id) : null;
  const at = clock.now();
  if (sealed !== null) {
    const response = vault.open('result', approval.id, sealed);
    if (await keepResponse(gateway, task.id, ['held'], response, 0)) await served(gateway, task, approval);
    return;
  }
  const { result } = endWithoutAnswer(approval);
  const ended = await gateway.setting.tasks.changeTask(doneWith(gateway, task.id, ['held'], result, at));
  if (ended) await served(gateway, task, approval);
}

/** From here on the task keeps the answer, and its place at the approval is served. */
async function served(gateway: Gateway, task: Task, approval: Approval): Promise<void> {
  const { store, clock, log } = gateway.setting;
  const data = {
    joiner: task.joiner,
    task: task.id,
    state: approval.state,
    votes: approvalsCounted(approval.decisions),
  };
  const event = { type: 'approval.collected', at: clock.now(), actor: `grant:${task.grant}`, data } as const;
  await store
    .collected(task.joiner, about(approval, event))
    .catch((error) => log.warn({ err: error }, 'a collected answer could not be noted'));
}

/** Keeps an answer in the gateway's own words. */
export function doneWith(
  gateway: Gateway,
  id: string,
  from: readonly TaskPhase[],
  result: ToolResult,
  at: Date,
): TaskChange {
  const text = JSON.stringify({ jsonrpc: '2.0', id: 0, result });
  const kept = gateway.setting.vault.seal('result', id, new TextEncoder().encode(text));
  return { id, from, to: 'done', at, outcome: 'tool_error', note: firstLine(result), kept, leaseUntil: null };
}

/** Keeps what the server answered: its result, what it asks, or the task that it made of it. False: somebody else did. */
export async function keepResponse(
  gateway: Gateway,
  id: string,
  from: readonly TaskPhase[],
  response: Uint8Array,
  round: number,
): Promise<boolean> {
  const { tasks, vault, clock } = gateway.setting;
  const at = clock.now();
  const keep = (text: string): Uint8Array => vault.seal('result', id, new TextEncoder().encode(text));
  const asked = questionIn(response);
  if (asked !== null) {
    const questions: Questions = { ...asked, given: {}, round: round + 1 };
    const kept = keep(JSON.stringify(questions));
    const note = 'the server asks for something';
    return tasks.changeTask({ id, from, to: 'input', at, kept, note, leaseUntil: null });
  }
  const text = UTF8.decode(response);
  const nested = nestedTask(text);
  if (nested !== null) {
    return tasks.changeTask({ id, from, to: 'relayed', at, kept: keep(nested), note: null, leaseUntil: null });
  }
  const outcome = outcomeOf(text);
  return tasks.changeTask({ id, from, to: 'done', at, kept: keep(text), outcome, note: null, leaseUntil: null });
}

function outcomeOf(text: string): Task['outcome'] {
  if (textAt(text, ['result']) === null) return 'protocol_error';
  return textAt(text, ['result', 'isError']) === 'true' ? 'tool_error' : 'completed';
}

/** The id of the task that the server made of the call (2026-07-28); null when it made none. */
function nestedTask(text: string): string | null {
  if (textAt(text, ['result', 'resultType']) !== '"task"') return null;
  const id = member(member(JSON.parse(text) as Json, 'result'), 'taskId');
  return typeof id === 'string' ? id : null;
}

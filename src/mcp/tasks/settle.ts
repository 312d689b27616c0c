import { type Approval, isOver } from '../../domain/approval.ts';
import { approvalsCounted } from '../../domain/quorum.ts';
import { about } from '../../gateway/decision/decide.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Task, TaskChange } from '../../ports.ts';
import { textAt } from '../json/edit.ts';
import type { ToolResult } from '../protocol/tool-results.ts';
import { endWithoutAnswer, firstLine } from './status.ts';

const UTF8 = new TextDecoder();

/** Takes over what became of a task's approval, once it is over. Running it twice, or on two replicas, does no harm. */
export async function settle(gateway: Gateway, task: Task, approval: Approval): Promise<void> {
  if (task.phase === 'done' || task.phase === 'cancelled' || !isOver(approval.state)) return;
  const { store, vault, tasks } = gateway;
  const sealed = approval.state === 'succeeded' || approval.state === 'failed' ? await store.result(approval.id) : null;
  const end = sealed === null ? null : UTF8.decode(vault.open('result', approval.id, sealed));
  const change =
    end === null ? doneWith(gateway, task, endWithoutAnswer(approval).result) : answered(gateway, task, end);
  if (await tasks.changeTask(change)) await served(gateway, task, approval);
}

/** From here on the task keeps the answer, and its place at the approval is served. */
async function served(gateway: Gateway, task: Task, approval: Approval): Promise<void> {
  const { store, clock, log } = gateway;
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

function doneWith(gateway: Gateway, task: Task, result: ToolResult): TaskChange {
  const text = JSON.stringify({ jsonrpc: '2.0', id: 0, result });
  return { ...answered(gateway, task, text), outcome: 'tool_error', note: firstLine(result) };
}

/** Keeps what the server answered, for as long as whoever comes late may take. */
function answered(gateway: Gateway, { id, phase }: Task, text: string): TaskChange {
  const at = gateway.clock.now();
  const until = new Date(at.getTime() + gateway.rules.approval.pickupMs);
  const kept = gateway.vault.seal('result', id, new TextEncoder().encode(text));
  return { id, from: [phase], to: 'done', at, outcome: outcomeOf(text), note: null, kept, until };
}

function outcomeOf(text: string): Task['outcome'] {
  if (textAt(text, ['result']) === null) return 'protocol_error';
  return textAt(text, ['result', 'isError']) === 'true' ? 'tool_error' : 'completed';
}

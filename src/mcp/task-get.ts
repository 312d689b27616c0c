import type { Task } from '../ports.ts';
import { rpcText } from './answer.ts';
import type { TaskMessage } from './call-door.ts';
import type { TaskHall } from './task-door.ts';
import { relayTask } from './task-relay.ts';
import { detailed, freshView } from './task-view.ts';
import { shape } from './task-words.ts';

/** `tasks/get`: flat in 2025-11-25, with result, error or questions inlined in 2026-07-28. */
export async function getTask(hall: TaskHall, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = hall;
  const { task, approval } = await freshView(gateway, found);
  const idText = message.idText ?? 'null';
  const { tasks, clock } = gateway.setting;
  if (task.phase === 'relayed') return relayTask(hall, message, task);
  if (message.modern) {
    const text = await detailed(hall, task, approval, { resultType: 'complete' });
    if (task.phase === 'done') await tasks.fetchedTask(task.id, clock.now());
    return rpcText(idText, text);
  }
  const shown = shape(task, approval, gateway.setting.clock.now(), task.phase === 'held' && runs.inbox.asks(task.id));
  // A failure is told by its message; only what is completed is still to be fetched by tasks/result.
  if (shown.status === 'failed') await tasks.fetchedTask(task.id, clock.now());
  return rpcText(idText, JSON.stringify(shown));
}

import type { NewEvent } from '../domain/event.ts';
import { isObject, type JsonObject, member } from '../domain/json.ts';
import { LEASE_MS } from '../gateway/leases.ts';
import type { Task } from '../ports.ts';
import { rpcText } from './answer.ts';
import type { TaskMessage } from './call-door.ts';
import { textAt, withMember } from './json-edit.ts';
import { sendHeld } from './send-held.ts';
import type { TaskHall } from './task-door.ts';
import { relayTask } from './task-relay.ts';
import { openTaskRequest } from './task-request.ts';
import { doneWith, keepResponse, type Questions } from './task-settle.ts';
import { freshView, questionsOf } from './task-view.ts';
import { unanswered } from './words.ts';

const ACK = '{"resultType":"complete"}';
const UTF8 = new TextDecoder();
/** Milliseconds between two renewals of the lease on what is being sent. */
const RENEW_MS = 10_000;

/**
 * `tasks/update` (2026-07-28): the agent answers what the server asked. Some keys may come now and others later; when
 * all are there the call goes on, as one more leg of the same call, under the same approval, once.
 */
export async function updateTask(hall: TaskHall, message: TaskMessage, found: Task): Promise<Response> {
  const { gateway, runs } = hall;
  const { setting } = gateway;
  const { task } = await freshView(gateway, found);
  if (task.phase === 'relayed') return relayTask(hall, message, task);
  const ack = rpcText(message.idText ?? 'null', ACK);
  for (;;) {
    const over = task.phase === 'input' ? await setting.tasks.taskBytes(task.id, 'kept') : null;
    if (over === null) return ack;
    const questions = JSON.parse(UTF8.decode(setting.vault.open('result', task.id, over))) as Questions;
    const given = { ...questions.given, ...answersIn(message, questions) };
    const complete = keysOf(questions).every((key) => Object.hasOwn(given, key));
    const at = setting.clock.now();
    const next: Questions = { ...questions, given };
    const kept = setting.vault.seal('result', task.id, new TextEncoder().encode(JSON.stringify(next)));
    const leaseUntil = complete ? new Date(at.getTime() + LEASE_MS) : null;
    const to = complete ? 'sending' : 'input';
    if (!(await setting.tasks.changeTask({ id: task.id, from: ['input'], to, at, kept, over, leaseUntil }))) {
      const now = await questionsOf(gateway, task);
      if (now === null) return ack;
      continue;
    }
    if (complete) runs.follow(task.id, (signal) => goOn(hall, message, task, next, signal));
    return ack;
  }
}

function keysOf({ inputRequests }: Questions): string[] {
  const asked: unknown = JSON.parse(inputRequests ?? '{}');
  return isObject(asked) ? Object.keys(asked) : [];
}

/** The answers to what was asked, as their JSON texts; others are not looked at. */
function answersIn(message: TaskMessage, questions: Questions): Record<string, string> {
  const answers: Record<string, string> = {};
  for (const key of keysOf(questions)) {
    const text = textAt(message.text, ['params', 'inputResponses', key]);
    if (text !== null && isObject(JSON.parse(text))) answers[key] = text;
  }
  return answers;
}

async function goOn(
  { gateway, runs }: TaskHall,
  message: TaskMessage,
  task: Task,
  questions: Questions,
  signal: AbortSignal,
): Promise<void> {
  const { setting } = gateway;
  const sealed = await setting.tasks.taskBytes(task.id, 'request');
  if (sealed === null) return;
  const request = openTaskRequest(setting.vault, task, sealed);
  const idText = JSON.stringify(`${task.id}-${questions.round}`);
  const bytes = new TextEncoder().encode(continuedText(request.text, idText, questions));
  // P7: before it is sent.
  await setting.store.append([happened(gateway, task, 'call.dispatched', { continues: task.approval, task: task.id })]);
  const renewal = setInterval(() => {
    const until = new Date(setting.clock.now().getTime() + LEASE_MS);
    setting.tasks
      .renewTasks([task.id], until)
      .catch((error) => setting.log.warn({ err: error }, 'a lease was not renewed'));
  }, RENEW_MS);
  try {
    const { outcome } = await sendHeld({
      upstream: message.upstream,
      grant: task.grant,
      headers: { ...request.headers, ...message.headers, ...namesOf(request.headers) },
      bytes,
      idText,
      meanwhile: (event) => runs.inbox.put(task.id, event),
      signal,
    });
    const data: JsonObject =
      outcome.kind === 'returned' ? { bytes: outcome.response.byteLength } : { why: outcome.why };
    const failed = outcome.kind === 'returned' && outcome.failed;
    const type = outcome.kind === 'returned' ? (failed ? 'call.failed' : 'call.succeeded') : 'call.unknown';
    await setting.store.append([happened(gateway, task, type, { ...data, continues: task.approval, task: task.id })]);
    if (outcome.kind === 'returned') {
      await keepResponse(gateway, task.id, ['sending'], outcome.response, questions.round);
      return;
    }
    const result = unanswered(outcome.why, outcome.kind === 'unknown');
    await setting.tasks.changeTask(doneWith(gateway, task.id, ['sending'], result, setting.clock.now()));
  } finally {
    clearInterval(renewal);
  }
}

/** The same call with a new id, the server's state and the agent's answers. */
function continuedText(text: string, idText: string, { given, requestState }: Questions): string {
  const answers = `{${Object.entries(given).map(([key, json]) => `${JSON.stringify(key)}:${json}`)}}`;
  const answered = withMember(withMember(text, ['id'], idText), ['params', 'inputResponses'], answers);
  return requestState === null
    ? answered
    : withMember(answered, ['params', 'requestState'], JSON.stringify(requestState));
}

/** What the call's own headers say of it; the message that brings the answers says something else. */
function namesOf(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name]) => name === 'mcp-method' || name === 'mcp-name' || name.startsWith('mcp-param-'),
    ),
  );
}

function happened({ setting }: TaskHall['gateway'], task: Task, type: NewEvent['type'], data: JsonObject): NewEvent {
  const at = setting.clock.now();
  const tool = typeof member(data, 'tool') === 'string' ? String(member(data, 'tool')) : null;
  return { type, at, actor: 'holdfast', approval: task.approval, server: task.server, tool, grant: task.grant, data };
}

import { type Json, member } from '../domain/json.ts';
import { fieldsOf } from './sse-fields.ts';

/** Requests kept for one task at most; a server that asks more than this without an answer is not heard. */
const MOST = 100;

const UTF8 = new TextDecoder();

interface Box {
  waiting: Uint8Array[];
  listener: ((event: Uint8Array) => void) | null;
}

/**
 * What a server asks of a task's agent while the call runs: elicitation, sampling. Nobody holds a stream then, so it is
 * handed over when the agent asks for the task's result (2025-11-25, Tasks: input_required). Kept by the replica that
 * sent the call; progress is not kept.
 */
export class TaskInbox {
  readonly #boxes = new Map<string, Box>();

  put(task: string, event: Uint8Array): void {
    const data = fieldsOf(UTF8.decode(event)).data;
    if (data === null || !isRequest(data)) return;
    const box = this.#boxes.get(task) ?? { waiting: [], listener: null };
    this.#boxes.set(task, box);
    if (box.listener !== null) box.listener(event);
    else if (box.waiting.length < MOST) box.waiting.push(event);
  }

  /** Something waits for the agent. */
  asks(task: string): boolean {
    return (this.#boxes.get(task)?.waiting.length ?? 0) > 0;
  }

  /** Hands over what waits and what comes. Returns what ends it. */
  listen(task: string, listener: (event: Uint8Array) => void): () => void {
    const box = this.#boxes.get(task) ?? { waiting: [], listener: null };
    this.#boxes.set(task, box);
    for (const event of box.waiting) listener(event);
    box.waiting = [];
    box.listener = listener;
    return () => {
      if (box.listener === listener) box.listener = null;
    };
  }

  drop(task: string): void {
    this.#boxes.delete(task);
  }
}

function isRequest(data: string): boolean {
  try {
    const message = JSON.parse(data) as Json;
    return member(message, 'id') !== undefined && typeof member(message, 'method') === 'string';
  } catch {
    return false;
  }
}

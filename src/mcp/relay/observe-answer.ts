import { concatBytes } from '../../bytes/read.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { ListPage } from '../../gateway/tools/tool-lists.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { editData, SseCutter } from '../sse/cutter.ts';

/** Bytes of one answer that are listened to; a longer one passes unheard. */
const MOST = 8 * 1024 * 1024;

/**
 * The same answer, listened to on its way: each message in it is heard once it has passed. Nothing is held back and no
 * byte changes; what cannot be read is not heard.
 */
export function observeAnswer(answer: UpstreamAnswer, hear: (message: JsonObject) => void): UpstreamAnswer {
  const { body, headers } = answer;
  const packed = headerOf(headers, 'content-encoding')?.toLowerCase() ?? 'identity';
  if (body === null || packed !== 'identity') return answer;
  const type = (headerOf(headers, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  const ear = type === 'text/event-stream' ? new EventObserver(hear) : new WholeObserver(hear);
  if (body instanceof Uint8Array) {
    ear.push(body);
    ear.end();
    return answer;
  }
  const reader = body.getReader();
  const passing = new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        const { done, value } = await reader.read();
        if (done) {
          ear.end();
          return out.close();
        }
        ear.push(value);
        out.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { ...answer, body: passing };
}

/** The page of a list in an answer; null: it is none. `request` is what was asked. */
export function listPage(request: Json, answer: JsonObject): ListPage | null {
  const result = member(answer, 'result');
  const tools = member(result, 'tools');
  if (!Array.isArray(tools)) return null;
  const [cursor, next] = [member(member(request, 'params'), 'cursor'), member(result, 'nextCursor')];
  return {
    cursor: typeof cursor === 'string' ? cursor : null,
    tools: tools as readonly Json[],
    next: typeof next === 'string' ? next : null,
  };
}

interface AnswerObserver {
  push(chunk: Uint8Array): void;
  end(): void;
}

class WholeObserver implements AnswerObserver {
  readonly #hear: (message: JsonObject) => void;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(hear: (message: JsonObject) => void) {
    this.#hear = hear;
  }

  push(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length > MOST) this.#chunks = [];
    else this.#chunks.push(chunk.slice());
  }

  end(): void {
    if (this.#length <= MOST) hearText(new TextDecoder().decode(concatBytes(this.#chunks, this.#length)), this.#hear);
  }
}

class EventObserver implements AnswerObserver {
  readonly #hear: (message: JsonObject) => void;
  readonly #cutter = new SseCutter();
  #deaf = false;

  constructor(hear: (message: JsonObject) => void) {
    this.#hear = hear;
  }

  push(chunk: Uint8Array): void {
    if (this.#deaf) return;
    for (const event of this.#cutter.push(chunk.slice())) this.#event(event);
    this.#deaf = this.#cutter.waiting > MOST;
  }

  end(): void {
    if (!this.#deaf) this.#event(this.#cutter.end());
  }

  #event(event: Uint8Array): void {
    const text = new TextDecoder().decode(event);
    if (!text.includes('tools') && !text.includes('\\u')) return;
    editData(text, (data) => {
      hearText(data, this.#hear);
      return null;
    });
  }
}

function hearText(text: string, hear: (message: JsonObject) => void): void {
  try {
    const message = JSON.parse(text) as Json;
    if (isObject(message)) hear(message);
  } catch {
    // What is no JSON says nothing to us.
  }
}

import { withoutMark } from '../../bytes/byte-order-mark.ts';
import { concatBytes } from '../../bytes/join.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { ListPage } from '../../gateway/tools/tool-lists.ts';
import type { UpstreamAnswer } from '../../ports.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { SseCutter } from '../sse/cutter.ts';
import { editData } from '../sse/edit-data.ts';
import { largeEventFields } from '../sse/large-event.ts';
import { readLargeList } from './large-list.ts';

/** Longest answer, or event of a stream, that is observed, in bytes. A longer one is forwarded without being read. */
const MAX_OBSERVED_BYTES = 8 * 1024 * 1024;

/**
 * The same answer, with every message in it also given to `onMessage` as it is forwarded. Nothing is held back and no
 * byte changes. Packed answers and text that is not JSON are not observed.
 */
export function observeAnswer(answer: UpstreamAnswer, onMessage: (message: JsonObject) => void): UpstreamAnswer {
  const { body, headers } = answer;
  if (body === null || headerOf(headers, 'content-encoding') !== null) return answer;
  const observer = isEventStream(headers) ? new EventObserver(onMessage) : new WholeObserver(onMessage);
  if (body instanceof Uint8Array) {
    observer.push(body);
    observer.end();
    return answer;
  }
  const reader = body.getReader();
  const observed = new ReadableStream<Uint8Array>(
    {
      async pull(out) {
        const { done, value } = await reader.read();
        if (done) {
          observer.end();
          return out.close();
        }
        observer.push(value);
        out.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return { ...answer, body: observed };
}

/** The page of the list of tools in an answer to `request`; null when the answer holds no such list. */
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
  readonly #onMessage: (message: JsonObject) => void;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(onMessage: (message: JsonObject) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length > MAX_OBSERVED_BYTES) this.#chunks = [];
    else this.#chunks.push(chunk.slice());
  }

  end(): void {
    if (this.#length > MAX_OBSERVED_BYTES) return;
    const whole = concatBytes(this.#chunks, this.#length);
    if (whole.length >= LARGE_MESSAGE) void observeLarge(whole, this.#onMessage);
    else observeText(new TextDecoder().decode(whole), this.#onMessage);
  }
}

class EventObserver implements AnswerObserver {
  readonly #onMessage: (message: JsonObject) => void;
  readonly #cutter = new SseCutter();
  #tooLong = false;

  constructor(onMessage: (message: JsonObject) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Uint8Array): void {
    if (this.#tooLong) return;
    for (const event of this.#cutter.push(chunk.slice())) this.#observeEvent(event);
    this.#tooLong = this.#cutter.pendingBytes > MAX_OBSERVED_BYTES;
  }

  end(): void {
    if (!this.#tooLong) this.#observeEvent(this.#cutter.end());
  }

  #observeEvent(event: Uint8Array): void {
    if (event.length >= LARGE_MESSAGE) {
      largeEventFields(event)
        .then(({ data }) => data && observeLarge(data, this.#onMessage))
        .catch(() => undefined);
      return;
    }
    const text = new TextDecoder().decode(event);
    if (!text.includes('tools') && !text.includes('\\u')) return;
    editData(text, (data) => {
      observeText(data, this.#onMessage);
      return null;
    });
  }
}

/** How many tools of a large list are read; nobody looks at more. */
const MOST_TOOLS = 10_000;

/**
 * Of a large message, only a list of tools is observed. It is read in pieces, while it is forwarded. Never rejects: nobody
 * awaits it, and whatever a server writes must not end the process.
 */
async function observeLarge(bytes: Uint8Array, onMessage: (message: JsonObject) => void): Promise<void> {
  try {
    const list = await readLargeList(withoutMark(bytes), MOST_TOOLS);
    if (list === null) return;
    const { tools, next } = list;
    onMessage({ result: { tools, ...(next === null ? {} : { nextCursor: next }) } });
  } catch {
    // What cannot be read is not observed.
  }
}

function observeText(text: string, onMessage: (message: JsonObject) => void): void {
  try {
    const read = JSON.parse(text.replace(/^\ufeff/, '')) as Json;
    for (const message of Array.isArray(read) ? (read as readonly Json[]) : [read]) {
      if (isObject(message)) onMessage(message);
    }
  } catch {
    // Only JSON is observed.
  }
}

import type { ExchangeAnswer } from '../../ports.ts';
import { EventStream, onAbort, type StreamCallbacks, UPSTREAM_SSE_HEADERS } from './events.ts';

/** In which form a client gets the answer to a POST. */
export interface AnswerForm {
  /** The client accepts `text/event-stream`. */
  readonly events: boolean;
  /** What the child asks meanwhile is sent on this POST's stream. */
  readonly carriesRequests: boolean;
  /** The body was a batch. */
  readonly batch: boolean;
  /** Headers to add to the answer, whatever its form. */
  readonly headers: readonly (readonly [string, string])[];
}

/**
 * One POST with requests, until each of them is answered.
 *
 * | so far | then | the answer is |
 * |---|---|---|
 * | nothing sent | all responses have come | JSON, the line's own bytes |
 * | nothing sent | another message comes first, or 250 ms pass | an SSE stream, if the client accepts one |
 * | streaming | the last response comes | its event, then the end |
 * | either | the client disconnects | nothing: what comes later is dropped |
 * | either | the child ends | `lost`, or a stream that fails |
 */
export class PendingPost {
  readonly #answer: Promise<ExchangeAnswer>;
  readonly #form: AnswerForm;
  readonly #callbacks: StreamCallbacks;
  readonly #onAbandoned: () => void;
  readonly #unanswered: Set<string>;
  readonly #timer: NodeJS.Timeout | null;
  #resolve: ((answer: ExchangeAnswer) => void) | null = null;
  #held: Uint8Array[] = [];
  #stream: EventStream | null = null;
  #over = false;

  constructor(
    ids: readonly string[],
    form: AnswerForm,
    callbacks: Omit<StreamCallbacks, 'onReaderGone'>,
    onAbandoned: () => void,
    headersAfterMs: number,
  ) {
    this.#unanswered = new Set(ids);
    this.#form = form;
    this.#callbacks = { ...callbacks, onReaderGone: () => this.#abandon() };
    this.#onAbandoned = onAbandoned;
    this.#answer = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = form.events ? setTimeout(() => this.#open(), headersAfterMs) : null;
  }

  /** Whether what the child asks meanwhile is sent here rather than to the listener. */
  get carriesRequests(): boolean {
    return this.#form.carriesRequests;
  }

  /** The answer is complete, or nobody reads it any more. */
  get over(): boolean {
    return this.#over;
  }

  /**
   * The answer, unless the caller disconnects first. The child continues in that case: in the legacy era, a
   * disconnection is not a cancellation.
   */
  async answerUnless(disconnected: AbortSignal | undefined): Promise<ExchangeAnswer> {
    const stopWaiting = onAbort(disconnected, () => this.#abandon());
    const answer = await this.#answer;
    if (this.#over) stopWaiting();
    return answer;
  }

  /** The response to one of its requests. */
  respond(id: string, line: Uint8Array): void {
    this.#unanswered.delete(id);
    if (this.#over) return;
    if (this.#stream !== null) this.#stream.send(line);
    else this.#held.push(line);
    if (this.#unanswered.size === 0) this.#finish();
    else if (this.#form.events) this.#open();
  }

  /** Sends a message ahead of the response. False: this client cannot take it on this POST. */
  offer(line: Uint8Array): boolean {
    if (this.#over || !this.#form.events) return false;
    this.#open().send(line);
    return true;
  }

  /** Ends the POST without a response. */
  settle(answer: Exclude<ExchangeAnswer, { kind: 'answer' }>): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream?.fail(answer.why);
    this.#resolveAnswer(answer);
  }

  #abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream?.end();
    this.#resolveAnswer({ kind: 'lost', why: 'the caller went away before the answer' });
    this.#onAbandoned();
  }

  #finish(): void {
    this.#over = true;
    if (this.#stream !== null) {
      this.#stream.end();
      return;
    }
    const headers = [['content-type', 'application/json'] as const, ...this.#form.headers];
    const body = this.#form.batch ? asBatch(this.#held) : this.#held[0]!;
    this.#resolveAnswer({ kind: 'answer', status: 200, headers, body });
  }

  #open(): EventStream {
    if (this.#stream !== null) return this.#stream;
    this.#stream = new EventStream(this.#callbacks);
    const headers = [...UPSTREAM_SSE_HEADERS, ...this.#form.headers];
    this.#resolveAnswer({ kind: 'answer', status: 200, headers, body: this.#stream.body });
    for (const line of this.#held) this.#stream.send(line);
    this.#held = [];
    return this.#stream;
  }

  #resolveAnswer(answer: ExchangeAnswer): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#resolve?.(answer);
    this.#resolve = null;
  }
}

function asBatch(lines: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([
    Buffer.from('['),
    ...lines.flatMap((line, n) => (n ? [Buffer.from(','), line] : [line])),
    Buffer.from(']'),
  ]);
}

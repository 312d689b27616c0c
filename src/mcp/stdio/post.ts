import type { ExchangeAnswer } from '../../ports.ts';
import { EventStream, onAbort, STREAM_HEADERS, type StreamEars } from './events.ts';

/** How this client takes the answer to a POST. */
export interface AnswerForm {
  /** It accepts `text/event-stream`. */
  readonly events: boolean;
  /** The body was a batch. */
  readonly batch: boolean;
  /** Headers that go with the answer, whatever its form. */
  readonly headers: readonly (readonly [string, string])[];
}

/**
 * One POST with requests, until each of them is answered.
 *
 * | so far | then | the answer is |
 * |---|---|---|
 * | nothing said | every response is there | JSON, the line's own bytes |
 * | nothing said | another message comes first, or 250 ms pass | an SSE stream, where the client accepts one |
 * | streaming | the last response | its event, then the end |
 * | anything | the client goes away | nothing: what comes later is dropped |
 * | anything | the child goes away | `lost`, or a stream that fails |
 */
export class Post {
  readonly #answer: Promise<ExchangeAnswer>;
  readonly #reader: AnswerForm;
  readonly #ears: StreamEars;
  readonly #abandoned: () => void;
  readonly #left: Set<string>;
  readonly #timer: NodeJS.Timeout | null;
  #resolve: ((answer: ExchangeAnswer) => void) | null = null;
  #held: Uint8Array[] = [];
  #stream: EventStream | null = null;
  #over = false;

  constructor(
    ids: readonly string[],
    reader: AnswerForm,
    ears: Omit<StreamEars, 'left'>,
    abandoned: () => void,
    headersAfterMs: number,
  ) {
    this.#left = new Set(ids);
    this.#reader = reader;
    this.#ears = { ...ears, left: () => this.#abandon() };
    this.#abandoned = abandoned;
    this.#answer = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#timer = reader.events ? setTimeout(() => this.#open(), headersAfterMs) : null;
  }

  /** Nobody reads it any more. */
  get over(): boolean {
    return this.#over;
  }

  /**
   * The answer, unless the caller goes away first. The child goes on then: in the legacy era a disconnect is no cancel.
   */
  async answerUnless(gone: AbortSignal | undefined): Promise<ExchangeAnswer> {
    const stay = onAbort(gone, () => this.#abandon());
    const answer = await this.#answer;
    if (this.#over) stay();
    return answer;
  }

  /** The response to one of its requests. */
  respond(id: string, line: Uint8Array): void {
    this.#left.delete(id);
    if (this.#over) return;
    if (this.#stream !== null) this.#stream.send(line);
    else this.#held.push(line);
    if (this.#left.size === 0) this.#finish();
    else if (this.#reader.events) this.#open();
  }

  /** A message that goes before the response. False: this client cannot take it here. */
  offer(line: Uint8Array): boolean {
    if (this.#over || !this.#reader.events) return false;
    this.#open().send(line);
    return true;
  }

  /** Ends it without a response. */
  settle(answer: Exclude<ExchangeAnswer, { kind: 'answer' }>): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream?.fail(answer.why);
    this.#decide(answer);
  }

  #abandon(): void {
    if (this.#over) return;
    this.#over = true;
    this.#stream?.end();
    this.#decide({ kind: 'lost', why: 'the caller went away before the answer' });
    this.#abandoned();
  }

  #finish(): void {
    this.#over = true;
    if (this.#stream !== null) {
      this.#stream.end();
      return;
    }
    const headers = [['content-type', 'application/json'] as const, ...this.#reader.headers];
    const body = this.#reader.batch ? asBatch(this.#held) : this.#held[0]!;
    this.#decide({ kind: 'answer', status: 200, headers, body });
  }

  #open(): EventStream {
    if (this.#stream !== null) return this.#stream;
    this.#stream = new EventStream(this.#ears);
    const headers = [...STREAM_HEADERS, ...this.#reader.headers];
    this.#decide({ kind: 'answer', status: 200, headers, body: this.#stream.body });
    for (const line of this.#held) this.#stream.send(line);
    this.#held = [];
    return this.#stream;
  }

  #decide(answer: ExchangeAnswer): void {
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

import { readBounded } from '../../bytes/read.ts';
import { type Json, member } from '../../domain/json/json.ts';
import type { Upstream, UpstreamAnswer } from '../../ports.ts';
import { headerOf } from '../protocol/header-policy.ts';
import { isEventStream } from '../protocol/media-type.ts';
import { SseCutter } from '../sse/cutter.ts';
import { fieldsOf } from '../sse/fields.ts';
import { readableAnswer } from './readable.ts';
import { responseIn } from './response.ts';

/** Bytes of an answer to a request of the gateway's own. */
const MOST_BYTES = 256 * 1024;
const UTF8 = new TextDecoder();

/** What a server answered to a request of ours. `why`: in our own words, without a full stop. */
export type Answered =
  | { readonly kind: 'result'; readonly result: Json; readonly session: string | null }
  | { readonly kind: 'silent'; readonly why: string; readonly status: number | null };

/** One request of the gateway's own, whose answer is read to a bound and given up when the signal aborts. */
export class OwnRequest {
  readonly #upstream: Upstream;
  readonly #grant: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal;
  readonly #mostBytes: number;

  constructor(
    upstream: Upstream,
    grant: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
    mostBytes = MOST_BYTES,
  ) {
    this.#upstream = upstream;
    this.#grant = grant;
    this.#headers = headers;
    this.#signal = signal;
    this.#mostBytes = mostBytes;
  }

  async notify(method: string): Promise<void> {
    const answer = await this.#exchange({ jsonrpc: '2.0', method });
    if (answer.kind === 'answer' && answer.body instanceof ReadableStream) answer.body.cancel().catch(() => undefined);
  }

  async send(method: string, params: object): Promise<Answered> {
    const id = `holdfast-${crypto.randomUUID()}`;
    const answer = await this.#exchange({ jsonrpc: '2.0', id, method, params });
    const silent = (why: string, status: number | null = null): Answered => ({ kind: 'silent', why, status });
    if (answer.kind !== 'answer')
      return silent(answer.kind === 'not_sent' ? 'the server cannot be reached' : 'its answer was lost');
    const readable = readableAnswer(answer);
    if (readable.kind === 'unreadable') return silent(`its answer ${readable.why}`, answer.status);
    if (readable.status !== 200) {
      if (readable.body instanceof ReadableStream) readable.body.cancel().catch(() => undefined);
      return silent(`the server answered ${answer.status}`, answer.status);
    }
    const bytes = await this.#response(readable, JSON.stringify(id));
    if (typeof bytes === 'string') return silent(bytes, answer.status);
    const result = member(JSON.parse(UTF8.decode(bytes)) as Json, 'result');
    if (result === undefined) return silent('the server answered with an error', answer.status);
    return { kind: 'result', result, session: headerOf(answer.headers, 'mcp-session-id') };
  }

  #exchange(message: object): ReturnType<Upstream['exchange']> {
    const body = new TextEncoder().encode(JSON.stringify(message));
    const signal = this.#signal;
    return this.#upstream.exchange({ method: 'POST', headers: this.#headers, body, grant: this.#grant, signal });
  }

  /** The bytes of the response; a text: why there is none. */
  async #response(answer: UpstreamAnswer, idText: string): Promise<Uint8Array | string> {
    const tooLong = `its answer is longer than ${this.#mostBytes / 1024} KiB`;
    const { body } = answer;
    if (body === null) return 'its answer is empty';
    if (body instanceof Uint8Array && body.length > this.#mostBytes) return tooLong;
    const stream = body instanceof Uint8Array ? new Blob([body as Uint8Array<ArrayBuffer>]).stream() : body;
    const bounded = stream.pipeThrough(new TransformStream<Uint8Array>(), { signal: this.#signal });
    if (isEventStream(answer.headers)) return this.#responseInEvents(bounded, idText, tooLong);
    const bytes = await readBounded(bounded, this.#mostBytes);
    if (bytes === null) return tooLong;
    return (await responseIn(bytes, idText)).outcome?.response ?? 'its answer is no response to what was asked';
  }

  async #responseInEvents(
    stream: ReadableStream<Uint8Array>,
    idText: string,
    tooLong: string,
  ): Promise<Uint8Array | string> {
    const cutter = new SseCutter();
    const reader = stream.getReader();
    try {
      for (let length = 0; ; ) {
        const { done, value } = await reader.read();
        if (done) return 'its stream ended without an answer';
        length += value.length;
        if (length > this.#mostBytes) return tooLong;
        for (const event of cutter.push(value)) {
          const { data } = fieldsOf(UTF8.decode(event));
          const { outcome } =
            data === null ? { outcome: null } : await responseIn(new TextEncoder().encode(data), idText);
          if (outcome !== null) return outcome.response;
        }
      }
    } finally {
      // Closed, so that nothing more of it comes.
      reader.cancel().catch(() => undefined);
    }
  }
}

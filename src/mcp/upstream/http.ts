import { type Dispatcher, Pool } from 'undici';
import { concatBytes } from '../../bytes/read.ts';
import type { Exchange, ExchangeAnswer, Upstream } from '../../ports.ts';

export interface HttpUpstreamOptions {
  /** Where the server listens, path and query included. */
  readonly url: string;
}

/** Bodies of a known length up to this many bytes are handed over whole. */
const SMALL = 256 * 1024;
/** Bytes that wait for a slow reader before the upstream is made to wait. */
const HIGH_WATER = 64 * 1024;

/**
 * An MCP server over streamable HTTP. Every exchange is sent at most once, on a connection of its own while it lasts;
 * no time-out ends it (a call may take as long as it likes), redirects are answers like any other.
 *
 * `not_sent` is said only when no byte of the request can have been written: refused, no address, no route, TLS not
 * agreed on. Everything else that goes wrong is `lost`. `why` is a code, fit for an agent to read; it names no address.
 */
export function httpUpstream({ url }: HttpUpstreamOptions): Upstream {
  const { origin, pathname, search } = new URL(url);
  // HTTP/2 would let a request be sent again on its own account (GOAWAY); HTTP/1.1 without pipelining does not.
  const pool = new Pool(origin, { headersTimeout: 0, bodyTimeout: 0, pipelining: 1, allowH2: false });
  return {
    kind: 'http',
    exchange: (exchange) => send(pool, `${pathname}${search}`, exchange),
    close: () => pool.destroy(),
  };
}

function send(pool: Pool, path: string, exchange: Exchange): Promise<ExchangeAnswer> {
  return new Promise((resolve) => {
    if (exchange.signal?.aborted) return resolve({ kind: 'not_sent', why: 'ABORTED' });
    const answering = new AnswerHandler(resolve, exchange);
    const { method, headers, body } = exchange;
    // A GET is idempotent, which undici takes for leave to send it twice.
    const options = { path, method, headers, body, idempotent: false } as Dispatcher.DispatchOptions;
    try {
      pool.dispatch(options, answering);
    } catch (error) {
      answering.onResponseError(null, error as Error);
    }
  });
}

/**
 * The upstream's stream ended before its answer did. Of errors with this code the HTTP server writes nothing into the
 * agent's stream; it only cuts it off, so that it cannot pass for whole.
 */
class BrokenOff extends Error {
  readonly code = 'ERR_STREAM_PREMATURE_CLOSE';
}

/** Turns undici's callbacks into one answer. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  #resolve: ((answer: ExchangeAnswer) => void) | null;
  #transfer: Dispatcher.DispatchController | null = null;
  #status = 0;
  #headers: [string, string][] = [];
  /** What came before it was known how to hand it over. */
  #chunks: Uint8Array[] = [];
  #length = 0;
  #ended = false;
  #stream: ReadableStreamDefaultController<Uint8Array> | null = null;
  #dropped = false;

  constructor(resolve: (answer: ExchangeAnswer) => void, exchange: Exchange) {
    this.#resolve = resolve;
    this.#exchange = exchange;
    exchange.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Called right before the first byte is written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const again = this.#transfer !== null;
    this.#transfer = controller;
    if (again) controller.abort(new Error('a request is never sent twice'));
    else if (this.#exchange.signal?.aborted) this.#abort();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    this.#status = status;
    for (const name in headers) {
      const value = headers[name];
      if (typeof value === 'string') this.#headers.push([name.toLowerCase(), value]);
      else if (value !== undefined) for (const one of value) this.#headers.push([name.toLowerCase(), one]);
    }
    if (isSmall(headers)) return;
    // Short answers come in one read with their headers: by the next microtask they are whole, and need no stream.
    queueMicrotask(() => {
      if (!this.#ended) this.#handOver(this.#makeStream());
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#dropped) return;
    if (this.#stream === null) {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      return;
    }
    this.#stream.enqueue(chunk);
    if ((this.#stream.desiredSize ?? 0) <= 0) controller.pause();
  }

  onResponseEnd(): void {
    this.#ended = true;
    if (this.#stream !== null && !this.#dropped) this.#stream.close();
    this.#handOver(this.#length === 0 ? null : concatBytes(this.#chunks, this.#length));
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#ended = true;
    const why = codeOf(error);
    if (this.#stream !== null && !this.#dropped) this.#stream.error(new BrokenOff(why));
    this.#settle(this.#transfer === null ? { kind: 'not_sent', why } : { kind: 'lost', why });
  }

  #makeStream(): ReadableStream<Uint8Array> {
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (stream) => {
        this.#stream = stream;
        for (const chunk of this.#chunks) stream.enqueue(chunk);
        this.#chunks = [];
      },
      pull: () => {
        if (this.#transfer?.paused) this.#transfer.resume();
      },
      cancel: () => this.#abandon(),
    };
    return new ReadableStream(source, { highWaterMark: HIGH_WATER, size: (chunk) => chunk?.byteLength ?? 0 });
  }

  #abandon(): void {
    this.#dropped = true;
    if (this.#exchange.whenAbandoned === 'drain') this.#transfer?.resume();
    else this.#abort();
  }

  readonly #abort = (): void => {
    // Before the request has a connection there is nothing to abort; `onRequestStart` looks at the signal again.
    this.#transfer?.abort(new Error('ABORTED'));
  };

  #handOver(body: ReadableStream<Uint8Array> | Uint8Array | null): void {
    this.#settle({ kind: 'answer', status: this.#status, headers: this.#headers, body });
  }

  #settle(answer: ExchangeAnswer): void {
    this.#exchange.signal?.removeEventListener('abort', this.#abort);
    this.#resolve?.(answer);
    this.#resolve = null;
  }
}

/** Whole and soon: a stated length within the limit, and no event stream. */
function isSmall(headers: Record<string, string | string[] | undefined>): boolean {
  const length = headers['content-length'];
  const type = headers['content-type'];
  return typeof length === 'string' && Number(length) <= SMALL && !String(type).startsWith('text/event-stream');
}

/** An error's code, of its cause if it has none itself; never its message, which may hold an address. */
function codeOf(error: unknown): string {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    if ('code' in e && typeof e.code === 'string') return e.code;
    if (e instanceof AggregateError && e.errors.length > 0) return codeOf(e.errors[0]);
  }
  return 'FAILED';
}

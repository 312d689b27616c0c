import type { Dispatcher } from 'undici';
import { concatBytes } from '../../bytes/join.ts';
import type { Exchange, ExchangeAnswer, Upstream } from '../../ports.ts';
import { dispatcherFor } from './dispatcher.ts';

/**
 * Answers of one grant that are read to their end although nobody wants them any more. Beyond that the oldest is broken
 * off, so that whoever leaves again and again does not collect connections to a server that never ends its answers.
 */
const MOST_DRAINED = 64;

/** How an HTTP server is reached. */
export interface HttpUpstreamOptions {
  /** The server's address, with path and query. */
  readonly url: string;
  /** As in `Upstream`. */
  readonly notRun?: readonly number[];
  /** The address of the HTTP proxy between, perhaps with user and password; absent or null: none. */
  readonly proxy?: string | null;
}

/** A body of a known length up to this many bytes is returned in one piece instead of as a stream. */
const SMALL = 256 * 1024;
/** Bytes buffered for a slow reader before the upstream connection is paused. */
const HIGH_WATER = 64 * 1024;

/**
 * An MCP server over streamable HTTP. Every exchange is sent at most once and has a connection to itself while it
 * lasts. There is no time-out, because a call may take any time. Redirects are returned like any other answer.
 *
 * HTTP/1.1 is spoken wherever the server speaks it, and HTTP/2 to one that refuses it during the TLS handshake.
 *
 * The result is `not_sent` only when no byte of the request can have been written: connection refused, no address, no
 * route, TLS handshake failed, a proxy that opens no tunnel or wants another password. Every other failure is `lost`.
 * `why` is a code without addresses, which an agent may read; it begins with `PROXY_` where the proxy is what failed.
 */
export function httpUpstream({ url, notRun = [], proxy = null }: HttpUpstreamOptions): Upstream {
  const { origin, pathname, search } = new URL(url);
  const target = { origin, path: `${pathname}${search}`, isProxied: proxy !== null };
  const drained: DrainedAnswers = new Map();
  const older = dispatcherFor(origin, { proxy, version: 'http/1.1' });
  let newer: Dispatcher | null = null;
  const exchangeOver = async (exchange: Exchange): Promise<ExchangeAnswer> => {
    if (newer === null) {
      const answer = await send(older, target, exchange, drained);
      if (answer.kind !== 'not_sent' || !SPEAKS_NEWER.has(answer.why)) return answer;
    }
    newer ??= dispatcherFor(origin, { proxy, version: 'h2' });
    return send(newer, target, exchange, drained);
  };
  return {
    kind: 'http',
    notRun: new Set(notRun),
    exchange: (exchange) =>
      origin.startsWith('https:') ? exchangeOver(exchange) : send(older, target, exchange, drained),
    close: async () => {
      await Promise.all([older.destroy(), newer?.destroy()]);
    },
  };
}

/** How a TLS handshake fails with a server that speaks no HTTP/1.1 (RFC 7301, 3.2). Nothing was sent then. */
const SPEAKS_NEWER: ReadonlySet<string> = new Set(['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL']);

interface Target {
  readonly origin: string;
  readonly path: string;
  readonly isProxied: boolean;
}

/** By grant, oldest first: how each is broken off. */
type DrainedAnswers = Map<string, Set<() => void>>;

function send(
  dispatcher: Dispatcher,
  { origin, path, isProxied }: Target,
  exchange: Exchange,
  drained: DrainedAnswers,
): Promise<ExchangeAnswer> {
  return new Promise((resolve) => {
    if (exchange.signal?.aborted) return resolve({ kind: 'not_sent', why: 'ABORTED' });
    const handler = new AnswerHandler(resolve, exchange, drained, isProxied);
    const { method, headers, body } = exchange;
    // undici repeats idempotent requests, such as a GET, unless it is told that they are not.
    const options = { origin, path, method, headers, body, idempotent: false } as Dispatcher.DispatchOptions;
    try {
      dispatcher.dispatch(options, handler);
    } catch (error) {
      handler.onResponseError(null, error as Error);
    }
  });
}

/**
 * The upstream's stream broke off. When a stream fails with this code, the HTTP server writes nothing into the agent's
 * stream and cuts it off, so that the agent cannot mistake it for complete.
 */
class BrokenOff extends Error {
  readonly code = 'ERR_STREAM_PREMATURE_CLOSE';
}

/** Turns undici's callbacks into one answer. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #drained: DrainedAnswers;
  readonly #isProxied: boolean;
  #resolve: ((answer: ExchangeAnswer) => void) | null;
  #controller: Dispatcher.DispatchController | null = null;
  #status = 0;
  #headers: [string, string][] = [];
  /** Received before it was decided whether to return them in one piece or as a stream. */
  #chunks: Uint8Array[] = [];
  #length = 0;
  #ended = false;
  #stream: ReadableStreamDefaultController<Uint8Array> | null = null;
  #dropped = false;
  #aborted = false;
  #forget: (() => void) | null = null;

  constructor(
    resolve: (answer: ExchangeAnswer) => void,
    exchange: Exchange,
    drained: DrainedAnswers,
    isProxied: boolean,
  ) {
    this.#isProxied = isProxied;
    this.#drained = drained;
    this.#resolve = resolve;
    this.#exchange = exchange;
    exchange.signal?.addEventListener('abort', this.#abort, { once: true });
    this.#forget = exchange.until?.onEnd(this.#abort) ?? null;
  }

  /** undici calls this immediately before it writes the first byte. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    const repeated = this.#controller !== null;
    this.#controller = controller;
    if (repeated) controller.abort(new Error('a request is never sent twice'));
    else if (this.#aborted || this.#exchange.signal?.aborted) this.#abort();
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
      else if (value !== undefined) for (const item of value) this.#headers.push([name.toLowerCase(), item]);
    }
    if (isSmall(headers)) return;
    // A short answer comes in one read with its headers: it is complete by the next microtask and needs no stream.
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
    this.#leave();
    if (this.#stream !== null && !this.#dropped) this.#stream.close();
    this.#handOver(this.#length === 0 ? null : concatBytes(this.#chunks, this.#length));
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#leave();
    const refusal = this.#isProxied ? proxyRefusal(error) : null;
    const isUnsent = this.#controller === null || refusal !== null;
    const code = refusal ?? codeOf(error);
    const why = isUnsent && this.#isProxied && !OF_SERVER.test(code) ? `PROXY_${code}` : code;
    if (this.#stream !== null && !this.#dropped) this.#stream.error(new BrokenOff(why));
    this.#settle({ kind: isUnsent ? 'not_sent' : 'lost', why });
  }

  #makeStream(): ReadableStream<Uint8Array> {
    const source: UnderlyingDefaultSource<Uint8Array> = {
      start: (stream) => {
        this.#stream = stream;
        for (const chunk of this.#chunks) stream.enqueue(chunk);
        this.#chunks = [];
      },
      pull: () => {
        // Each pause copies what was read and not parsed yet: not once for every short chunk that a slow reader takes.
        const hasRoom = (this.#stream?.desiredSize ?? HIGH_WATER) >= HIGH_WATER / 2;
        if (hasRoom && this.#controller?.paused) this.#controller.resume();
      },
      cancel: () => this.#abandon(),
    };
    return new ReadableStream(source, { highWaterMark: HIGH_WATER, size: (chunk) => chunk?.byteLength ?? 0 });
  }

  #abandon(): void {
    this.#dropped = true;
    if (this.#exchange.whenAbandoned === 'drain') this.#drain();
    else this.#abort();
  }

  #drain(): void {
    const { grant } = this.#exchange;
    const others = this.#drained.get(grant) ?? new Set();
    this.#drained.set(grant, others.add(this.#abort));
    const [oldest] = others;
    if (others.size > MOST_DRAINED) oldest?.();
    this.#controller?.resume();
  }

  /** Nothing of it is open any more. */
  #leave(): void {
    this.#ended = true;
    this.#forget?.();
    const { grant } = this.#exchange;
    const drained = this.#drained.get(grant);
    if (drained?.delete(this.#abort) && drained.size === 0) this.#drained.delete(grant);
  }

  readonly #abort = (): void => {
    this.#aborted = true;
    // Without a connection there is nothing to abort yet; `onRequestStart` looks again.
    this.#controller?.abort(new Error('ABORTED'));
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

/** Whether the answer is short enough to wait for: it states a length within `SMALL`, and it is not an event stream. */
function isSmall(headers: Record<string, string | string[] | undefined>): boolean {
  const length = headers['content-length'];
  const type = headers['content-type'];
  return typeof length === 'string' && Number(length) <= SMALL && !/^\s*text\/event-stream/i.test(String(type));
}

/** The status with which a proxy refused to pass the request on; null: it is no such error. Its words are undici's. */
function proxyRefusal(error: Error): string | null {
  const words = /^Proxy response \((\d{3})\)|^Proxy Authentication Required \((407)\)$/.exec(error.message);
  return words?.[1] ?? words?.[2] ?? null;
}

/** Codes of failures that are the server's or the caller's, behind whatever proxy. */
const OF_SERVER = /^(?:ERR_|CERT_|DEPTH_|UNABLE_|SELF_SIGNED_|HOSTNAME_|ABORTED$)/;

/** The error's code, or that of its cause; never its message, which may contain an address. */
function codeOf(error: unknown): string {
  for (let e: unknown = error; e instanceof Error; e = e.cause) {
    if ('code' in e && typeof e.code === 'string') return e.code;
    if (e instanceof AggregateError && e.errors.length > 0) return codeOf(e.errors[0]);
  }
  return 'FAILED';
}

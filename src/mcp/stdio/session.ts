import { withoutMark } from '../../bytes/byte-order-mark.ts';
import type { Json } from '../../domain/json/json.ts';
import type { Clock, ExchangeAnswer, Log } from '../../ports.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { AwaitedRequests } from './awaited.ts';
import { MessageBacklog } from './backlog.ts';
import type { Child } from './child.ts';
import { EventStream, onAbort, type StreamCallbacks, UPSTREAM_SSE_HEADERS } from './events.ts';
import { frameLines, messagesOf, toOneLine } from './lines.ts';
import { classifyLarge, classifyMessage, type PostedMessages, parseJson, type StdioMessage } from './message.ts';
import {
  type ChildIds,
  cancellationForChild,
  progressForClient,
  requestForChild,
  responseForClient,
} from './own-ids.ts';
import { ClientPings } from './pings.ts';
import { type AnswerForm, PendingPost } from './post.ts';

type Unanswered = Exclude<ExchangeAnswer, { kind: 'answer' }>;

/** What every stdio session needs. */
export interface StdioSessionTerms {
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds after which an answer that has not come yet is started as an event stream. */
  readonly headersAfterMs: number;
}

/** A server that floods a client that does not listen is logged this often, in ms. */
const TELL_EVERY_MS = 10_000;

/** One MCP session: a child process, the POSTs that wait for it, and the stream of a GET. */
export class StdioSession {
  readonly id: string;
  readonly grant: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #awaited = new AwaitedRequests();
  readonly #backlog = new MessageBacklog();
  readonly #slow = new Set<EventStream>();
  readonly #pings = new ClientPings();
  #child: Child | null = null;
  #listener: EventStream | null = null;
  #usedAt: number;
  readonly #headersAfterMs: number;
  #version: string | null = null;
  /** Messages dropped since that was logged, and when it was, in ms since 1970. */
  #dropped = 0;
  #toldAt = 0;
  /** Settles once what was posted so far is being written. */
  #begun: Promise<unknown> = Promise.resolve();

  constructor(id: string, grant: string, terms: StdioSessionTerms) {
    const { clock, log, headersAfterMs } = terms;
    this.id = id;
    this.grant = grant;
    this.#clock = clock;
    this.#log = log;
    this.#headersAfterMs = headersAfterMs;
    this.#usedAt = clock.now().getTime();
  }

  /** The revision agreed on by `initialize`; null before. */
  get version(): string | null {
    return this.#version;
  }

  /** When it was used last, in ms since 1970. */
  get usedAt(): number {
    return this.#usedAt;
  }

  /** Gives the session its child. To be called before the session is used. */
  attach(child: Child): void {
    this.#child = child;
    void child.exited.then(() => {
      this.#awaited.loseAll("the server's process ended before it answered");
      this.#listener?.end();
      this.#listener = null;
    });
  }

  /**
   * Ends the child, gracefully at first; resolves when it has exited. What it still answers is delivered. `atOnce`: its
   * listener is cut off, and the child gets little time.
   */
  async end(atOnce = false): Promise<void> {
    if (atOnce) {
      this.#listener?.end();
      this.#listener = null;
    }
    await this.#child?.end(atOnce);
  }

  /** Sends a POST to the child. The answer is `not_sent` only where certainly nothing reached the child. */
  async post(posted: PostedMessages, form: AnswerForm, signal: AbortSignal | undefined): Promise<ExchangeAnswer> {
    this.#touch();
    // One after the other: a cancellation must not come before what it cancels.
    const begun = this.#begun.then(() => this.#begin(posted, form));
    this.#begun = begun.catch(() => undefined);
    const { post, written } = await begun;
    if (post !== null) return post.answerUnless(signal);
    return (await written) ?? { kind: 'answer', status: 202, headers: [], body: null };
  }

  /** Begins to write what was posted. `post`: null, it holds no request. */
  async #begin(
    { parts }: PostedMessages,
    form: AnswerForm,
  ): Promise<{ readonly post: PendingPost | null; readonly written: Promise<Unanswered | null> }> {
    const names = parts.flatMap(({ message }) =>
      message.kind === 'request' ? [this.#awaited.namesFor(message.id, message.token)] : [],
    );
    const ids = names.map(({ id }) => id);
    const post =
      ids.length === 0
        ? null
        : new PendingPost(ids, form, this.#flowCallbacks, () => this.#touch(), this.#headersAfterMs);
    const lines: Uint8Array[] = [];
    const unused = [...names];
    for (const { bytes, message } of parts) {
      if (message.kind === 'request' && post !== null)
        lines.push(await this.#renamed(unused.shift()!, { bytes, message, post }));
      else if (message.kind === 'notification' && message.cancels !== null)
        lines.push(...(await this.#cancelled(bytes, message.cancels)));
      else if (message.kind === 'response' && this.#pings.takes(message.id)) continue;
      else lines.push(bytes);
    }
    if (post !== null && this.#listener === null && form.events)
      for (const line of this.#backlog.take()) post.offer(line);
    const written = lines.length === 0 ? Promise.resolve(null) : this.#write(frameLines(lines.map(toOneLine)));
    void written.then((failure) => {
      if (failure === null || post === null) return;
      for (const id of ids) this.#awaited.take(id);
      post.settle(failure);
    });
    return { post, written };
  }

  /** A request as the child gets it. From now on it is awaited. */
  async #renamed(
    names: ChildIds,
    request: {
      readonly bytes: Uint8Array;
      readonly message: Extract<StdioMessage, { kind: 'request' }>;
      readonly post: PendingPost;
    },
  ): Promise<Uint8Array> {
    const { id: clientId, method } = request.message;
    const { bytes, ids } = await requestForChild(request.bytes, names);
    this.#awaited.add(names, { post: request.post, ids, clientId, method });
    return bytes;
  }

  /** The cancellation under the child's id. Empty: no request is meant, or it fits several and cancels none of them. */
  async #cancelled(bytes: Uint8Array, clientId: string): Promise<readonly Uint8Array[]> {
    const cancelled = this.#awaited.cancel(clientId, this.#clock.now().getTime());
    if (cancelled.kind === 'cancelled') return [await cancellationForChild(bytes, cancelled.id)];
    if (cancelled.kind === 'several')
      this.#log.warn({ grant: this.grant }, 'stdio server: a cancellation fits several requests: none was cancelled');
    return [];
  }

  /**
   * Opens the session's single stream for what the server sends on its own. It takes the place of an earlier one, whose
   * reader may have gone without a word.
   */
  listen(signal: AbortSignal | undefined): ExchangeAnswer {
    this.#touch();
    const earlier = this.#listener;
    const stream = new EventStream({ ...this.#flowCallbacks, onReaderGone: () => this.#unlisten(stream) });
    this.#listener = stream;
    earlier?.end();
    for (const line of this.#backlog.take()) stream.send(line);
    onAbort(signal, () => {
      stream.end();
      this.#unlisten(stream);
    });
    return { kind: 'answer', status: 200, headers: UPSTREAM_SSE_HEADERS, body: stream.body };
  }

  /** One line of the child's stdout. */
  receiveLine(marked: Uint8Array): Promise<void> | void {
    const line = withoutMark(marked);
    if (line.length >= LARGE_MESSAGE) return this.#receiveLarge(line);
    const value = parseJson(line);
    if (value === undefined) {
      this.#drop(line, 'a line that is no JSON');
      return;
    }
    const { messages } = messagesOf(line);
    const isBatch = Array.isArray(value);
    const only = messages.length === 1 ? messages[0] : undefined;
    if (only !== undefined) return this.#receive(isBatch ? parseJson(only) : value, only);
    return this.#receiveAll(messages);
  }

  #receive(value: Json | undefined, bytes: Uint8Array): Promise<void> | void {
    const message = classifyMessage(value);
    if (message === null) this.#drop(bytes, 'a line that is no JSON-RPC message');
    else return this.#route(message, bytes);
  }

  async #receiveAll(messages: readonly Uint8Array[]): Promise<void> {
    for (const bytes of messages) await this.#receive(parseJson(bytes), bytes);
  }

  async #receiveLarge(line: Uint8Array): Promise<void> {
    const message = await classifyLarge(line);
    if (message === null) this.#drop(line, 'a large line that is no single JSON-RPC message');
    else await this.#route(message, line);
  }

  /**
   * Whether nobody has used the session for `idleMs`; never while a client waits for an answer or listens. Requests
   * whose clients have disconnected or cancelled do not count, because nobody waits for a hung child any more.
   */
  idle(now: number, idleMs: number): boolean {
    return !this.#awaited.anyWanted() && this.#listener === null && now - this.#usedAt >= idleMs;
  }

  /**
   * Whether the client is there, as far as can be known, where it was quiet for `quietMs`: it waits for an answer, or
   * answers a ping. A stream that is open proves nothing: its other end may have gone without a word.
   */
  async hasClient(now: number, quietMs: number): Promise<boolean> {
    if (this.#awaited.anyWanted() || now - this.#usedAt < quietMs) return true;
    return this.#listener !== null && this.#pings.answered((line) => this.#listener?.send(line));
  }

  /** Gives up cancelled requests that the server has not answered in 30 s. */
  prune(now: number): void {
    this.#awaited.prune(now);
  }

  async #write(lines: Uint8Array): Promise<Unanswered | null> {
    const written = (await this.#child?.write(lines)) ?? 'not_written';
    switch (written) {
      case 'written':
        return null;
      case 'not_written':
        return { kind: 'not_sent', why: "the server's process does not read any more" };
      case 'broken':
        return { kind: 'lost', why: "the server's process went away while the request was written" };
      default:
        return written satisfies never;
    }
  }

  #route(message: StdioMessage, bytes: Uint8Array): Promise<void> | void {
    switch (message.kind) {
      case 'response':
        return this.#respond(message, bytes);
      case 'notification':
        return message.token === null ? this.#sendUnprompted(bytes, false) : this.#report(message.token, bytes);
      case 'request':
        return this.#sendUnprompted(bytes, true);
      default:
        message satisfies never;
    }
  }

  async #respond(message: Extract<StdioMessage, { kind: 'response' }>, bytes: Uint8Array): Promise<void> {
    const request = this.#awaited.take(message.id);
    if (request === null) {
      this.#drop(bytes, 'a response that nobody waits for');
      return;
    }
    this.#touch();
    const isOpening = request.method === 'initialize';
    if (isOpening) this.#version = message.version;
    request.post.respond(message.id, await responseForClient(bytes, request.ids));
    if (isOpening && message.failed) void this.end();
  }

  /** Progress, under the token that the client chose. */
  async #report(token: string, bytes: Uint8Array): Promise<void> {
    const meant = this.#awaited.forToken(token);
    if (meant === null) return this.#sendUnprompted(bytes, false);
    const { post, tokenText } = meant;
    // Progress for a client that has gone is of no use to any other.
    if (post?.over) return;
    const line = await progressForClient(bytes, tokenText);
    if (post === null || !post.offer(line)) this.#sendUnprompted(line, false);
  }

  /** Sends a message of the server's own to the listener, else on the oldest POST's stream, else keeps it for later. */
  #sendUnprompted(bytes: Uint8Array, request: boolean): void {
    if (request && this.#awaited.offerToCarrier(bytes)) return;
    if (this.#listener !== null) {
      this.#listener.send(bytes);
      return;
    }
    if (this.#awaited.offer(bytes)) return;
    this.#dropped += this.#backlog.add(bytes, request);
    const now = this.#clock.now().getTime();
    if (this.#dropped === 0 || now - this.#toldAt < TELL_EVERY_MS) return;
    this.#log.warn({ grant: this.grant, dropped: this.#dropped }, 'stdio server: nobody listens, dropped old messages');
    this.#dropped = 0;
    this.#toldAt = now;
  }

  #unlisten(stream: EventStream): void {
    if (this.#listener !== stream) return;
    this.#listener = null;
    this.#touch();
  }

  readonly #flowCallbacks: Pick<StreamCallbacks, 'onFull' | 'onRoom'> = {
    onFull: (stream) => {
      this.#slow.add(stream);
      this.#child?.pause();
    },
    onRoom: (stream) => {
      if (this.#slow.delete(stream) && this.#slow.size === 0) this.#child?.resume();
    },
  };

  #touch(): void {
    this.#usedAt = this.#clock.now().getTime();
  }

  #drop(bytes: Uint8Array, what: string): void {
    this.#log.warn({ grant: this.grant, pid: this.#child?.pid, bytes: bytes.length }, `stdio server: dropped ${what}`);
  }
}

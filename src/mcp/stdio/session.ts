import type { Clock, ExchangeAnswer, Log } from '../../ports.ts';
import { AwaitedRequests } from './awaited.ts';
import { MessageBacklog } from './backlog.ts';
import type { Child } from './child.ts';
import { EventStream, onAbort, STREAM_HEADERS, type StreamEars } from './events.ts';
import { framed, messagesOf, onOneLine } from './lines.ts';
import { type Message, type PostedMessages, parsed, readMessage } from './message.ts';
import { type AnswerForm, Post } from './post.ts';
import { refused } from './refusal.ts';

type Unanswered = Exclude<ExchangeAnswer, { kind: 'answer' }>;

export interface StdioSessionTerms {
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds after which an answer that has not come is begun as an event stream. */
  readonly headersAfterMs: number;
}

/** One MCP session: one child, the POSTs that wait for it, and the stream that listens to it. */
export class StdioSession {
  readonly id: string;
  readonly grant: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #awaited = new AwaitedRequests();
  readonly #backlog = new MessageBacklog();
  readonly #slow = new Set<EventStream>();
  #child: Child | null = null;
  #listener: EventStream | null = null;
  #usedAt: number;
  readonly #headersAfterMs: number;
  #version: string | null = null;

  constructor(id: string, grant: string, terms: StdioSessionTerms) {
    const { clock, log, headersAfterMs } = terms;
    this.id = id;
    this.grant = grant;
    this.#clock = clock;
    this.#log = log;
    this.#headersAfterMs = headersAfterMs;
    this.#usedAt = clock.now().getTime();
  }

  /** The revision that initialize agreed on; null before. */
  get version(): string | null {
    return this.#version;
  }

  /** Gives the session its child, before either is used. */
  attach(child: Child): void {
    this.#child = child;
    void child.gone.then(() => {
      this.#awaited.lose("the server's process ended before it answered");
      this.#listener?.end();
      this.#listener = null;
    });
  }

  /** Ends the child, gracefully first; settles when it is gone. What it still answers meanwhile is delivered. */
  async end(): Promise<void> {
    await this.#child?.end();
  }

  /** Hands a POST to the child. `not_sent` only where none of it reached the child. */
  async post(posted: PostedMessages, reader: AnswerForm, signal: AbortSignal | undefined): Promise<ExchangeAnswer> {
    this.#touch();
    const lines = framed(posted.parts.map((part) => onOneLine(part.bytes)));
    const requests = posted.parts.map((part) => part.message).filter((message) => message.kind === 'request');
    if (requests.length === 0) return this.#tell(posted, lines);

    const ids = requests.map((request) => request.id);
    if (new Set(ids).size < ids.length || ids.some((id) => this.#awaited.has(id))) return refused({ why: 'same_id' });
    const post = new Post(ids, reader, this.#flow, () => this.#touch(), this.#headersAfterMs);
    for (const request of requests) this.#awaited.add(request, post);
    if (this.#listener === null && reader.events) for (const line of this.#backlog.take()) post.offer(line);
    void this.#write(lines).then((failure) => {
      if (failure === null) return;
      for (const id of ids) this.#awaited.take(id);
      post.settle(failure);
    });
    return post.answerUnless(signal);
  }

  /** Opens the one stream for what the server says on its own. */
  listen(signal: AbortSignal | undefined): ExchangeAnswer {
    this.#touch();
    if (this.#listener !== null) return refused({ why: 'second_listener' });
    const stream = new EventStream({ ...this.#flow, left: () => this.#unlisten(stream) });
    this.#listener = stream;
    for (const line of this.#backlog.take()) stream.send(line);
    onAbort(signal, () => {
      stream.end();
      this.#unlisten(stream);
    });
    return { kind: 'answer', status: 200, headers: STREAM_HEADERS, body: stream.body };
  }

  /** One line of the child's stdout. */
  hear(line: Uint8Array): void {
    const value = parsed(line);
    if (value === undefined) {
      this.#drop(line, 'a line that is no JSON');
      return;
    }
    for (const bytes of messagesOf(line).messages) {
      const message = readMessage(Array.isArray(value) ? parsed(bytes) : value);
      if (message === null) this.#drop(bytes, 'a line that is no JSON-RPC message');
      else this.#route(message, bytes);
    }
  }

  /**
   * Whether nobody used it for `idleMs`. Never while a client waits for an answer or listens. A request whose client
   * went away or cancelled it does not keep the session longer than that: nobody is left to hear a hung child.
   */
  idle(now: number, idleMs: number): boolean {
    return !this.#awaited.wanted() && this.#listener === null && now - this.#usedAt >= idleMs;
  }

  /** Lets go of cancelled requests that the server did not answer in 30 s. */
  prune(now: number): void {
    this.#awaited.prune(now);
  }

  async #tell(posted: PostedMessages, lines: Uint8Array): Promise<ExchangeAnswer> {
    for (const { message } of posted.parts) {
      if (message.kind !== 'notification' || message.cancels === null) continue;
      this.#awaited.cancel(message.cancels, this.#clock.now().getTime());
    }
    return (await this.#write(lines)) ?? { kind: 'answer', status: 202, headers: [], body: null };
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

  #route(message: Message, bytes: Uint8Array): void {
    switch (message.kind) {
      case 'response':
        this.#respond(message, bytes);
        break;
      case 'notification': {
        const post = message.token === null ? null : this.#awaited.withToken(message.token);
        // Progress for a client that went away interests nobody else.
        if (post !== null && (post.over || post.offer(bytes))) return;
        this.#speak(bytes, false);
        break;
      }
      case 'request':
        this.#speak(bytes, true);
        break;
      default:
        message satisfies never;
    }
  }

  #respond(message: Extract<Message, { kind: 'response' }>, bytes: Uint8Array): void {
    const asked = this.#awaited.take(message.id);
    if (asked === null) {
      this.#drop(bytes, 'a response that nobody waits for');
      return;
    }
    this.#touch();
    asked.post.respond(message.id, bytes);
    if (asked.method !== 'initialize') return;
    this.#version = message.version;
    if (message.failed) void this.end();
  }

  /** What the server says on its own: to the listener, else along with the oldest POST, else kept until one comes. */
  #speak(bytes: Uint8Array, request: boolean): void {
    if (this.#listener !== null) {
      this.#listener.send(bytes);
      return;
    }
    if (this.#awaited.offer(bytes)) return;
    const dropped = this.#backlog.add(bytes, request);
    if (dropped > 0)
      this.#log.warn({ grant: this.grant, dropped }, 'stdio server: nobody listens, dropped old messages');
  }

  #unlisten(stream: EventStream): void {
    if (this.#listener !== stream) return;
    this.#listener = null;
    this.#touch();
  }

  readonly #flow: Pick<StreamEars, 'full' | 'room'> = {
    full: (stream) => {
      this.#slow.add(stream);
      this.#child?.pause();
    },
    room: (stream) => {
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

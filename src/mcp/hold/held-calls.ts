import type { ServerResponse } from 'node:http';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Seat } from '../../gateway/state/seat.ts';
import type { NodeResponse } from '../relay/node-response.ts';
import { KeepAlive } from '../sse/keep-alive.ts';
import { SSE_HEADERS } from '../sse/write.ts';
import type { HeldAnswer } from './answer.ts';
import { HeldCall } from './held-call.ts';
import { HeldJson } from './json-answer.ts';
import type { HeldRequest } from './request.ts';
import { HeldSocket } from './socket-answer.ts';
import { HeldStream } from './stream-answer.ts';
import type { WaitStrategy } from './wait-strategy.ts';

/** The agent's connection, as far as a held answer needs it. */
export interface AgentConnection {
  /** The Accept header; empty when there is none. */
  readonly accept: string;
  /** Aborted when the connection closes. */
  readonly signal: AbortSignal;
  /** Set where this runtime lets a stream be written to the socket; otherwise a `Response` carries it. */
  readonly nodeResponse?: NodeResponse | null;
  /** The id of a session of which the agent is told with this answer; absent or null: none. */
  readonly lentSession?: string | null;
}

/** An answer that has begun. */
export interface OpenAnswer {
  readonly answer: HeldAnswer;
  /** By which a cancellation finds it. */
  readonly key: string;
  /** What carries it. */
  readonly response: Response | Promise<Response>;
}

/** All answers that this process keeps open. */
export class HeldCalls {
  readonly keepAlive: KeepAlive;
  readonly #gateway: Gateway;
  readonly #running = new Set<Promise<void>>();
  /**
   * By server, session and request id, so that a cancellation ends the wait at once. Ids are unique per server only.
   */
  readonly #byRequest = new Map<string, HeldAnswer>();
  /** By seat, so that a caller that comes again on another connection gives up the old one. */
  readonly #bySeat = new Map<string, HeldCall>();

  constructor(gateway: Gateway, beatMs?: () => number) {
    this.#gateway = gateway;
    this.keepAlive = new KeepAlive(beatMs);
  }

  /**
   * Keeps the answer open for at most `ms`; with a `dispatch`, for as long as the server takes to answer. Then releases
   * what was held of the call (`holdParkedCall`). `on`: the answer has begun.
   */
  hold(
    request: HeldRequest,
    seat: Seat,
    ms: number,
    connection: AgentConnection,
    strategy: WaitStrategy,
    {
      dispatch,
      on = this.open(request, connection),
    }: { dispatch?: Dispatch | undefined; on?: OpenAnswer | undefined } = {},
  ): Response | Promise<Response> {
    const { answer, key, response } = on;
    const heldCall = new HeldCall(this.#gateway, request, seat, answer, strategy);
    this.#bySeat.get(seat.joiner)?.yieldSeat();
    this.#bySeat.set(seat.joiner, heldCall);
    const until = new Date(this.#gateway.clock.now().getTime() + ms);
    const run = heldCall.run(until, this.keepAlive, dispatch).finally(() => {
      if (this.#byRequest.get(key) === answer) this.#byRequest.delete(key);
      if (this.#bySeat.get(seat.joiner) === heldCall) this.#bySeat.delete(seat.joiner);
      if (request.frozen !== null) this.#gateway.parkedCalls.release(seat.approval.id);
    });
    this.track(run);
    this.#gateway.tracing?.lasts(run);
    return response;
  }

  /** Begins an answer, which `hold` or `end` has to end. */
  open(request: Pick<HeldRequest, 'idText' | 'server' | 'session'>, connection: AgentConnection): OpenAnswer {
    const answer = answerFor(connection);
    const key = keyOf(request.server, request.session ?? '', request.idText);
    if (request.session !== null) this.#byRequest.set(key, answer);
    const response =
      answer instanceof HeldSocket
        ? connection.nodeResponse!.alreadySent
        : httpResponseOf(answer, sessionHeader(connection));
    return { answer, key, response };
  }

  /** Ends an answer that `hold` has not taken over. `message`: the last, as JSON text; null: nobody reads it. */
  end({ answer, key }: OpenAnswer, message: string | null): void {
    if (this.#byRequest.get(key) === answer) this.#byRequest.delete(key);
    if (message !== null) answer.message(message);
    answer.last();
    answer.close();
  }

  /** Makes `drained` wait for `run`, because it has to end before the process does. */
  track(run: Promise<void>): void {
    const tracked = run.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    tracked.catch(() => {});
  }

  /** The request was cancelled: its answer, if it is held here, ends without a response. */
  abandon(server: string, session: string, idText: string): void {
    this.#byRequest.get(keyOf(server, session, idText))?.abandon();
  }

  /** Resolves when everything that was held or tracked has ended. */
  async drained(): Promise<void> {
    await Promise.allSettled([...this.#running]);
  }
}

function answerFor(connection: AgentConnection): HeldSocket | HeldStream | HeldJson {
  const { accept, signal, nodeResponse } = connection;
  const headers = sessionHeader(connection);
  if (!acceptsStream(accept)) return new HeldJson(signal, headers);
  const outgoing = nodeResponse && hasSocket(nodeResponse.outgoing) ? nodeResponse.outgoing : null;
  return outgoing === null ? new HeldStream() : new HeldSocket(outgoing, headers);
}

function sessionHeader({ lentSession = null }: AgentConnection): Readonly<Record<string, string>> {
  return lentSession === null ? {} : { 'mcp-session-id': lentSession };
}

/** With pipelining, an answer behind another one on the same connection gets its socket from node:http only later. */
function hasSocket({ socket, destroyed, closed }: ServerResponse): boolean {
  return socket !== null || destroyed || closed;
}

function keyOf(server: string, session: string, idText: string): string {
  return `${server} ${session} ${idText}`;
}

/** The HTTP response that carries this answer; for a JSON answer it resolves when the answer is closed. */
export function httpResponseOf(
  answer: HeldStream | HeldJson,
  more: Readonly<Record<string, string>> = {},
): Response | Promise<Response> {
  return answer instanceof HeldStream
    ? new Response(answer.body, { headers: { ...SSE_HEADERS, ...more } })
    : answer.response;
}

/** Whether an Accept header, or the lack of one, allows an event stream. */
export function acceptsStream(accept: string): boolean {
  return accept === '' || /text\/event-stream|text\/\*|\*\/\*/i.test(accept);
}

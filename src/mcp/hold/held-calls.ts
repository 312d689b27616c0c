import type { ServerResponse } from 'node:http';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Seat } from '../../gateway/state/seat.ts';
import type { NodeResponse } from '../relay/node-response.ts';
import { STREAM_HEADERS } from '../sse/write.ts';
import type { HeldAnswer } from './answer.ts';
import { HeldCall } from './held-call.ts';
import { HeldJson } from './json-answer.ts';
import { KeepAlive } from './keep-alive.ts';
import type { HeldRequest } from './request.ts';
import { HeldSocket } from './socket-answer.ts';
import { HeldStream } from './stream-answer.ts';
import type { WaitStrategy } from './wait-strategy.ts';

/** How the agent wants its answer, and how it is told apart from others. */
export interface AgentConnection {
  readonly accept: string;
  readonly signal: AbortSignal;
  /** Where this runtime lets a stream be written to the socket; absent: a `Response` carries it. */
  readonly outlet?: NodeResponse | null;
}

/** Every answer that this process keeps open. */
export class HeldCalls {
  readonly keepAlive: KeepAlive;
  readonly #gateway: Gateway;
  readonly #running = new Set<Promise<void>>();
  /** What each session waits for here, so that a cancellation ends the wait at once. Two servers may share an id. */
  readonly #waits = new Map<string, HeldAnswer>();
  /** By place: a caller that comes again by another connection leaves the old one. */
  readonly #places = new Map<string, HeldCall>();

  constructor(gateway: Gateway, beatMs?: () => number) {
    this.#gateway = gateway;
    this.keepAlive = new KeepAlive(beatMs);
  }

  /** Keeps the answer open for at most `ms`, or for as long as the dispatch takes that is its own already. */
  hold(
    held: HeldRequest,
    seat: Seat,
    ms: number,
    listener: AgentConnection,
    strategy: WaitStrategy,
    dispatch?: Dispatch,
  ): Response | Promise<Response> {
    const answer = answerFor(listener);
    const key = keyOf(held.server, held.session ?? '', held.idText);
    if (held.session !== null) this.#waits.set(key, answer);
    const hold = new HeldCall(this.#gateway, held, seat, answer, strategy);
    this.#places.get(seat.joiner)?.yieldPlace();
    this.#places.set(seat.joiner, hold);
    const until = new Date(this.#gateway.clock.now().getTime() + ms);
    const run = hold.run(until, this.keepAlive, dispatch).finally(() => {
      if (this.#waits.get(key) === answer) this.#waits.delete(key);
      if (this.#places.get(seat.joiner) === hold) this.#places.delete(seat.joiner);
    });
    this.follow(run);
    return answer instanceof HeldSocket ? listener.outlet!.sent : responseOf(answer);
  }

  /** Something that has to end before the process does. */
  follow(run: Promise<void>): void {
    const followed = run.finally(() => this.#running.delete(followed));
    this.#running.add(followed);
    followed.catch(() => {});
  }

  abandon(server: string, session: string, idText: string): void {
    this.#waits.get(keyOf(server, session, idText))?.abandon();
  }

  async drained(): Promise<void> {
    await Promise.allSettled([...this.#running]);
  }
}

function answerFor({ accept, signal, outlet }: AgentConnection): HeldSocket | HeldStream | HeldJson {
  if (!takesStream(accept)) return new HeldJson(signal);
  return outlet && hasSocket(outlet.outgoing) ? new HeldSocket(outlet.outgoing) : new HeldStream();
}

/** An answer that waits behind another one on the same connection (pipelining) has no socket yet; node:http lends it. */
function hasSocket({ socket, destroyed, closed }: ServerResponse): boolean {
  return socket !== null || destroyed || closed;
}

function keyOf(server: string, session: string, idText: string): string {
  return `${server} ${session} ${idText}`;
}

export function responseOf(answer: HeldStream | HeldJson): Response | Promise<Response> {
  return answer instanceof HeldStream ? new Response(answer.body, { headers: STREAM_HEADERS }) : answer.response;
}

export function takesStream(accept: string): boolean {
  return accept === '' || /text\/event-stream|text\/\*|\*\/\*/i.test(accept);
}

import type { Principal } from '../../domain/call/call.ts';
import type { InexactValues } from '../../domain/call/inexact.ts';
import type { Json, JsonObject } from '../../domain/json/json.ts';
import type { StateBearer } from '../../gateway/dispatch/issued-states.ts';
import type { HeardCall } from '../../gateway/state/heard-call.ts';
import type { AskedKey, Upstream } from '../../ports.ts';
import type { NodeResponse } from '../relay/node-response.ts';
import type { MessageEdit } from '../relay/tap-events.ts';
import type { AnswerWatch } from '../relay/watch-answer.ts';

/** One `tools/call` that the strict door has accepted: `params` is an object and `params.name` a string. */
export interface ToolCallRequest {
  readonly principal: Principal;
  readonly server: string;
  /** A keyed digest of the MCP session's id; null where there is none. The id itself is only in `headers`. */
  readonly session: string | null;
  /** The JSON-RPC id: a string or a number. */
  readonly requestId: Json;
  /** The id as JSON text, exactly as it was written. */
  readonly idText: string;
  readonly params: JsonObject;
  /** The body exactly as it came; this is what is forwarded. */
  readonly bytes: Uint8Array;
  /** What two readers of the body could take for different values. */
  readonly inexact: InexactValues;
  /** The request's Accept header; empty when it sent none. */
  readonly accept: string;
  /** The headers for the upstream, the configured ones included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly upstream: Upstream;
  /** The server's configured headers, which are set on every request to it. */
  readonly configured: Readonly<Record<string, string>>;
  /** The agent's headers as they came, by lower-case name. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** The whole JSON-RPC message. */
  readonly message: JsonObject;
  /** The body claims a stateless revision (2026-07-28). */
  readonly modern: boolean;
  /** The request's revision: the body's claim, else the MCP-Protocol-Version header, else 2025-03-26. */
  readonly protocolVersion: string;
  /** Aborted when the agent's connection closes. It is created on first use, so read it only where it is needed. */
  readonly signal: AbortSignal;
  /** Where a held answer can be written directly; null: the answer must be a `Response`. */
  readonly nodeResponse?: NodeResponse | null;
  /** The id of a session of which the agent is told with this answer; absent or null: none. */
  readonly lentSession?: string | null;
}

/** What the door does with a tool call. */
export type CallRouting =
  /** The door forwards the bytes. `notSent` is awaited when they provably were not sent. */
  | {
      readonly kind: 'forward';
      readonly notSent?: () => Promise<void>;
      /** Told of what the call brings before the agent has it. */
      readonly heard?: HeardCall;
      /** What is sent in place of the request as it came; absent: nothing was taken out of it. */
      readonly instead?: Pick<ToolCallRequest, 'bytes' | 'headers'>;
    }
  | { readonly kind: 'respond'; readonly response: Response };

/** A message about tasks, or a subscription to them. */
export interface TaskMessage {
  readonly principal: Principal;
  readonly server: string;
  readonly method: string;
  readonly idText: string | null;
  readonly message: JsonObject;
  /** The body as text. */
  readonly text: string;
  /** As in `ToolCallRequest`. */
  readonly inexact: InexactValues;
  /** The agent's headers, by lower-case name. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** The headers for the upstream, the configured ones included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly accept: string;
  readonly upstream: Upstream;
  readonly modern: boolean;
  readonly signal: AbortSignal;
}

/** A GET that resumes a broken stream. */
export interface Resumption {
  readonly principal: Principal;
  readonly server: string;
  /** A digest; null where there is none. */
  readonly session: string | null;
  readonly lastEventId: string;
  /** The id of the MCP session itself; null where there is none. */
  readonly sessionId: string | null;
  /** The revision that the request states; null: it states none. */
  readonly protocolVersion: string | null;
  /** The server's configured headers, which are set on every request to it. */
  readonly configured: Readonly<Record<string, string>>;
  readonly upstream: Upstream;
}

/** What the HTTP door asks about tool calls. Any method may throw `Unavailable`; then nothing is forwarded (P6). */
export interface CallDoor {
  call(request: ToolCallRequest): Promise<CallRouting>;
  /**
   * A `notifications/cancelled`. Resolves to true when it must not be forwarded: the upstream has never seen the call, or
   * goes on with it although its caller gave up waiting.
   * `requestIdText` is the id as JSON text.
   */
  cancelled(
    principal: Principal,
    server: string,
    session: string | null,
    requestIdText: string,
    reason: string | null,
  ): Promise<boolean>;
  /** Of these ids of requests (JSON text), those whose calls are parked, or are being asked why. One look for all of them. */
  parked?(server: string, session: string, requestIdTexts: readonly string[]): Promise<readonly string[]>;
  /** The agent ended its session; `session` is the digest, as in `ToolCallRequest`. */
  sessionEnded(server: string, session: string): Promise<void>;
  /** `client` is the name that the session's client gave itself, if any. `forms`: it answers forms. */
  clientNamed?(server: string, session: string, client: string | null, forms: boolean): Promise<void>;
  /** Null: the stream is the upstream's, so the GET is forwarded. */
  resume?(resumption: Resumption): Promise<Response | null>;
  /**
   * Awaited before something is passed on that may be what calls of before were to bring. Null: nobody asks. `session`: a digest.
   */
  late?(who: { readonly grant: string; readonly session: string | null }, server: string): (() => Promise<void>) | null;
  /** An agent's response to a request of its server; null: it is forwarded unchanged. */
  forwardAnswer?(answer: AgentAnswer): Promise<ForwardedAnswer | Response | null>;
  /** Whether one of a batch's messages answers what was asked during a gated call, by its server or by us; such a batch is refused. */
  answersInBatch?(place: Omit<AskedKey, 'key'>, messages: readonly JsonObject[]): Promise<boolean>;
  /**
   * What looks at each event of the server's own stream before the agent gets it. Resolves to false where the agent
   * must not get it. Null: nothing has to.
   */
  watchStream?(listener: StreamListener): ((event: Uint8Array) => Promise<boolean>) | null;
  /**
   * What looks at the server's answer to a request that is passed on. `request`: its kind, as in `StateBearer`; null in
   * a revision without states, and for what is no single request. Null: nothing has to.
   */
  watchAnswer?(listener: StreamListener, request: string | null): AnswerWatch | null;
  /** Whether the server issued this state to a gated call, so that this request may not bring it. */
  claimsState?(bearer: StateBearer, state: string): Promise<boolean>;
  /** Null: the message is forwarded to the upstream. */
  taskMessage?(message: TaskMessage): Promise<Response | null>;
  /** How to edit an answer to this method so that agents learn what the gateway offers; null: not at all. */
  advertise?(server: string, method: string, protocolVersion: string): MessageEdit | null;
}

/** An agent's response to a request of its server. */
export interface AgentAnswer {
  readonly principal: Principal;
  readonly server: string;
  /** A digest; null where there is none. */
  readonly session: string | null;
  /** The id of the server's request, as JSON text. */
  readonly idText: string;
  readonly text: string;
  readonly message: JsonObject;
  /** As in `ToolCallRequest`. */
  readonly inexact: InexactValues;
  /** The id of the MCP session itself; null where there is none. */
  readonly sessionId: string | null;
  /** The agent's headers as they came, by lower-case name. */
  readonly requestHeaders: Readonly<Record<string, string>>;
  /** The server's configured headers, which are set on every request to it. */
  readonly configured: Readonly<Record<string, string>>;
  readonly upstream: Upstream;
  /** Aborted when the agent's connection closes. */
  readonly signal: AbortSignal;
}

/** Who listens to a server's own stream. */
export type StreamListener = Pick<
  AgentAnswer,
  'principal' | 'server' | 'session' | 'sessionId' | 'requestHeaders' | 'configured' | 'upstream'
>;

/** What is sent to the server for an agent's response. */
export interface ForwardedAnswer {
  readonly text: string;
  /** To be called once the server has it. */
  readonly delivered: () => Promise<void>;
}

import type { Principal } from '../../domain/call/call.ts';
import type { Json, JsonObject } from '../../domain/json/json.ts';
import type { Upstream } from '../../ports.ts';
import type { NodeResponse } from '../relay/node-response.ts';

/** One `tools/call` that has passed the strict door: `params` is an object and `params.name` a string. */
export interface ToolCallRequest {
  readonly principal: Principal;
  readonly server: string;
  /** A keyed digest of the MCP session's id; null where there is none. The id itself is only in `headers`. */
  readonly session: string | null;
  /** A string or a number. */
  readonly requestId: Json;
  /** The id's JSON text, as it was written. */
  readonly idText: string;
  readonly params: JsonObject;
  /** The body as it came; this is what is forwarded. */
  readonly bytes: Uint8Array;
  /** JSON pointer to the first number a double cannot keep exactly, or lone surrogate; null: none. */
  readonly inexact: string | null;
  /** The request's Accept header; empty when it sent none. */
  readonly accept: string;
  /** Ready for the upstream, the config's included. */
  readonly headers: Readonly<Record<string, string>>;
  readonly upstream: Upstream;
  /** Those of `headers` that the agent sent; the config's are added anew when a call is sent later. */
  readonly own: Readonly<Record<string, string>>;
  /** The body claims a stateless revision (2026-07-28). */
  readonly modern: boolean;
  /** The request's MCP-Protocol-Version: the body's claim, else the header, else 2025-03-26. */
  readonly protocolVersion: string;
  /** Aborted when the agent's connection closes. Made on first use: read it only where it is needed. */
  readonly signal: AbortSignal;
  /** Where an answer that is held can be written; null: only a `Response` will do. */
  readonly outlet?: NodeResponse | null;
}

export type CallRouting =
  /** The door forwards the bytes. `notSent` is awaited when they provably did not go out. */
  | { readonly kind: 'forward'; readonly notSent?: () => Promise<void> }
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
  /** The request's own headers, lower-case names. */
  readonly said: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly accept: string;
  readonly upstream: Upstream;
  readonly modern: boolean;
  readonly signal: AbortSignal;
}

/** A GET that takes up a broken stream. */
export interface Resumption {
  readonly principal: Principal;
  readonly server: string;
  readonly session: string | null;
  readonly lastEventId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly upstream: Upstream;
}

/** What the door asks about tool calls. All may throw `Unavailable`: then nothing is forwarded (P6). */
export interface CallDoor {
  call(request: ToolCallRequest): Promise<CallRouting>;
  /** True when it concerned a parked call and must not be forwarded. `requestIdText` is the id's JSON text. */
  cancelled(
    principal: Principal,
    server: string,
    session: string | null,
    requestIdText: string,
    reason: string | null,
  ): Promise<boolean>;
  /** The agent ended its session; `session` is the digest, as in `ToolCallRequest`. */
  sessionEnded(server: string, session: string): Promise<void>;
  /** The session's client, as it named itself. */
  named?(server: string, session: string, client: string): Promise<void>;
  /** null: the stream is the upstream's. */
  resume?(resumption: Resumption): Promise<Response | null>;
  /** An agent's response to its server; null: it passes as it is. */
  answering?(answer: AgentAnswer): Promise<ForwardedAnswer | null>;
  /** null: the upstream's to answer. */
  task?(message: TaskMessage): Promise<Response | null>;
  /** What is to be changed in an answer to this method, so that agents know what the gateway can do for them. */
  advertise?(server: string, method: string, protocolVersion: string): ((text: string) => string | null) | null;
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
}

/** What is to be sent of it, and what to do once the server has it. */
export interface ForwardedAnswer {
  readonly text: string;
  readonly taken: () => Promise<void>;
}

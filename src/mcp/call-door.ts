import type { Principal } from '../domain/call.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { Upstream } from '../ports.ts';

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
  /** The request's MCP-Protocol-Version: the body's claim, else the header, else 2025-03-26. */
  readonly protocolVersion: string;
  /** Aborted when the agent's connection closes. Made on first use: read it only where it is needed. */
  readonly signal: AbortSignal;
}

export type CallRouting =
  /** The door forwards the bytes. `notSent` is awaited when they provably did not go out. */
  | { readonly kind: 'forward'; readonly notSent?: () => Promise<void> }
  | { readonly kind: 'respond'; readonly response: Response };

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
}

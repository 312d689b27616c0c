import type { Principal } from '../../domain/call/call.ts';
import { type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { BoundSession } from '../../gateway/call/agent-sessions.ts';
import type { Upstream } from '../../ports.ts';
import { type HeaderRecord, headersForUpstream } from '../protocol/header-policy.ts';
import { type NodeResponse, nodeResponseOf } from '../relay/node-response.ts';
import type { ToolCallRequest } from './call-door.ts';
import type { ReadBatch, ReadOne } from './strict-door.ts';
import type { AgentVisit } from './visit.ts';

/** What a request without MCP-Protocol-Version is taken for. */
export const OLDEST = '2025-03-26';

/** A POST that has passed the strict door. */
export interface PostedRequest extends AgentVisit {
  readonly read: ReadOne | ReadBatch;
  /** The revision the body claims; null in the legacy era. */
  readonly claim: string | null;
  readonly session: BoundSession | null;
  /** For the upstream. */
  readonly crossing: Readonly<Record<string, string>>;
}

export function withoutSession(headers: HeaderRecord): HeaderRecord {
  const { 'mcp-session-id': _session, 'last-event-id': _event, ...rest } = headers;
  return rest;
}

/** A `tools/call` as the calls' door takes it. What only held calls need is made when it is asked for. */
export class PostedToolCall implements ToolCallRequest {
  readonly #posted: PostedRequest;
  readonly principal: Principal;
  readonly server: string;
  readonly session: string | null;
  readonly requestId: Json;
  readonly idText: string;
  readonly params: JsonObject;
  readonly bytes: Uint8Array;
  readonly inexact: string | null;
  readonly accept: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly upstream: Upstream;
  readonly modern: boolean;
  readonly protocolVersion: string;

  constructor(posted: PostedRequest, read: ReadOne) {
    const { principal, server, headers, crossing, session, claim } = posted;
    this.#posted = posted;
    this.principal = principal;
    this.server = server.name;
    this.session = session?.digest ?? null;
    this.requestId = member(read.message, 'id') ?? null;
    this.idText = read.idText ?? 'null';
    this.params = member(read.message, 'params') as JsonObject;
    this.bytes = read.bytes;
    this.inexact = read.inexact;
    this.accept = headers.accept ?? '';
    this.headers = crossing;
    this.upstream = server.upstream;
    this.modern = claim !== null;
    this.protocolVersion = claim ?? headers['mcp-protocol-version'] ?? OLDEST;
  }

  get own(): Readonly<Record<string, string>> {
    const { claim, headers } = this.#posted;
    return headersForUpstream(claim === null ? headers : withoutSession(headers), {});
  }

  get outlet(): NodeResponse | null {
    return nodeResponseOf(this.#posted.outgoing, this.#posted.passage.sent);
  }

  get signal(): AbortSignal {
    return this.#posted.request.signal;
  }
}

import type { Principal } from '../../domain/call/call.ts';
import type { InexactValues } from '../../domain/call/inexact.ts';
import { type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { BoundSession } from '../../gateway/call/agent-sessions.ts';
import type { Upstream } from '../../ports.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { type NodeResponse, nodeResponseOf } from '../relay/node-response.ts';
import type { ToolCallRequest } from './call-door.ts';
import type { LentSession } from './lent-session.ts';
import type { ReadBatch, ReadSingle } from './strict-door.ts';
import type { AgentVisit } from './visit.ts';

/** The revision of a request without MCP-Protocol-Version. */
export const DEFAULT_REVISION = '2025-03-26';

/** A POST whose body the strict door has accepted. */
export interface PostedRequest extends AgentVisit {
  readonly read: ReadSingle | ReadBatch;
  /** The revision that the body claims; null in the legacy era. */
  readonly claimedRevision: string | null;
  readonly session: BoundSession | null;
  /** The session is one that the request did not name, and that its answer tells; null: it is not. */
  readonly lent: LentSession | null;
  /** The headers for the upstream, the configured ones included. */
  readonly upstreamHeaders: Readonly<Record<string, string>>;
}

/** The headers without those of a session, which a modern request does not have. */
export function withoutSession(headers: HeaderRecord): HeaderRecord {
  const { 'mcp-session-id': _session, 'last-event-id': _event, ...rest } = headers;
  return rest;
}

/** A `tools/call` for the call door. What only held calls need is created on first use. */
export class PostedToolCall implements ToolCallRequest {
  readonly #posted: PostedRequest;
  readonly principal: Principal;
  readonly server: string;
  readonly session: string | null;
  readonly requestId: Json;
  readonly idText: string;
  readonly params: JsonObject;
  readonly bytes: Uint8Array;
  readonly inexact: InexactValues;
  readonly accept: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly configured: HeaderRecord;
  readonly requestHeaders: HeaderRecord;
  readonly message: JsonObject;
  readonly upstream: Upstream;
  readonly modern: boolean;
  readonly protocolVersion: string;
  readonly lentSession: string | null;

  constructor(posted: PostedRequest, read: ReadSingle) {
    const { principal, server, headers, upstreamHeaders, session, lent, claimedRevision } = posted;
    this.#posted = posted;
    this.principal = principal;
    this.server = server.name;
    this.lentSession = lent?.id ?? null;
    this.session = session?.digest ?? null;
    this.requestId = member(read.message, 'id') ?? null;
    this.idText = read.idText ?? 'null';
    this.params = member(read.message, 'params') as JsonObject;
    this.bytes = read.bytes;
    this.inexact = read.inexact;
    this.accept = headers.accept ?? '';
    this.headers = upstreamHeaders;
    this.configured = server.headers;
    this.requestHeaders = headers;
    this.message = read.message;
    this.upstream = server.upstream;
    this.modern = claimedRevision !== null;
    this.protocolVersion = claimedRevision ?? headers['mcp-protocol-version'] ?? DEFAULT_REVISION;
  }

  get nodeResponse(): NodeResponse | null {
    return nodeResponseOf(this.#posted.outgoing, this.#posted.context.alreadySent);
  }

  get signal(): AbortSignal {
    return this.#posted.request.signal;
  }
}

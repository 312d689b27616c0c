import { isObject, type Json, type JsonObject, member } from './json.ts';

/** Who calls: the grant that authenticated the request, and the person it belongs to. */
export interface Principal {
  readonly grant: string;
  /** A Slack id, or null where the config says `owner: none`. */
  readonly owner: string | null;
  /** The owner may approve calls of this very grant; recorded on every use. */
  readonly selfApproval: boolean;
}

/** One `tools/call`, as policy sees it. */
export interface Call {
  readonly principal: Principal;
  readonly server: string;
  readonly tool: string;
  /** `params.arguments`; an empty object when absent. */
  readonly args: JsonObject;
  /** The MCP session, or null where the protocol has none. */
  readonly session: string | null;
  /** `params` as received; what counts for the fingerprint is picked from it. */
  readonly params: JsonObject;
}

const TOOL_NAME = /^[A-Za-z0-9_./-]{1,128}$/;

/** Names outside this set are denied before any rule is looked at. */
export function isToolName(name: string): boolean {
  return TOOL_NAME.test(name);
}

/** `params` members that say how an answer travels, not what is asked. */
const TRANSPORT_PARAMS = new Set(['name', 'arguments', '_meta', 'task', 'inputResponses', 'requestState']);
const TRANSPORT_META = new Set(['progressToken', 'traceparent', 'tracestate', 'baggage']);
const TRANSPORT_META_PREFIX = ['io.modelcontextprotocol/', 'holdfast/'];

/**
 * What a fingerprint is made over (P1): principal, server, tool, arguments, and every other `params` and `_meta`
 * member except those that only say how the answer travels.
 */
export function fingerprintMaterial(call: Call): JsonObject {
  const meta = member(call.params, '_meta');
  const args = member(call.params, 'arguments');
  return {
    principal: call.principal.grant,
    server: call.server,
    tool: call.tool,
    ...(args === undefined ? {} : { arguments: args }),
    params: pick(call.params, (name) => !TRANSPORT_PARAMS.has(name)),
    meta: isObject(meta)
      ? pick(meta, (name) => !TRANSPORT_META.has(name) && !TRANSPORT_META_PREFIX.some((p) => name.startsWith(p)))
      : {},
  };
}

function pick(object: JsonObject, keep: (name: string) => boolean): JsonObject {
  const kept: Record<string, Json> = Object.create(null);
  for (const [name, value] of Object.entries(object)) if (keep(name)) kept[name] = value;
  return kept;
}

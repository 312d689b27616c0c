import { isObject, type Json, type JsonObject, member } from '../json/json.ts';
import type { Call } from './call.ts';

/** Members of `params` and `_meta` that say how an answer travels, not what is asked. */
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

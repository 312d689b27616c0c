import { isRevision, isTraceparent, isTracestate } from '../../domain/call/transport.ts';
import { type JsonObject, member } from '../../domain/json/json.ts';
import type { HeaderRecord } from './header-policy.ts';
import { foldName } from './names.ts';

const PARAMETER = 'mcp-param-';

/**
 * The headers of a gated call, frozen when its approval opens: a closed list. What the agent may choose freely is not
 * among them, but for headers that repeat an argument and those that `headersBesideBody` returns, which are shown.
 * The session's header is added by whoever sends the call.
 */
export function headersOfGatedCall(agent: HeaderRecord): Record<string, string> {
  const headers: Record<string, string> = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'user-agent': 'holdfast',
  };
  for (const name in agent) {
    const value = agent[name];
    if (value !== undefined && isForwarded(name, value)) headers[name] = value;
  }
  return headers;
}

function isForwarded(name: string, value: string): boolean {
  switch (name) {
    case 'mcp-method':
    case 'mcp-name':
    case 'mcp-protocol-version':
      return true;
    case 'traceparent':
      return isTraceparent(value);
    case 'tracestate':
      return isTracestate(value);
    default:
      return name.startsWith(PARAMETER);
  }
}

/** Why the call with these headers is not forwarded as a gated call; null: nothing prevents it. */
export function gatedHeaderFault(agent: HeaderRecord): string | null {
  const version = agent['mcp-protocol-version'];
  if (version === undefined || isRevision(version)) return null;
  return 'the header MCP-Protocol-Version does not name a revision of MCP, such as 2025-11-25';
}

const NONE: JsonObject = {};

/**
 * The headers of a call that say more than its body does: an `Mcp-Param-*` header (2026-07-28) repeats an argument, and
 * the strict door has seen that they agree, unless no argument has its name.
 */
export function headersBesideBody(headers: HeaderRecord, params: JsonObject): JsonObject {
  let found: Record<string, string> | null = null;
  let names: ReadonlySet<string> | null = null;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || !name.startsWith(PARAMETER)) continue;
    names ??= new Set(Object.keys(member(params, 'arguments') ?? {}).map(comparableName));
    if (names.has(comparableName(name.slice(PARAMETER.length)))) continue;
    found ??= {};
    found[name] = value;
  }
  return found ?? NONE;
}

/** How the name of an argument is compared with that of its header: without case, `-` and `_`. */
export function comparableName(name: string): string {
  return foldName(name).replaceAll(/[-_]/g, '');
}

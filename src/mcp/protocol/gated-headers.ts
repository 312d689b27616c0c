import { isRevision, isTraceparent, isTracestate } from '../../domain/call/transport.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
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

/** Why the call with these headers is not forwarded as a gated call, and what to do; null: nothing prevents it. */
export function gatedHeaderFault(agent: HeaderRecord, params: JsonObject): string | null {
  const version = agent['mcp-protocol-version'];
  if (version !== undefined && !isRevision(version)) {
    return 'the header MCP-Protocol-Version must name a revision of MCP. Send the one that was negotiated, such as 2025-11-25';
  }
  const name = agent['mcp-name'];
  return name === undefined || spells(name, member(params, 'name'))
    ? null
    : 'the header Mcp-Name must be params.name as it is, or =?base64?…?= around the base64 of its UTF-8. Send it so, or leave it out';
}

const NONE: JsonObject = {};

/**
 * The headers of a call that say more than its body does: an `Mcp-Param-*` header (2026-07-28), unless an argument has
 * its name and exactly its value. The strict door has seen that its value occurs among the arguments; which one it
 * repeats, only the tool's schema says.
 */
export function headersBesideBody(headers: HeaderRecord, params: JsonObject): JsonObject {
  let found: Record<string, string> | null = null;
  let values: ReadonlyMap<string, Json> | null = null;
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined || !name.startsWith(PARAMETER)) continue;
    values ??= argumentsByHeader(member(params, 'arguments'), headers);
    if (spells(value, values.get(name.slice(PARAMETER.length)))) continue;
    found ??= {};
    found[name] = value;
  }
  return found ?? NONE;
}

/** The arguments by the name that one of these headers has; those that would share one have none. */
function argumentsByHeader(args: Json | undefined, headers: HeaderRecord): ReadonlyMap<string, Json> {
  const values = new Map<string, Json>();
  const shared = new Set<string>();
  if (!isObject(args)) return values;
  // A header's name is ASCII, so an argument that it names has its length. Most are passed by for theirs.
  const lengths = new Set<number>();
  for (const name in headers) if (name.startsWith(PARAMETER)) lengths.add(name.length - PARAMETER.length);
  for (const name of Object.keys(args)) {
    if (!lengths.has(name.length)) continue;
    const header = name.toLowerCase().replaceAll('_', '-');
    if (headers[PARAMETER + header] === undefined) continue;
    if (values.has(header)) shared.add(header);
    values.set(header, args[name]!);
  }
  for (const header of shared) values.delete(header);
  return values;
}

/** Whether a header's value is the one way to write this value. */
function spells(header: string, value: Json | undefined): boolean {
  if (value === undefined || value === null || typeof value === 'object') return false;
  const text = String(value);
  return header === text || header === `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

/** How the name of an argument is compared with that of its header: without case, `-` and `_`. */
export function comparableName(name: string): string {
  // Most names need no folding, which takes many times as long.
  const folded = PLAIN_NAME.test(name) ? name.toLowerCase() : foldName(name);
  return JOINED.test(folded) ? folded.replaceAll(/[-_]/g, '') : folded;
}

const PLAIN_NAME = /^[\w-]*$/;
const JOINED = /[-_]/;

/** What a header can say as it is. */
const PLAIN_VALUE = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;

/**
 * The headers of a call whose arguments change: one that repeated an argument says what it says then, or is left out where
 * that cannot be said. A text: one of the others says what no argument says any more, so that no client could send it.
 */
export function headersWithArguments(
  headers: HeaderRecord,
  before: JsonObject,
  after: JsonObject,
  isSaid: (value: string) => boolean,
): HeaderRecord | string {
  const beside = headersBesideBody(headers, before);
  const values = argumentsByHeader(member(after, 'arguments'), headers);
  const changed: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    if (!name.startsWith(PARAMETER)) changed[name] = value;
    else if (Object.hasOwn(beside, name)) {
      if (!isSaid(value)) return `the header ${name} repeats an argument, which cannot be changed without it`;
      changed[name] = value;
    } else {
      const said = values.get(name.slice(PARAMETER.length));
      if (said !== undefined && said !== null && typeof said !== 'object') changed[name] = spelling(String(said));
    }
  }
  return changed;
}

function spelling(text: string): string {
  const isPlain = PLAIN_VALUE.test(text) && !text.startsWith('=?');
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

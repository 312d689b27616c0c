import { isObject, type Json, type JsonObject, member } from '../json/json.ts';

/** Longest progress token that only says where progress goes, in characters; a longer one is shown like any member. */
const LONGEST_TOKEN = 256;
/** W3C Trace Context, 3.3.1.5: a `tracestate` of up to 512 characters has to be passed on. */
const LONGEST_TRACESTATE = 512;

const PROGRESS_TOKEN = /^[A-Za-z0-9._:/+=@~#-]+$/;
/** W3C Trace Context, 3.2. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** W3C Trace Context, 3.3: `key=value` pairs; a value holds no blanks, commas or equals signs. */
const TRACESTATE =
  /^[a-z0-9][a-z0-9_*/@-]{0,255}=[\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,256}(?:[ \t]*,[ \t]*[a-z0-9][a-z0-9_*/@-]{0,255}=[\x21-\x2b\x2d-\x3c\x3e-\x7e]{1,256}){0,31}$/;
const REVISION = /^\d{4}-\d{2}-\d{2}$/;
/** Logging levels (2026-07-28, logging). */
const LEVELS: ReadonlySet<Json> = new Set([
  ...['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'],
]);

type Shape = (value: Json) => boolean;

/** What `_meta` may hold that only says how the answer travels, by exact name, each in its own shape. */
const META: ReadonlyMap<string, Shape> = new Map<string, Shape>([
  ['progressToken', isProgressToken],
  ['traceparent', isTraceparent],
  ['tracestate', isTracestate],
  ['io.modelcontextprotocol/protocolVersion', isRevision],
  ['io.modelcontextprotocol/logLevel', (value) => LEVELS.has(value)],
]);

/**
 * The closed list (P1): whether a member of `params` or `_meta` only says how the answer travels. Such a member is
 * forwarded without being shown or bound. By exact name, and only in its own shape and length: any other value under
 * the same name is shown and bound like every other member.
 */
export function isTransportMember(place: 'params' | 'meta', name: string, value: Json): boolean {
  if (place === 'params') return name === 'task' && isTask(value);
  return META.get(name)?.(value) === true;
}

/** 2025-11-25, Tasks: `task: { ttl? }`, the milliseconds for which the result is wanted. */
function isTask(value: Json): boolean {
  if (!isObject(value)) return false;
  const ttl = member(value, 'ttl');
  return Object.keys(value).length === (ttl === undefined ? 0 : 1) && (ttl === undefined || typeof ttl === 'number');
}

function isProgressToken(value: Json): boolean {
  if (typeof value === 'number') return true;
  return typeof value === 'string' && value.length <= LONGEST_TOKEN && PROGRESS_TOKEN.test(value);
}

export function isTraceparent(value: Json): boolean {
  return typeof value === 'string' && value.length === 55 && TRACEPARENT.test(value);
}

export function isTracestate(value: Json): boolean {
  return typeof value === 'string' && value.length <= LONGEST_TRACESTATE && TRACESTATE.test(value);
}

/** Whether this is how MCP names its revisions: `2025-11-25`. */
export function isRevision(value: Json): boolean {
  return typeof value === 'string' && value.length === 10 && REVISION.test(value);
}

/** The members of a JSON-RPC request (JSON-RPC 2.0, 4). */
const REQUEST_MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params']);

/**
 * Why this `tools/call` is not forwarded as a gated call: a member that nothing defines, and that therefore nobody is
 * shown. Names the member and says what to do. Null: there is none.
 */
export function undefinedMember(message: JsonObject): string | null {
  for (const name of Object.keys(message)) {
    if (REQUEST_MEMBERS.has(name)) continue;
    return `${named(name)} is no member of a JSON-RPC request. Leave it out, or put it into params, where the approver sees it`;
  }
  const meta = member(member(message, 'params'), '_meta');
  if (!isObject(meta)) return null;
  for (const name of Object.keys(meta)) {
    if (name === 'holdfast/reason') {
      if (typeof meta[name] === 'string') continue;
      return 'params._meta["holdfast/reason"] is not a string. It holds your reason for the call, in words';
    }
    if (!name.startsWith('holdfast/')) continue;
    return `params._meta[${named(name)}] is no member that Holdfast defines; holdfast/reason is the only one. Leave it out`;
  }
  return null;
}

function named(name: string): string {
  const short = name.length > 64 ? `${name.slice(0, 64)}…` : name;
  return JSON.stringify(short.toWellFormed());
}

import { isObject, type Json, type JsonObject, member } from '../json/json.ts';

/** Longest id of a request, in characters. */
export const LONGEST_REQUEST_ID = 256;
/** A progress token is an id, too. */
const LONGEST_TOKEN = LONGEST_REQUEST_ID;
/** W3C Trace Context, 3.3.1.5: a `tracestate` of up to 512 characters has to be passed on. */
const LONGEST_TRACESTATE = 512;

/** ASCII without blanks. */
const PROGRESS_TOKEN = /^[\x21-\x7e]+$/;
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

/** Whether a member of this name can be one that is neither shown nor bound; such a member is kept nowhere. */
export function mayBeTransport(place: 'params' | 'meta', name: string): boolean {
  return place === 'params' ? name === 'task' : META.has(name);
}

/** 2025-11-25, Tasks: `task: { ttl? }`, in milliseconds. The official SDK v1 also sends `pollInterval`. */
function isTask(value: Json): boolean {
  const known = (name: string, inner: Json) => (name === 'ttl' || name === 'pollInterval') && typeof inner === 'number';
  return isObject(value) && Object.entries(value).every(([name, inner]) => known(name, inner));
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
 * Why this `tools/call` is not forwarded as a gated call: something in it that nothing defines, and that therefore
 * nobody is shown. Names the member and says what to do, without a full stop at the
 * end. Null: there is none.
 */
export function unshownMember(message: JsonObject): string | null {
  for (const name of Object.keys(message)) {
    if (REQUEST_MEMBERS.has(name)) continue;
    return `${named(name)} is no member of a JSON-RPC request. Leave it out, or put it into params, where the approver sees it`;
  }
  if (member(message, 'jsonrpc') !== '2.0') return 'the member jsonrpc must be "2.0". Send "jsonrpc":"2.0"';
  const params = member(message, 'params');
  const task = member(params, 'task');
  if (task !== undefined && !isTask(task)) {
    return 'params.task holds more than the numbers ttl and pollInterval. Leave out the rest';
  }
  return unshownMeta(member(params, '_meta'));
}

function unshownMeta(meta: Json | undefined): string | null {
  if (!isObject(meta)) return null;
  const token = member(meta, 'progressToken');
  if (token !== undefined && !isProgressToken(token)) {
    return `params._meta.progressToken must be a number, or a text of 1 to ${LONGEST_TOKEN} ASCII characters without blanks. Send such a token, or leave it out`;
  }
  for (const name of Object.keys(meta)) {
    if (name === 'holdfast/reason') {
      if (typeof meta[name] === 'string') continue;
      return 'params._meta["holdfast/reason"] must be a string. Say there in words why you call, or leave it out';
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

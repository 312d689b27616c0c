import type { InexactValues } from '../../domain/call/inexact.ts';
import { LONGEST_REQUEST_ID } from '../../domain/call/transport.ts';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { METHODS } from '../../domain/policy/methods.ts';

import { breathe } from '../../time/breathe.ts';
import { standBack } from '../../time/stand-back.ts';
import { excessIn } from '../json/bounds.ts';
import { scan } from '../json/scan.ts';
import { foldName } from '../protocol/names.ts';
import { NULL_MEMBERS } from '../protocol/null-members.ts';
import { INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR } from '../protocol/response.ts';
import { idInBody } from './refused-id.ts';

/** The headers that describe the body; null where they are absent. */
export interface BodyHeaders {
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
}

/** A body that is a single message. */
export interface ReadSingle {
  readonly kind: 'message';
  readonly message: JsonObject;
  /** The body as text. */
  readonly text: string;
  readonly bytes: Uint8Array;
  /** Null for a response. */
  readonly method: string | null;
  /** The id as JSON text, exactly as it was written; null when there is none. */
  readonly idText: string | null;
  /** What two readers could take for different values. A message with any can be relayed, but not fingerprinted. */
  readonly inexact: InexactValues;
}

/** A body that is a batch. */
export interface ReadBatch {
  readonly kind: 'batch';
  /** None of them is a `tools/call`. */
  readonly messages: readonly JsonObject[];
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** A body that is not let in. */
export interface RefusedBody {
  readonly kind: 'refused';
  readonly status: 400 | 413 | 415;
  /** The JSON-RPC error code. */
  readonly code: number;
  /** The reason, for the sender to read. */
  readonly why: string;
  /** The id of the single request that is refused, as JSON text; absent: it is not known, or too long. */
  readonly idText?: string;
}

/** What the strict door makes of a body. */
export type BodyReading = ReadSingle | ReadBatch | RefusedBody;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The strict door: accepts only bodies that no upstream can read differently than the gateway does. An accepted body is
 * relayed as the bytes that came; the parsed message serves to decide about it.
 *
 * Refuses with 415 another content type or charset and any content encoding. Refuses with 400 what is not JSON in UTF-8
 * without BOM, or not a message; more than a request may hold (`excessIn`, `MOST_BATCHED`, `LONGEST_REQUEST_ID`); nesting deeper
 * than 64; duplicate keys; names that only a lenient reader would take for the protocol's; a batch with a `tools/call`;
 * and a `tools/call` whose parts have wrong types.
 */
export function readMessage(bytes: Uint8Array, headers: BodyHeaders): BodyReading {
  const steps = readingSteps(bytes, headers);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Bodies from this many bytes on are read in pieces, between which everybody else has a turn. */
export const LARGE_BODY = 64 * 1024;

/** Bodies from this many bytes on take some milliseconds a step. */
const VERY_LARGE_BODY = 256 * 1024;
/** A step that took so many milliseconds is one of large work. */
const LONG_STEP_MS = 2;

/** Lets others have their turn in the middle of the work on a body of this length; undefined: it is too small for that. */
export function restFrom(bytes: Uint8Array): Promise<void> | undefined {
  if (bytes.length < LARGE_BODY) return undefined;
  return bytes.length < VERY_LARGE_BODY ? breathe() : standBack();
}

/** The same as `readMessage`, without keeping everybody else waiting while a large body is read. */
export async function readMessageInPieces(bytes: Uint8Array, headers: BodyHeaders): Promise<BodyReading> {
  if (bytes.length < LARGE_BODY) return readMessage(bytes, headers);
  const steps = readingSteps(bytes, headers);
  for (;;) {
    const since = performance.now();
    const { done, value } = steps.next();
    // What many short names cost, the length does not say.
    await (performance.now() - since < LONG_STEP_MS ? restFrom(bytes) : standBack());
    if (done) return value;
  }
}

/** Yields after every step whose length depends on the body's. */
function* readingSteps(bytes: Uint8Array, headers: BodyHeaders): Generator<void, BodyReading> {
  const refused = checkHeaders(headers);
  if (refused !== null) return withIdOf(refused, bytes);
  const excess = excessIn(bytes);
  if (excess !== null)
    return withIdOf(refuse(INVALID_REQUEST, `the body is too much for one request: ${excess}`), bytes);
  yield;
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return refuse(PARSE_ERROR, 'the body is not UTF-8');
  }
  if (text.charCodeAt(0) === 0xfeff) return refuse(PARSE_ERROR, 'the body begins with a byte order mark');
  yield;
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return refuse(PARSE_ERROR, 'the body is not JSON');
  }
  yield;
  const { fault, inexact, idText } = scan(text);
  if (fault !== null) return identified(refuse(INVALID_REQUEST, `ambiguous JSON: ${fault}`), value, null);
  yield;
  if (Array.isArray(value)) return readBatch(value, text, bytes);
  if (!isObject(value)) return refuse(INVALID_REQUEST, 'the body is neither a JSON-RPC message nor a batch');
  const reading = readOne(value, { text, bytes, inexact, idText });
  return reading.kind === 'refused' ? identified(reading, value, idText) : reading;
}

/**
 * The refusal with the id that it answers, by which a client finds the request that it ends. `idText`: as it is written;
 * null: it may be written twice.
 */
function identified(refused: RefusedBody, value: Json, idText: string | null): RefusedBody {
  const id = isObject(value) ? member(value, 'id') : undefined;
  const isId = typeof id === 'number' || (typeof id === 'string' && id.length <= LONGEST_REQUEST_ID);
  if (!isId || !isObject(value) || member(value, 'method') === undefined) return refused;
  const text = idText ?? JSON.stringify(id);
  return text.length > 6 * LONGEST_REQUEST_ID + 2 ? refused : { ...refused, idText: text };
}

/** The same for a body that is not read further, where it is short. */
function withIdOf(refused: RefusedBody, bytes: Uint8Array): RefusedBody {
  const idText = idInBody(bytes);
  return idText === null ? refused : { ...refused, idText };
}

function checkHeaders({ contentType, contentEncoding }: BodyHeaders): RefusedBody | null {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') {
    return { kind: 'refused', status: 415, code: INVALID_REQUEST, why: 'send the body without Content-Encoding' };
  }
  const [type, ...parameters] = (contentType ?? '').split(';').map((part) => part.trim().toLowerCase());
  const utf8 = parameters.every((p) => !/^charset\s*=/.test(p) || /^charset\s*=\s*("utf-?8"|utf-?8)$/.test(p));
  if (type === 'application/json' && utf8) return null;
  const why = 'send Content-Type: application/json, in UTF-8';
  return { kind: 'refused', status: 415, code: INVALID_REQUEST, why };
}

function readOne(message: JsonObject, reading: Pick<ReadSingle, 'text' | 'bytes' | 'inexact' | 'idText'>): BodyReading {
  const fault = shapeFault(message) ?? (isToolCall(message) ? callFault(message) : null);
  if (fault !== null) return fault;
  return {
    ...reading,
    kind: 'message',
    message,
    method: (member(message, 'method') as string | undefined) ?? null,
  };
}

function readBatch(batch: readonly Json[], text: string, bytes: Uint8Array): BodyReading {
  if (batch.length > MOST_BATCHED) {
    return refuse(INVALID_REQUEST, `a batch holds at most ${MOST_BATCHED} messages, and this one ${batch.length}`);
  }
  const messages: JsonObject[] = [];
  for (const item of batch) {
    if (!isObject(item)) return refuse(INVALID_REQUEST, 'the batch holds something that is no JSON-RPC message');
    const fault = shapeFault(item);
    if (fault !== null) return fault;
    if (isToolCall(item)) return refuse(INVALID_REQUEST, 'tools/call does not travel in a batch: send it by itself');
    messages.push(item);
  }
  return { kind: 'batch', messages, text, bytes };
}

/** Whether the message is a `tools/call`. */
export function isToolCall(message: JsonObject): boolean {
  return member(message, 'method') === 'tools/call';
}

/** A server that reads methods leniently must not take for one of MCP what policy takes for an unknown one. */
const BY_FOLDED_NAME = new Map([...METHODS.keys()].map((method) => [foldName(method), method]));

/** Messages that one batch may hold. */
export const MOST_BATCHED = 100;

/** Ids are compared, stored and looked up, so they have a bound wherever the protocol has one. */
function idFault(message: JsonObject): RefusedBody | null {
  const params = member(message, 'params');
  const ids = [
    ['id', member(message, 'id')],
    ['params.requestId', member(params, 'requestId')],
    ['params.progressToken', member(params, 'progressToken')],
    ['params._meta.progressToken', member(member(params, '_meta'), 'progressToken')],
  ] as const;
  for (const [name, id] of ids) {
    if (typeof id !== 'string' || id.length <= LONGEST_REQUEST_ID) continue;
    return refuse(INVALID_REQUEST, `${name} has ${id.length} characters; at most ${LONGEST_REQUEST_ID} are accepted`);
  }
  return null;
}

function shapeFault(message: JsonObject): RefusedBody | null {
  const tooLong = idFault(message);
  if (tooLong !== null) return tooLong;
  const id = member(message, 'id');
  // JSON-RPC 2.0, 4 and 5: null is the id of an error that answers no request.
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return refuse(INVALID_REQUEST, 'id must be a string or a number');
  }
  const method = member(message, 'method');
  if (method === undefined) return null;
  if (typeof method !== 'string') return refuse(INVALID_REQUEST, 'method must be a string');
  const meant = METHODS.has(method) ? undefined : BY_FOLDED_NAME.get(foldName(method));
  if (meant !== undefined)
    return refuse(INVALID_REQUEST, `method is spelt almost like ${meant}. Write it exactly so, or use another name`);
  if (Object.hasOwn(message, 'result') || Object.hasOwn(message, 'error')) {
    return refuse(INVALID_REQUEST, 'a message must be a request or a response, not both');
  }
  return null;
}

/** Members of a call's `params` that may be null, which is as good as leaving them out. */
const NULLABLE: ReadonlySet<string> = new Set(NULL_MEMBERS);

function callFault(message: JsonObject): RefusedBody | null {
  const id = member(message, 'id');
  if (typeof id !== 'string' && typeof id !== 'number') {
    return refuse(INVALID_REQUEST, 'a tools/call needs an id that is a string or a number');
  }
  const params = member(message, 'params');
  if (!isObject(params)) return refuse(INVALID_PARAMS, 'params of a tools/call must be an object');
  if (typeof member(params, 'name') !== 'string') return refuse(INVALID_PARAMS, 'params.name must be a string');
  for (const name of ['arguments', '_meta', 'task', 'inputResponses']) {
    const part = member(params, name);
    // Some clients write what they leave out.
    if (part === null && NULLABLE.has(name)) continue;
    if (part !== undefined && !isObject(part)) return refuse(INVALID_PARAMS, `params.${name} must be an object`);
  }
  const state = member(params, 'requestState');
  if (state !== undefined && typeof state !== 'string') {
    return refuse(INVALID_PARAMS, 'params.requestState must be a string');
  }
  return null;
}

function refuse(code: number, why: string): RefusedBody {
  return { kind: 'refused', status: 400, code, why };
}

import { joinInTurns } from '../../bytes/join.ts';
import type { Call, Principal } from '../../domain/call/call.ts';
import { REASON_MEMBER } from '../../domain/call/stated-reason.ts';
import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import type { ToolCallRequest } from '../door/call-door.ts';
import { textAt, withMember, withoutMember } from '../json/edit.ts';
import { withMemberInPieces } from '../json/edit-bytes.ts';
import { placesIn } from '../json/find.ts';
import { LARGE_MESSAGE } from '../json/large.ts';
import { headersBesideBody, headersOfGatedCall } from '../protocol/gated-headers.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { NULL_MEMBERS } from '../protocol/null-members.ts';

/**
 * A gated call as its opener sent it, frozen when its approval opens. It is all that is ever sent for this approval,
 * whoever collects (P1): a caller that joins lends it its session with that session's revision, the JSON-RPC id that
 * it is answered by and its progress token, and nothing else.
 */
export interface FrozenCall {
  /** The opener's JSON-RPC id, as JSON text. */
  readonly idText: string;
  /** The opener's session, as a digest; null where there is none. */
  readonly session: string | null;
  /** The headers, without that of a session and without the configured ones. */
  readonly headers: HeaderRecord;
  /** The body as it came, without the agent's reason, which is never forwarded. */
  readonly text: string;
}

/** Begins the stored form. Without it, the stored bytes are a body from before there was this form. */
const MARK = 'HF1 ';
const NEWLINE = 0x0a;

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Freezes a call. */
export function frozenCallOf(
  request: Pick<ToolCallRequest, 'bytes' | 'idText' | 'requestHeaders' | 'session' | 'upstream'>,
): FrozenCall {
  const { idText, session, bytes } = request;
  let text = withoutMember(UTF8.decode(bytes), ['params', '_meta', REASON_MEMBER]);
  for (const name of NULL_MEMBERS)
    if (textAt(text, ['params', name]) === 'null') text = withoutMember(text, ['params', name]);
  return { idText, session, headers: headersOfGatedCall(headersThatReach(request)), text };
}

const NO_HEADERS: HeaderRecord = {};

/** The agent's headers as far as its server can get any. */
export function headersThatReach({
  upstream,
  requestHeaders,
}: Pick<ToolCallRequest, 'requestHeaders' | 'upstream'>): HeaderRecord {
  return upstream.kind === 'stdio' ? NO_HEADERS : requestHeaders;
}

/**
 * The form in which a call is stored, and kept while its callers wait: one line of JSON, then the body. Other replicas
 * and later versions must be able to read it.
 */
export function frozenBytes({ text, ...head }: FrozenCall): Uint8Array {
  return new TextEncoder().encode(`${MARK}${JSON.stringify(head)}\n${text}`);
}

/**
 * The call of this request in its stored form: what `frozenBytes` makes of `frozenCallOf`. Large ones are edited as
 * bytes, in pieces.
 */
export async function frozenInPieces(
  request: Pick<ToolCallRequest, 'bytes' | 'idText' | 'params' | 'requestHeaders' | 'session' | 'upstream'>,
): Promise<Uint8Array> {
  const { idText, session, bytes, params } = request;
  if (bytes.length < LARGE_MESSAGE) return frozenBytes(frozenCallOf(request));
  const reasoned = member(member(params, '_meta'), REASON_MEMBER) !== undefined;
  let text = reasoned ? await withMemberInPieces(bytes, ['params', '_meta', REASON_MEMBER], null) : bytes;
  for (const name of NULL_MEMBERS)
    if (member(params, name) === null) text = await withMemberInPieces(text, ['params', name], null);
  const head = { idText, session, headers: headersOfGatedCall(headersThatReach(request)) };
  const line = new TextEncoder().encode(`${MARK}${JSON.stringify(head)}\n`);
  return joinInTurns([line, text]);
}

/** The call, as `frozenBytes` made it. */
export function frozenCallIn(bytes: Uint8Array): FrozenCall {
  const mark = UTF8.decode(bytes.subarray(0, MARK.length));
  if (mark !== MARK) return frozenBefore(UTF8.decode(bytes));
  const end = bytes.indexOf(NEWLINE);
  const head = JSON.parse(UTF8.decode(bytes.subarray(MARK.length, end))) as Omit<FrozenCall, 'text'>;
  return { ...head, text: UTF8.decode(bytes.subarray(end + 1)) };
}

/** A call that was parked by the release before, which stored its body only. */
function frozenBefore(text: string): FrozenCall {
  const params = paramsOf(text);
  const version = member(member(params, '_meta'), 'io.modelcontextprotocol/protocolVersion');
  const modern: HeaderRecord =
    typeof version === 'string'
      ? { 'mcp-protocol-version': version, 'mcp-method': 'tools/call', 'mcp-name': String(member(params, 'name')) }
      : {};
  return { idText: textAt(text, ['id']) ?? 'null', session: null, headers: headersOfGatedCall(modern), text };
}

/** The `params` of a `tools/call` that the strict door has accepted. */
export function paramsOf(text: string): JsonObject {
  return member(JSON.parse(text) as JsonObject, 'params') as JsonObject;
}

/** Who calls, and in which session. */
export interface Caller {
  readonly principal: Principal;
  readonly server: string;
  /** A digest; null where there is none. */
  readonly session: string | null;
}

/**
 * The call as policy evaluates it. `headers`: those that reach the server; a stdio server gets none.
 */
export function callOf({ principal, server, session }: Caller, params: JsonObject, headers: HeaderRecord): Call {
  const args = member(params, 'arguments');
  return {
    principal,
    server,
    tool: String(member(params, 'name')),
    args: isObject(args) ? args : {},
    session,
    params: withoutNulls(params),
    headers: headersBesideBody(headers, params),
  };
}

function withoutNulls(params: JsonObject): JsonObject {
  if (NULL_MEMBERS.every((name) => member(params, name) !== null)) return params;
  const isLeftOut = (name: string): boolean => NULL_MEMBERS.some((each) => each === name) && params[name] === null;
  return Object.fromEntries(Object.entries(params).filter(([name]) => !isLeftOut(name)));
}

/** The frozen call as policy evaluates it for this caller. */
export function callOfFrozen(caller: Caller, { text, headers }: FrozenCall): Call {
  return callOf(caller, paramsOf(text), headers);
}

/** The caller that sends a frozen call: where its answer and the server's progress go. */
export interface Sender {
  readonly idText: string;
  /** The progress token as JSON text; null: it sees no progress. */
  readonly progressToken: string | null;
}

/** What an agent answers to what the server asked, as JSON texts; null where it sent none. */
export interface Answers {
  readonly inputResponses: string | null;
  readonly requestState: string | null;
}

/**
 * The frozen call, as JSON text, for the caller that sends it. `keepTask`: false where `params.task` would make the
 * server create a task that nobody follows (2025-11-25).
 */
export function sendableText(
  { text, idText }: FrozenCall,
  sender: Sender,
  { answers = null, keepTask }: { readonly answers?: Answers | null; readonly keepTask: boolean },
): string {
  // By its id the sender can cancel the call, and no other request of its session has it.
  let sent = sender.idText === idText ? text : withMember(text, ['id'], sender.idText);
  sent = withProgressToken(sent, sender.progressToken);
  if (!keepTask) sent = withoutMember(sent, ['params', 'task']);
  if (answers !== null) sent = withAnswers(sent, answers);
  return sent;
}

/** The same for a call in its stored form, as bytes; large ones are edited in pieces. */
export async function sendableInPieces(
  stored: Uint8Array,
  sender: Sender,
  how: { readonly answers?: Answers | null; readonly keepTask: boolean },
): Promise<{ readonly bytes: Uint8Array; readonly headers: HeaderRecord }> {
  const newline = stored.indexOf(NEWLINE);
  if (stored.length < LARGE_MESSAGE || UTF8.decode(stored.subarray(0, MARK.length)) !== MARK) {
    const frozen = frozenCallIn(stored);
    return { bytes: new TextEncoder().encode(sendableText(frozen, sender, how)), headers: frozen.headers };
  }
  const head = JSON.parse(UTF8.decode(stored.subarray(MARK.length, newline))) as Omit<FrozenCall, 'text'>;
  return { bytes: await sendableBytes(stored.subarray(newline + 1), head.idText, sender, how), headers: head.headers };
}

const META = ['params', '_meta'];
const TOKEN = [...META, 'progressToken'];

async function sendableBytes(
  body: Uint8Array,
  idText: string,
  sender: Sender,
  { answers = null, keepTask }: { readonly answers?: Answers | null; readonly keepTask: boolean },
): Promise<Uint8Array> {
  const places = await placesIn(body, [META, TOKEN, ['params', 'task']]);
  const at = places?.get(TOKEN.join(' '));
  const token = at === undefined ? null : UTF8.decode(body.subarray(at.start, at.end));
  const edits: [path: readonly string[], json: string | null][] = [];
  if (sender.idText !== idText) edits.push([['id'], sender.idText]);
  if (token !== sender.progressToken) {
    if (places?.has(META.join(' ')) !== true && sender.progressToken !== null) edits.push([META, '{}']);
    edits.push([TOKEN, sender.progressToken]);
  }
  if (!keepTask && places?.has('params task') === true) edits.push([['params', 'task'], null]);
  if (answers !== null) {
    edits.push(
      [['params', 'inputResponses'], answers.inputResponses],
      [['params', 'requestState'], answers.requestState],
    );
  }
  let sent = body;
  for (const [path, json] of edits) sent = await withMemberInPieces(sent, path, json);
  return sent;
}

function withProgressToken(text: string, token: string | null): string {
  const path = ['params', '_meta', 'progressToken'];
  if (textAt(text, path) === token) return text;
  return token === null ? withoutMember(text, path) : withMember(withMeta(text), path, token);
}

function withMeta(text: string): string {
  return textAt(text, ['params', '_meta']) === null ? withMember(text, ['params', '_meta'], '{}') : text;
}

/** The frozen call as it answers what its server asked. */
export function answering(frozen: FrozenCall, answers: Answers): FrozenCall {
  return { ...frozen, text: withAnswers(frozen.text, answers) };
}

/** The same call, answering what the server asked: its state and the agent's answers take the place of earlier ones. */
function withAnswers(text: string, { inputResponses, requestState }: Answers): string {
  return withPart(withPart(text, 'inputResponses', inputResponses), 'requestState', requestState);
}

function withPart(text: string, name: string, json: string | null): string {
  return json === null ? withoutMember(text, ['params', name]) : withMember(text, ['params', name], json);
}

import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import { comparableName } from '../protocol/gated-headers.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import type { ReadBatch, ReadSingle } from './strict-door.ts';

const VERSION_CLAIM = 'io.modelcontextprotocol/protocolVersion';
const PARAM_PREFIX = 'mcp-param-';
/** A header value that is encoded as base64 of UTF-8 (2026-07-28). */
const ENCODED = /^=\?base64\?(.*)\?=$/;

/** The revision that the body claims (2026-07-28 and later); null in the legacy era, which has no such claim. */
export function claimedRevisionOf(message: JsonObject): string | null {
  const claimed = member(member(member(message, 'params'), '_meta'), VERSION_CLAIM);
  return typeof claimed === 'string' ? claimed : null;
}

/**
 * Checks that the headers that repeat parts of the body agree with it (2026-07-28, HeaderMismatch): `Mcp-Method`,
 * `Mcp-Name`, `MCP-Protocol-Version`, and `Mcp-Param-*` as far as that is possible without the tool's schema. Null when
 * they agree, else the reason. Missing headers are left for the upstream to refuse.
 */
export function headerDisagreement(headers: HeaderRecord, read: ReadSingle | ReadBatch): string | null {
  const message = read.kind === 'message' ? read.message : null;
  const method = headers['mcp-method'];
  if (method !== undefined && method !== member(message, 'method')) return 'Mcp-Method is not the method of the body';

  const name = headers['mcp-name'];
  if (name !== undefined && decodeValue(name) !== nameOf(message)) return 'Mcp-Name is not what the body names';

  const version = headers['mcp-protocol-version'];
  const claimed = message === null ? null : claimedRevisionOf(message);
  if (version !== undefined && claimed !== null && version !== claimed) {
    return 'MCP-Protocol-Version is not the version that the body claims';
  }
  return parameterDisagreement(headers, message);
}

function nameOf(message: JsonObject | null): Json | undefined {
  const params = member(message, 'params');
  const method = member(message, 'method');
  // What the method does not read must not stand in for what it does.
  if (typeof method === 'string' && method.startsWith('resources/')) return member(params, 'uri');
  if (typeof method === 'string' && method.startsWith('tasks/')) return member(params, 'taskId');
  return member(params, 'name') ?? member(params, 'uri') ?? member(params, 'taskId');
}

/** The header's value, decoded if it is encoded; null when it is encoded wrongly. */
function decodeValue(value: string): string | null {
  const encoded = ENCODED.exec(value)?.[1];
  if (encoded === undefined) return value;
  try {
    const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Parameter headers that one request may have. */
export const MOST_PARAM_HEADERS = 64;
/** Longest name of a parameter header, without the prefix, in characters. */
const LONGEST_PARAM_NAME = 256;

/** What one parameter header says. */
interface ParameterClaim {
  readonly header: string;
  /** The argument's name, in comparable form. */
  readonly name: string;
  readonly text: string;
  /** The text as a number; NaN where it is none. */
  readonly number: number;
}

function parameterDisagreement(headers: HeaderRecord, message: JsonObject | null): string | null {
  const claims: ParameterClaim[] = [];
  for (const header in headers) {
    if (!header.startsWith(PARAM_PREFIX)) continue;
    const name = header.slice(PARAM_PREFIX.length);
    if (name.length > LONGEST_PARAM_NAME) {
      return `the name of an Mcp-Param header is longer than ${LONGEST_PARAM_NAME} characters`;
    }
    const text = decodeValue(headers[header] ?? '');
    if (text === null) return disagrees(header);
    const number = text.trim() === '' ? Number.NaN : Number(text);
    claims.push({ header, name: comparableName(name), text, number });
  }
  if (claims.length === 0) return null;
  if (claims.length > MOST_PARAM_HEADERS) {
    return `a request has at most ${MOST_PARAM_HEADERS} Mcp-Param headers, and this one has ${claims.length}`;
  }
  const args = member(member(message, 'params'), 'arguments');
  const unconfirmed = args === undefined ? claims[0] : unconfirmedBy(args, claims);
  return unconfirmed === undefined ? null : disagrees(unconfirmed.header);
}

function disagrees(header: string): string {
  return `${header} is not what the arguments say`;
}

/**
 * The first claim that the arguments do not confirm. Only the tool's schema says which argument a parameter header
 * repeats, at whatever depth. In any case the value must occur among the arguments, and an argument of that name (apart
 * from case, `-` and `_`) must have it; what lies deeper may have the name too, and a value of its own. Looks at every
 * argument once, however many claims there are.
 */
function unconfirmedBy(args: Json, claims: readonly ParameterClaim[]): ParameterClaim | undefined {
  const byName = Map.groupBy(claims, ({ name }) => name);
  const unmetTexts = new Set(claims.map(({ text }) => text));
  const unmetNumbers = new Set(claims.map(({ number }) => number));
  let contradicted: ParameterClaim | undefined;
  const visit = (node: Json, key: string | null, depth: number): void => {
    if (contradicted !== undefined) return;
    if (isObject(node)) {
      for (const inner of Object.keys(node)) visit(node[inner] as Json, inner, depth + 1);
    } else if (!Array.isArray(node) && node !== null) {
      if (typeof node === 'number') unmetNumbers.delete(node);
      else unmetTexts.delete(String(node));
      if (key === null || depth > 1) return;
      contradicted = byName.get(comparableName(key))?.find((claim) => !says(claim, node as string | number | boolean));
    }
  };
  visit(args, null, 0);
  return contradicted ?? claims.find(({ text, number }) => unmetTexts.has(text) && !metAsNumber(number, unmetNumbers));
}

function metAsNumber(number: number, unmet: ReadonlySet<number>): boolean {
  return !Number.isNaN(number) && !unmet.has(number);
}

function says({ text, number }: ParameterClaim, argument: string | number | boolean): boolean {
  return typeof argument === 'number' ? number === argument : String(argument) === text;
}

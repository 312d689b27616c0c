import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { HeaderRecord } from '../protocol/header-policy.ts';
import { fold } from '../protocol/names.ts';
import type { ReadBatch, ReadOne } from './strict-door.ts';

const VERSION_CLAIM = 'io.modelcontextprotocol/protocolVersion';
const PARAM_PREFIX = 'mcp-param-';
const PACKED = /^=\?base64\?(.*)\?=$/;

/** The revision that the body itself claims (2026-07-28 and later); null in the legacy era. */
export function claimedVersion(message: JsonObject): string | null {
  const claim = member(member(member(message, 'params'), '_meta'), VERSION_CLAIM);
  return typeof claim === 'string' ? claim : null;
}

/**
 * Whether the headers that repeat the body say the same as the body (2026-07-28, HeaderMismatch): `Mcp-Method`,
 * `Mcp-Name`, the claimed `MCP-Protocol-Version`, and `Mcp-Param-*` as far as it can be told without the tool's schema.
 * Null when they agree, else why not. A header that is missing is the upstream's to miss.
 */
export function disagreement(headers: HeaderRecord, read: ReadOne | ReadBatch): string | null {
  const message = read.kind === 'message' ? read.message : null;
  const method = headers['mcp-method'];
  if (method !== undefined && method !== member(message, 'method')) return 'Mcp-Method is not the method of the body';

  const name = headers['mcp-name'];
  if (name !== undefined && unpack(name) !== nameOf(message)) return 'Mcp-Name is not what the body names';

  const version = headers['mcp-protocol-version'];
  const claim = message === null ? null : claimedVersion(message);
  if (version !== undefined && claim !== null && version !== claim) {
    return 'MCP-Protocol-Version is not the version that the body claims';
  }
  return parameters(headers, message);
}

function nameOf(message: JsonObject | null): Json | undefined {
  const params = member(message, 'params');
  return member(params, 'name') ?? member(params, 'uri') ?? member(params, 'taskId');
}

/** Null when what is packed is not base64 of UTF-8. */
function unpack(value: string): string | null {
  const packed = PACKED.exec(value)?.[1];
  if (packed === undefined) return value;
  try {
    const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function parameters(headers: HeaderRecord, message: JsonObject | null): string | null {
  for (const header in headers) {
    if (!header.startsWith(PARAM_PREFIX)) continue;
    const value = unpack(headers[header] ?? '');
    const args = member(member(message, 'params'), 'arguments');
    if (value === null || args === undefined || !backs(args, plain(header.slice(PARAM_PREFIX.length)), value)) {
      return `${header} is not what the arguments say`;
    }
  }
  return null;
}

/**
 * Which argument a parameter header repeats is written in the tool's schema only. What has to hold whatever it says:
 * the value is somewhere among the arguments, and an argument of that very name has it.
 */
function backs(args: Json, name: string, value: string): boolean {
  let found = false;
  let contradicted = false;
  const visit = (node: Json, key: string | null): void => {
    if (isObject(node)) {
      for (const inner of Object.keys(node)) visit(node[inner] as Json, inner);
    } else if (!Array.isArray(node) && node !== null) {
      const same = says(node as string | number | boolean, value);
      found ||= same;
      contradicted ||= !same && key !== null && plain(key) === name;
    }
  };
  visit(args, null);
  return found && !contradicted;
}

function says(argument: string | number | boolean, value: string): boolean {
  if (typeof argument === 'number') return value.trim() !== '' && Number(value) === argument;
  return String(argument) === value;
}

function plain(name: string): string {
  return fold(name).replaceAll(/[-_]/g, '');
}

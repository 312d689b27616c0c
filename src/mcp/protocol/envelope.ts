import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import type { HeaderRecord } from './header-policy.ts';
import { HEADER_MISMATCH, INVALID_PARAMS, rpcError } from './response.ts';

/** The stateless revision of MCP. */
export const MODERN = '2026-07-28';
/** The revision in which an agent asks for a task with `params.task`. */
export const TASKS_2025 = '2025-11-25';
/** The name under which 2026-07-28 declares support for tasks. */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** The request needs a capability that its client did not declare (2026-07-28). */
const MISSING_CAPABILITY = -32021;
const UNSUPPORTED_VERSION = -32022;

const META = 'io.modelcontextprotocol/';

/**
 * Checks the envelope of a modern request that the gateway answers itself or parks, as a server would: nobody should be
 * asked to approve a call that its server is sure to refuse. Returns an HTTP 400 with a JSON-RPC error, or null when
 * the envelope is correct. The strict door has already checked that the headers present agree with the body.
 */
export function envelopeFault(message: JsonObject, headers: HeaderRecord, idText: string): Response | null {
  const meta = member(member(message, 'params'), '_meta');
  const version = member(meta, `${META}protocolVersion`);
  if (typeof version !== 'string' || !isObject(member(meta, `${META}clientCapabilities`))) {
    const why = 'params._meta needs io.modelcontextprotocol/protocolVersion and …/clientCapabilities.';
    return rpcError(400, INVALID_PARAMS, why, idText);
  }
  for (const name of ['mcp-protocol-version', 'mcp-method', 'mcp-name']) {
    if (headers[name] === undefined) return rpcError(400, HEADER_MISMATCH, `The header ${name} is missing.`, idText);
  }
  if (version === MODERN) return null;
  const data = JSON.stringify({ supported: [MODERN], requested: version });
  return rpcError(400, UNSUPPORTED_VERSION, 'Unsupported protocol version', idText, {}, data);
}

/** Whether the request with these params declares the tasks extension; each modern request declares its own. */
export function declaresTasks(params: JsonObject): boolean {
  const capabilities = member(member(params, '_meta'), `${META}clientCapabilities`);
  const extensions = member(capabilities, 'extensions');
  return isObject(extensions) && Object.hasOwn(extensions, TASKS_EXTENSION);
}

/** HTTP 400: the request needs the tasks extension, which it did not declare (2026-07-28). */
export function tasksExtensionMissing(idText: string): Response {
  const data = JSON.stringify({ requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } });
  return rpcError(400, MISSING_CAPABILITY, `This needs the extension ${TASKS_EXTENSION}.`, idText, {}, data);
}

/** The client's name as it states it in a modern request; null when it states none. */
export function modernClient(params: JsonObject): string | null {
  const name = member(member(member(params, '_meta'), `${META}clientInfo`), 'name');
  return typeof name === 'string' ? name : null;
}

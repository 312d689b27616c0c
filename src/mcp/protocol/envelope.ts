import { isObject, type JsonObject, member } from '../../domain/json/json.ts';
import type { HeaderRecord } from './header-policy.ts';
import { HEADER_MISMATCH, INVALID_PARAMS, rpcError } from './response.ts';

/** The stateless revision. */
export const MODERN = '2026-07-28';
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
/** A request needs what its client did not declare (2026-07-28). */
const MISSING_CAPABILITY = -32021;
const UNSUPPORTED_VERSION = -32022;

const META = 'io.modelcontextprotocol/';

/**
 * What is wrong with the envelope of a modern request that the gateway answers itself, or parks: it reads the body, so
 * it has to check it as a server would, and nobody is to approve what the server would refuse at sight. That headers
 * which are there agree with the body was seen to before.
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

/** Whether this very request declares the tasks extension. */
export function takesTasks(params: JsonObject): boolean {
  const capabilities = member(member(params, '_meta'), `${META}clientCapabilities`);
  const extensions = member(capabilities, 'extensions');
  return isObject(extensions) && Object.hasOwn(extensions, TASKS_EXTENSION);
}

export function tasksMissing(idText: string): Response {
  const data = JSON.stringify({ requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } });
  return rpcError(400, MISSING_CAPABILITY, `This needs the extension ${TASKS_EXTENSION}.`, idText, {}, data);
}

/** The name a modern request's client gives itself. */
export function modernClient(params: JsonObject): string | null {
  const name = member(member(member(params, '_meta'), `${META}clientInfo`), 'name');
  return typeof name === 'string' ? name : null;
}

/** The revision in which the agent asks for a task by `params.task`. */
export const TASKS_2025 = '2025-11-25';

/** The members of a JSON-RPC message. */
export const ENVELOPE_NAMES: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);

/** The members of `params` that have a meaning for some method in some revision. */
export const PARAM_NAMES: ReadonlySet<string> = new Set([
  '_meta',
  'arguments',
  'argument',
  'capabilities',
  'clientInfo',
  'context',
  'createdAt',
  'cursor',
  'data',
  'elicitationId',
  'inputResponses',
  'lastUpdatedAt',
  'level',
  'logger',
  'message',
  'name',
  'notifications',
  'pollInterval',
  'progress',
  'progressToken',
  'protocolVersion',
  'reason',
  'ref',
  'requestId',
  'requestState',
  'status',
  'statusMessage',
  'task',
  'taskId',
  'total',
  'ttl',
  'uri',
]);

const FOLDED = new Map<ReadonlySet<string>, ReadonlySet<string>>(
  [ENVELOPE_NAMES, PARAM_NAMES].map((names) => [names, new Set([...names].map(foldName))]),
);

/**
 * Maps names that a lenient reader could confuse to one form. Case is folded as Go's encoding/json does it (U+017F is
 * an s, U+212A is a k) and as Java does it (U+0130 and U+0131 are an i). Whitespace and invisible characters are
 * removed, because some C readers stop there.
 */
export function foldName(name: string): string {
  return name
    .replace(/[\p{C}\s]/gu, '')
    .replace(/[\u0130\u0131]/g, 'i')
    .toUpperCase()
    .toLowerCase();
}

/** Whether the name is not one of `names`, but a lenient reader would take it for one. */
export function isDisguised(name: string, names: ReadonlySet<string>): boolean {
  return !names.has(name) && FOLDED.get(names)?.has(foldName(name)) === true;
}

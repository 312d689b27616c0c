/** Members of a JSON-RPC message. */
export const ENVELOPE: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error']);

/** Members of `params` that some method of some revision gives a meaning. */
export const PARAMS: ReadonlySet<string> = new Set([
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
  [ENVELOPE, PARAMS].map((names) => [names, new Set([...names].map(fold))]),
);

/**
 * One form for names that a lenient reader could take for each other: case folded as Go's encoding/json does it (where
 * U+017F is an s and U+212A a k) and as Java does it (where U+0130 and U+0131 are an i), and without blanks and
 * invisible characters, where C readers stop.
 */
export function fold(name: string): string {
  return name
    .replace(/[\p{C}\s]/gu, '')
    .replace(/[\u0130\u0131]/g, 'i')
    .toUpperCase()
    .toLowerCase();
}

/** Whether the name is none of the protocol's, but a lenient reader would take it for one. */
export function isDisguised(name: string, names: ReadonlySet<string>): boolean {
  return !names.has(name) && FOLDED.get(names)?.has(fold(name)) === true;
}

/** Names of members whose values are never logged, at any depth. */
const SECRET =
  /^(authorization|cookie|set-cookie|headers|arguments|args|params|body|response|result|url|data|private.?key)$|token|secret|passw/i;
/** Texts that are credentials, in any member. */
const CREDENTIAL = /(\bBearer\s+)\S+|\bxox[a-z]-[\w-]+|\bxapp-[\w-]+|(:\/\/)[^/\s:@]*:[^/\s@]+(?=@)/gi;
const HIDDEN = '[redacted]';
/** Levels of nesting that are logged. */
const MAX_DEPTH = 6;
/** Longest text that is logged, in UTF-16 units. */
const LONGEST_TEXT = 4_000;

/**
 * What may be logged of these fields: shapes are kept, secrets are removed, and errors keep their messages and causes.
 */
export function scrub(fields: object): Record<string, unknown> {
  return members(fields, 0);
}

function members(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, SECRET.test(name) ? HIDDEN : scrubbed(inner, depth + 1)]),
  );
}

function scrubbed(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.slice(0, LONGEST_TEXT).replaceAll(CREDENTIAL, `$1$2${HIDDEN}`);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > MAX_DEPTH) return '[…]';
  if (value instanceof Error) return errorOf(value, depth);
  if (Array.isArray(value)) return value.slice(0, 100).map((item) => scrubbed(item, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return members(value, depth);
}

/** What libraries attach to errors (requests, commands with their values) is left out. */
function errorOf(error: Error, depth: number): object {
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: scrubbed(error.message, depth),
    stack: scrubbed(error.stack, depth),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.cause === undefined ? {} : { cause: scrubbed(error.cause, depth + 1) }),
  };
}

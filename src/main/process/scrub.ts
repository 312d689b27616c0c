/** Members whose values never reach a log line, wherever they stand. */
const SECRET =
  /^(authorization|cookie|set-cookie|headers|arguments|args|params|body|response|result|url|data|private.?key)$|token|secret|passw/i;
/** Texts that are credentials wherever they stand. */
const CREDENTIAL = /(\bBearer\s+)\S+|\bxox[a-z]-[\w-]+|\bxapp-[\w-]+|(:\/\/)[^/\s:@]*:[^/\s@]+(?=@)/gi;
const HIDDEN = '[redacted]';
const DEEPEST = 6;
const LONGEST = 4_000;

/** What may be logged of these fields: shapes stay, secrets go, errors are told by their words and their causes. */
export function scrub(fields: object): Record<string, unknown> {
  return members(fields, 0);
}

function members(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, SECRET.test(name) ? HIDDEN : told(inner, depth + 1)]),
  );
}

function told(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return value.slice(0, LONGEST).replaceAll(CREDENTIAL, `$1$2${HIDDEN}`);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (depth > DEEPEST) return '[…]';
  if (value instanceof Error) return errorOf(value, depth);
  if (Array.isArray(value)) return value.slice(0, 100).map((one) => told(one, depth + 1));
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return members(value, depth);
}

/** What libraries hang on errors (requests, commands with their values) stays behind. */
function errorOf(error: Error, depth: number): object {
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    message: told(error.message, depth),
    stack: told(error.stack, depth),
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.cause === undefined ? {} : { cause: told(error.cause, depth + 1) }),
  };
}

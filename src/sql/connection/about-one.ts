const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Postgres' codes for what is no call's own fault: it is away, stopping, full, read-only, or too slow. */
const ABOUT_ALL = /^(08|53|57|58|25006|55P03)/;

/**
 * Whether what the database itself says of a statement for many calls may be about one of them: then nothing of the statement was
 * done, and each is tried alone. Else all of them fail at once: one after the other, each would wait as long.
 */
export function isAboutOne(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  // A socket's own faults have codes too, `EPIPE` for example; only the server says how severe it finds them.
  return typeof severity === 'string' && typeof code === 'string' && SQLSTATE.test(code) && !ABOUT_ALL.test(code);
}

/** Postgres' codes for what is no call's own fault: it is away, stopping, full, read-only, or was too slow. */
const ABOUT_ALL = /^(08|53|57|58|25006)/;

/**
 * Whether what the database says of a statement for many calls may be about one of them: then nothing of the statement was
 * done, and each is tried alone. Else all of them fail at once: one after the other, each would wait as long.
 */
export function isAboutOne(error: unknown): boolean {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !ABOUT_ALL.test(code);
}

/**
 * Expensive enough that words are not read where an index knows them; not so expensive that Postgres JIT-compiles every
 * search.
 */
export const MIGRATION_0010: readonly string[] = ['alter function holdfast.words(text) cost 400'];

import { type RawBuilder, sql } from 'kysely';

/**
 * Bytes of event texts, or of arguments, that one page brings. A single call may hold megabytes, and a page of
 * hundreds of them would take more time than a statement has, or more memory than a process has.
 */
export const BYTES_PER_PAGE = 4_000_000;

/** Orders of events `e`: by either key of the log, both ways. */
export const IN_ORDER = {
  written: sql`e.n`,
  chained: sql`e.seq`,
  newest: sql`e.n desc`,
  newestChained: sql`e.seq desc`,
} as const satisfies Record<string, RawBuilder<unknown>>;

/**
 * The first of these events, in this order, that are not too heavy together; the very first always comes, whatever its
 * size. A row source with all columns, and with `found`: how many events there were. Sizes are known without reading
 * the texts. `weight`: of an event `e`, in bytes.
 */
export function portionOf(
  events: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
  bytes = BYTES_PER_PAGE,
  weight: RawBuilder<unknown> = sql`octet_length(e.body)`,
): RawBuilder<unknown> {
  return sql`(
    select * from (
      select e.*, count(*) over () as found, sum(${weight}) over (order by ${order}) - ${weight} as before
      from (${events}) e
    ) e where before < ${bytes}::bigint)`;
}

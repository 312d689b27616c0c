import { type RawBuilder, sql } from 'kysely';

/**
 * Octets of event texts, or of arguments, that one answer brings: one call may hold megabytes, and a page of hundreds of
 * them would be more than a statement has time for, or a process memory.
 */
export const OCTETS_PER_PAGE = 16_000_000;

/** An order of events `e`: one of the log's keys, either way. */
export const IN_ORDER = {
  written: sql`e.n`,
  chained: sql`e.seq`,
  newest: sql`e.n desc`,
  newestChained: sql`e.seq desc`,
} as const satisfies Record<string, RawBuilder<unknown>>;

/**
 * The first events of these, in this order, that are not too heavy together; the first of all comes whatever it weighs.
 * A row source, with all columns and `found`: how many there were. Sizes are known without reading the texts.
 */
export function portionOf(
  events: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
  octets = OCTETS_PER_PAGE,
): RawBuilder<unknown> {
  return sql`(
    select * from (
      select e.*, count(*) over () as found, sum(octet_length(e.body)) over (order by ${order}) - octet_length(e.body) as before
      from (${events}) e
    ) e where before < ${octets}::bigint)`;
}

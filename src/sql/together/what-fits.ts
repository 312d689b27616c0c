import { sql } from 'kysely';
import { BEST_COMPRESSION, LONGEST_ARGUMENTS } from '../approval/read.ts';
import { BYTES_PER_PAGE } from '../log/portion.ts';

/** The most bytes that what is shown of a call `a` can have. */
const MOST_BYTES = sql`least(${sql.lit(LONGEST_ARGUMENTS)}::bigint,
  ${sql.lit(BEST_COMPRESSION)}::bigint * coalesce(pg_column_size(a.arguments) + pg_column_size(a.sent), 0))`;

/**
 * A part of a statement: `fits` has those rows of `asked` (`id` of an approval, `nth` from 1) whose calls may be read at once: the
 * short ones, and the first whatever its length.
 */
export const FITS = sql`fits as materialized (
      select * from (
        select s.*, sum(s.size) over (order by s.size, s.nth) as bytes from (
          select c.*, ${MOST_BYTES} as size from asked c left join holdfast.approvals a on a.id = c.id
        ) s
      ) s where s.nth = 1 or s.bytes <= ${sql.lit(BYTES_PER_PAGE)}::bigint
    )`;

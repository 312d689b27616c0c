import { type Kysely, sql } from 'kysely';
import { LIVE } from '../../domain/approval/approval.ts';
import { STAYING_TYPES } from '../../domain/log/staying.ts';
import type { StayingEvent } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

/** A login could be put back once nothing says that it ended; none lasts longer than that. */
const SIGNED_OUT_DAYS = 31;

/** The type that the text of event `e` says, with the end of the text; `deciding.ts` says why not the column's. */
const SAID_TYPE = sql`split_part(right(e.body, 48), '"type":"', 2)`;
/** The approval that the text of event `e` says, as `about.ts` reads it. */
const SAID_APPROVAL = sql`split_part(substr(e.body, strpos(e.body, ',"approval":"ap_') + 13, 64), '"', 1)`;

/** See `CutLedger.staying`. */
export async function stayingEvents(
  db: Kysely<Tables>,
  after: number,
  upTo: number,
  graceMs: number,
  limit: number,
): Promise<readonly StayingEvent[]> {
  const ends = sql.join(STAYING_TYPES.map((type) => sql.lit(`${type}"}`)));
  const found = await sql<{ seq: string; hash: string; previous: string | null; text: string }>`
    select e.seq, e.hash, e.body as text, coalesce(
      (select p.hash from holdfast.events p where p.seq = e.seq - 1),
      (select l.previous from holdfast.links l where l.seq = e.seq)) as previous
    from holdfast.events e
    where e.seq > ${String(after)}::bigint and e.seq <= ${String(upTo)}::bigint and (
      ${SAID_TYPE} in (${ends})
      or (${SAID_TYPE} = 'admin.signed_out"}' and e.at > clock_timestamp() - make_interval(days => ${SIGNED_OUT_DAYS}))
      or (${SAID_TYPE} = 'tools.listed"}' and not exists (
        select 1 from holdfast.events x where x.type = 'tools.listed' and x.server = e.server and x.n > e.n))
      or (strpos(e.body, ',"approval":"ap_') > 0 and exists (
        select 1 from holdfast.approvals a where a.id = ${SAID_APPROVAL} and (a.state = any(${LIVE}::text[])
          or greatest(a.expires_at, a.pickup_until)
            > clock_timestamp() - make_interval(secs => ${graceMs / 1_000}))))
    ) order by e.seq limit ${limit}`.execute(db);
  return found.rows.map(({ seq, hash, previous, text }) => ({ seq: Number(seq), hash, previous, text }));
}

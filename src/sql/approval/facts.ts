import { type Kysely, sql } from 'kysely';
import type { CallFacts } from '../../domain/approval/facts.ts';
import { type EarlierAsked, USUAL_BOUNDS } from '../../domain/approval/unusual.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { ComparedCall, Seals } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { writeEvents } from '../log/events.ts';
import { particularsIn, sealedFacts } from '../table/sealed-facts.ts';
import type { Tables } from '../table/tables.ts';

/** Keeps what was found out about a call, once: whoever comes later changes nothing. False: it was kept before, or the call is gone. */
export async function keepFacts(
  db: Kysely<Tables>,
  seals: Seals,
  id: string,
  { particulars, ...facts }: CallFacts,
  event: NewEvent | null,
): Promise<boolean> {
  const own = sealedFacts(seals, 'particulars', id, particulars);
  const text = sealedFacts(seals, 'facts', id, facts);
  const keep = (on: Kysely<Tables>) =>
    sql<{ id: string }>`${KEPT_PLAN}
      update holdfast.approvals set facts = ${text}, particulars = ${own} where id = ${id} and facts is null
        and (trace -> 'erased') is null returning id`.execute(on);
  if (event === null) return (await keep(db)).rows.length > 0;
  return db.transaction().execute(async (trx) => {
    const kept = (await keep(trx)).rows.length > 0;
    if (kept) await writeEvents(trx, seals, [event]);
    return kept;
  });
}

/** As the index has it. */
const APPROVED = sql.raw(`(a.state in ('approved', 'dispatched', 'succeeded', 'failed', 'unknown'))`);

/** What became of calls of its tool by its principal before this one. Two looks into an index, in one statement. */
export async function earlierAsked(
  db: Kysely<Tables>,
  seals: Seals,
  { id, grant, server, tool, createdAt }: ComparedCall,
): Promise<EarlierAsked> {
  const before = sql`a.grant_name = ${grant} and a.server = ${server} and a.tool = ${tool} and a.answers_to is null
    and a.id <> ${id} and a.created_at <= ${createdAt}
    and a.created_at > clock_timestamp() - make_interval(days => ${USUAL_BOUNDS.days}::int)`;
  // Planned each time: in an empty table every index of a grant's calls looks as good as the one that is meant.
  const found = await sql<{ id: string; particulars: string | null; others: number | null }>`
    (select a.id, a.particulars, null::int as others from holdfast.approvals a where ${before} and ${APPROVED}
      order by a.created_at desc limit ${USUAL_BOUNDS.calls + 1})
    union all
    select '', null, count(*)::int from (
      select 1 from holdfast.approvals a where ${before} and not ${APPROVED} limit ${USUAL_BOUNDS.calls}) o`.execute(
    db,
  );
  const approved = found.rows.filter(({ others }) => others === null);
  const unapproved = found.rows.find(({ others }) => others !== null)?.others ?? 0;
  const rows = approved.slice(0, USUAL_BOUNDS.calls);
  const known = rows.flatMap((row) => {
    const one = row.particulars === null ? null : particularsIn(seals, row.id, row.particulars);
    return one === null ? [] : [one];
  });
  return { known, unknown: rows.length - known.length, more: approved.length > rows.length, unapproved };
}

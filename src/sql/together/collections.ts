import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Seals } from '../../ports.ts';
import type { Gathered } from '../../time/gathered.ts';
import { markCollected } from '../approval/joiners.ts';
import { EVENT_COLUMNS } from '../approval/opening-row.ts';
import { gatheredStatements } from '../connection/gathered-statements.ts';
import { tookAll } from '../connection/not-taken.ts';
import { eventRow, LOGGED, type LoggedPart, rememberLogged } from '../log/events.ts';
import type { Tables } from '../table/tables.ts';

/** Callers that one statement records as served. */
const MOST_CALLERS = 100;

/** A caller that has its answer, as `Store.collected` is told. */
interface Collection {
  readonly joiner: string;
  readonly event: NewEvent;
  readonly until: Date | undefined;
}

/** Records who has got an answer; those that come together by one statement. */
export function collections(db: Kysely<Tables>, seals: Seals): Gathered<Collection, void> {
  return gatheredStatements({
    most: MOST_CALLERS,
    // Which caller of an approval is the last one is told one after the other.
    keyOf: ({ event, joiner }) => event.approval ?? joiner,
    alone: ({ joiner, event, until }) => markCollected(db, seals, joiner, event, until),
    several: async (group) => {
      await markAllCollected(db, seals, group);
      return group.map(() => ({ answer: undefined }));
    },
  });
}

const EVENTS = sql.raw(EVENT_COLUMNS.map(([name]) => name).join(', '));
const NAMES = sql.raw(['joiner', 'until', ...EVENT_COLUMNS.map(([name]) => name)].join(', '));
const COLUMNS = sql.raw(
  [['joiner', 'text'], ['until', 'timestamptz'], ...EVENT_COLUMNS].map((one) => one.join(' ')).join(', '),
);

/** As `markCollected`, of callers of different approvals, whose rows are locked in the order of their ids. */
async function markAllCollected(db: Kysely<Tables>, seals: Seals, group: readonly Collection[]): Promise<void> {
  const events = group.map(({ event }) => eventRow(seals, event));
  const asked = group.map(({ joiner, until }, at) => ({ joiner, until, ...events[at]! }));
  const collected = await sql<LoggedPart & { nths: readonly (number | string)[] | null }>`
    with asked as materialized (
      select * from rows from (json_to_recordset(${JSON.stringify(asked)}::json) as (${COLUMNS}))
        with ordinality as r(${NAMES}, nth) limit ${sql.lit(group.length)}
    ), locked as materialized (
      select a.id from holdfast.approvals a join asked c on c.approval_id = a.id order by a.id for update of a
    ), collected as (
      update holdfast.joiners j set collected_at = c.at from asked c join locked l on l.id = c.approval_id
      where j.id = c.joiner and j.collected_at is null and j.gave_up_at is null
      returning j.id, j.approval_id, c.nth, c.until
    ), emptied as (
      update holdfast.approvals a
      set result = case when k.until is null then null else a.result end, result_until = k.until
      from collected k
      where a.id = k.approval_id and a.state in ('succeeded', 'failed', 'denied', 'expired') and not exists (
        select 1 from holdfast.joiners j
        where j.approval_id = a.id and j.id <> k.id and j.collected_at is null and j.left_at is null)
    ), logged as (
      insert into holdfast.events (${EVENTS})
      select ${EVENTS} from asked where nth in (select nth from collected) order by nth returning n
    )
    select ${LOGGED}, (select json_agg(k.nth) from collected k) as nths,
      ${tookAll('events', sql`select count(*) from logged`, sql`select count(*) from collected`)} as took`.execute(db);
  const row = collected.rows[0]!;
  const written = new Set((row.nths ?? []).map(Number));
  rememberLogged(
    db,
    events.filter((_, at) => written.has(at + 1)),
    row,
  );
}

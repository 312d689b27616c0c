import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Seals } from '../../ports.ts';
import { markCollected } from '../approval/joiners.ts';
import { EVENT_COLUMNS } from '../approval/opening-row.ts';
import { ALONE, gatheredStatements, orAlone } from '../connection/gathered-statements.ts';
import { tookAll } from '../connection/not-taken.ts';
import { eventRow, LOGGED, type LoggedPart, rememberLogged } from '../log/events.ts';
import type { Tables } from '../table/tables.ts';

/** Callers that one statement records as served. */
const MOST_CALLERS = 100;

/** Milliseconds after which others no longer wait for a statement: a row that it needs is locked. */
const PATIENCE_MS = 100;

/** A caller that has its answer, as `Store.collected` is told. */
interface Collection {
  readonly joiner: string;
  readonly event: NewEvent;
  readonly until: Date | undefined;
}

/** Records who has got an answer; those that come together by one statement. One whose approval's row is locked is waited for by itself. */
export function collections(db: Kysely<Tables>, seals: Seals): (collection: Collection) => Promise<void> {
  const alone = async ({ joiner, event, until }: Collection) => {
    await markCollected(db, seals, joiner, event, until);
    return null;
  };
  const together = gatheredStatements<Collection, typeof ALONE | null>({
    most: MOST_CALLERS,
    patienceMs: PATIENCE_MS,
    // Which caller of an approval is the last one is told one after the other.
    keyOf: ({ event, joiner }) => event.approval ?? joiner,
    alone,
    several: async (group) => {
      const looked = await markAllCollected(db, seals, group);
      return group.map((_, at) => ({ answer: looked.has(at + 1) ? null : ALONE }));
    },
  });
  const record = orAlone(together, alone);
  return async (collection) => {
    await record(collection);
  };
}

const EVENTS = sql.raw(EVENT_COLUMNS.map(([name]) => name).join(', '));
const NAMES = sql.raw(['joiner', 'until', ...EVENT_COLUMNS.map(([name]) => name)].join(', '));
const COLUMNS = sql.raw(
  [['joiner', 'text'], ['until', 'timestamptz'], ...EVENT_COLUMNS].map((one) => one.join(' ')).join(', '),
);

/**
 * As `markCollected`, of callers of different approvals, whose rows are locked in the order of their ids, where nobody else has
 * locked them. Returns of which it did, from 1.
 */
async function markAllCollected(
  db: Kysely<Tables>,
  seals: Seals,
  group: readonly Collection[],
): Promise<ReadonlySet<number>> {
  const events = group.map(({ event }) => eventRow(seals, event));
  const asked = group.map(({ joiner, until }, at) => ({ joiner, until, ...events[at]! }));
  const collected = await sql<LoggedPart & Record<'looked' | 'nths', readonly (number | string)[] | null>>`
    with asked as materialized (
      select * from rows from (json_to_recordset(${JSON.stringify(asked)}::json) as (${COLUMNS}))
        with ordinality as r(${NAMES}, nth) limit ${sql.lit(group.length)}
    ), locked as materialized (
      select a.id, c.nth from holdfast.approvals a join asked c on c.approval_id = a.id order by a.id for update of a skip locked
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
    select ${LOGGED}, (select json_agg(k.nth) from collected k) as nths, (select json_agg(l.nth) from locked l) as looked,
      ${tookAll('events', sql`select count(*) from logged`, sql`select count(*) from collected`)} as took`.execute(db);
  const row = collected.rows[0]!;
  const written = new Set((row.nths ?? []).map(Number));
  rememberLogged(
    db,
    events.filter((_, at) => written.has(at + 1)),
    row,
  );
  return new Set((row.looked ?? []).map(Number));
}

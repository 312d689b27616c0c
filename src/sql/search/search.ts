import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { State } from '../../domain/approval/approval.ts';
import { grantNameOf, markOf } from '../../domain/people/principal.ts';
import type { EventFilter, FoundEvent, Page, Seals } from '../../ports.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import { isAbout } from '../log/about.ts';
import { LINK, type LinkRow } from '../log/chained.ts';
import { eventOf } from '../log/events.ts';
import { IN_ORDER, portionOf } from '../log/portion.ts';
import type { Tables } from '../table/tables.ts';
import { approvalIn, type TextSearch, textSearch } from './text.ts';

/** Milliseconds by which times and the order of writing may differ, because replicas' clocks do. */
const SKEW_MS = 60_000;

/** Newest events that are looked through one by one, before all events are looked up in the indexes. */
const READ_ONE_BY_ONE = 5_000;
/** Bytes of those events, in which the asked words' letters are looked for. */
const LOOKED_AT_BYTES = 4_000_000;
/** Bytes of those that have the letters: reading the words of heavier ones takes longer than a statement may. */
const READ_BYTES = 1_000_000;
/** Bytes of an event that are read for its words: those of a plainly allowed call are kept beside it. */
const TO_READ = sql`case when e.phrase is null then octet_length(e.body) else 0 end`;

interface FoundRow extends LinkRow {
  readonly state: State | null;
  /** How many events were found, of which those came that are not too heavy together. */
  readonly found: string;
}

/**
 * Newest first, by the columns and by words; what is shown is what their texts say. Words are looked for twice, because nobody can know beforehand how common
 * the beginning of a word is: first in the newest events that meet the other conditions, which fills a page with what
 * is common; then through the indexes, which are fast for everything that is not.
 */
export async function searchEvents(
  db: Kysely<Tables>,
  seals: Seals | null,
  filter: EventFilter,
): Promise<Page<FoundEvent>> {
  const most = filter.limit + 1;
  const columns = sql.join(conditionsOf(filter), sql` and `);
  const text = textSearch(filter.text);
  const newest = (limit: number) => sql`
    select e.n, e.body, e.seq, e.phrase from holdfast.events e left join holdfast.approvals a on ${isOfApproval(filter)}
    where ${columns} order by e.n desc limit ${limit}`;
  if (text === null) return pageOf(seals, await rowsOf(db, newest(most)), filter.limit);
  const recent = await rowsOf(
    db,
    sql`select e.n from ${portionOf(likelyAmong(newest(READ_ONE_BY_ONE), text), IN_ORDER.newest, READ_BYTES, TO_READ)} e
      where ${text.matches} order by e.n desc limit ${most}`,
  );
  if (foundIn(recent) === most) return pageOf(seals, recent, filter.limit);
  const all = sql`
    select n from (${sql.join(
      text.queries.map((query) => query(columns, most)),
      sql` union `,
    )}) fits
    order by n desc limit ${most}`;
  // Judging by its rows, Postgres would rather read a small log through than use the index of words; but its texts may
  // be large.
  const rows = await db.transaction().execute(async (trx) => {
    await sql`select set_config('enable_seqscan', 'off', true), set_config('random_page_cost', '0.01', true)`.execute(
      trx,
    );
    return rowsOf(trx, all);
  });
  return pageOf(seals, rows, filter.limit);
}

/** Of these newest events, those that can match. */
function likelyAmong(events: RawBuilder<unknown>, { mayMatch }: TextSearch): RawBuilder<unknown> {
  return sql`
    select e.n, e.body, e.seq, e.phrase from ${portionOf(events, IN_ORDER.newest, LOOKED_AT_BYTES)} e where ${mayMatch}`;
}

/** The events with these numbers, newest first, as many as are not too heavy together. */
async function rowsOf(db: Kysely<Tables>, numbers: RawBuilder<unknown>): Promise<FoundRow[]> {
  const events = sql`select e.* from (${numbers}) w join holdfast.events e on e.n = w.n`;
  const found = await sql<FoundRow>`
    select ${LINK}, e.found, a.state
    from ${portionOf(events, IN_ORDER.newest)} e left join holdfast.approvals a on a.id = e.approval_id
    order by e.n desc`.execute(db);
  return found.rows;
}

function foundIn(rows: readonly FoundRow[]): number {
  return Number(rows[0]?.found ?? 0);
}

async function pageOf(seals: Seals | null, rows: readonly FoundRow[], limit: number): Promise<Page<FoundEvent>> {
  const items = await mapInTurns(rows.slice(0, limit), (row) => ({ ...eventOf(seals, row), state: row.state }));
  return { items, next: foundIn(rows) > items.length ? String(items.at(-1)!.n) : null };
}

/**
 * Whether event `e` is of approval `a`. By its text where a state is asked for: then approvals are found first, and their events by
 * the index over texts.
 */
function isOfApproval({ state }: Pick<EventFilter, 'state'>): RawBuilder<unknown> {
  return state === undefined ? sql`a.id = e.approval_id` : isAbout(sql`a.id`);
}

/** Conditions on the columns of an event `e` and its approval `a`. */
function conditionsOf(filter: EventFilter): RawBuilder<unknown>[] {
  const { before, from, to, server, tool, grant, actor, types, denied, state, text } = filter;
  const all: RawBuilder<unknown>[] = [sql`true`];
  if (before !== undefined) all.push(sql`e.n < ${String(before)}::bigint`);
  // Times also become a range of the primary key, so that an old span is not reached by reading on from the newest row.
  if (from !== undefined) all.push(sql`e.at >= ${from} and e.n >= ${numberAt(from, -SKEW_MS, sql`0`)}`);
  if (to !== undefined) {
    all.push(sql`e.at < ${to} and e.n <= ${numberAt(to, SKEW_MS, sql`9223372036854775807`)}`);
  }
  if (server !== undefined) all.push(sql`e.server = ${server}`);
  if (tool !== undefined) all.push(sql`e.tool = ${tool}`);
  // The index is over the grant's name; a principal is looked for among those of its grant.
  if (grant !== undefined) all.push(sql`split_part(e.grant_name, '/', 1) = ${grantNameOf(grant)}`);
  if (grant !== undefined && markOf(grant) !== null) all.push(sql`e.grant_name = ${grant}`);
  if (actor !== undefined) all.push(sql`e.actor = ${actor}`);
  if (types !== undefined) all.push(sql`e.type = any(${types}::text[])`);
  if (denied !== undefined) all.push(deniedPart(denied));
  if (state !== undefined) all.push(sql`a.state = ${state}`);
  const approval = approvalIn(text);
  if (approval !== null) all.push(isAbout(approval));
  return all;
}

/** Nothing but a denial of a method is read for it. */
function deniedPart(part: string): RawBuilder<unknown> {
  return sql`case when e.type = 'method.denied'
    then coalesce(e.body::json -> 'data' ->> 'denied', ${part}::text) = ${part}::text else true end`;
}

/** The number of the first event at or after an instant; `otherwise` where there is none. */
function numberAt(at: Date, leewayMs: number, otherwise: RawBuilder<unknown>): RawBuilder<unknown> {
  const instant = new Date(at.getTime() + leewayMs);
  return sql`coalesce((select n from holdfast.events where at >= ${instant} order by at, n limit 1), ${otherwise})`;
}

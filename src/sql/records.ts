import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { State } from '../domain/approval.ts';
import type { EventFilter, FoundEvent, Page, Records } from '../ports.ts';
import { cardContents } from './approval/cards.ts';
import { guarded } from './connection/guard.ts';
import { type EventRow, eventOf } from './log/events.ts';
import { IN_ORDER, portionOf } from './log/portion.ts';
import { lookAtChain, proveEvent, storyOf } from './log/proof.ts';
import { tally } from './search/tally.ts';
import type { Tables } from './table/tables.ts';

/** How far the clocks of replicas, and the order of writing, may be apart: ms of leeway around a span of time. */
const SKEW_MS = 60_000;

/** Events among which tools are looked for that no rule names. */
const NEWEST = 5_000;

export function sqlRecords(db: Kysely<Tables>): Records {
  return guarded<Records>({
    search: (filter) => search(db, filter),
    since: async (seq, limit) => {
      const events = sql`
        select * from holdfast.events e where e.seq > ${String(seq)}::bigint order by e.seq limit ${limit}`;
      const found = await sql<EventRow>`
        select e.n, e.body, e.seq, e.hash from ${portionOf(events, IN_ORDER.chained)} e order by e.seq`.execute(db);
      return found.rows.map(eventOf);
    },
    event: (n) => proveEvent(db, n),
    story: (approval) => storyOf(db, approval),
    cards: (digests) => cardContents(db, digests),
    chain: (newest) => lookAtChain(db, newest),
    tally: (from, to, slotMs) => tally(db, from, to, slotMs),
    lastUses: (grants) => lastUses(db, grants),
    toolsSeen: async () => {
      const found = await sql<{ server: string; tool: string }>`
        select distinct server, tool from (
          select server, tool from holdfast.events order by n desc limit ${NEWEST}
        ) e where server is not null and tool is not null and length(tool) <= 128 order by server, tool`.execute(db);
      return found.rows;
    },
  });
}

interface FoundRow extends EventRow {
  readonly state: State | null;
  /** How many there were, of which as many come as are not too heavy together. */
  readonly found: string;
}

/** Newest events that are read one by one for words, before all that have them are looked up. */
const READ_ONE_BY_ONE = 500;
/** Octets of them: the words of heavy ones take a statement longer than it has. */
const READ_OCTETS = 1_000_000;

/**
 * Newest first, by what the columns say. Words are looked for twice, because nobody can tell beforehand how common a
 * beginning of a word is: in the newest events that fit otherwise, which finds a page of what is common; then by the
 * indexes, which are quick for all that is not.
 */
async function search(db: Kysely<Tables>, filter: EventFilter): Promise<Page<FoundEvent>> {
  const most = filter.limit + 1;
  const columns = sql.join(conditions(filter), sql` and `);
  const ways = waysTo(filter.text);
  const newest = (limit: number) => sql`
    select e.n, e.body, e.seq from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
    where ${columns} order by e.n desc limit ${limit}`;
  if (ways === null) return pageOf(await rowsOf(db, newest(most)), filter.limit);
  const near = await rowsOf(
    db,
    sql`select e.n from ${portionOf(newest(READ_ONE_BY_ONE), IN_ORDER.newest, READ_OCTETS)} e
      where ${ways.seen} order by e.n desc limit ${most}`,
  );
  if (foundOf(near) === most) return pageOf(near, filter.limit);
  const all = sql`
    select n from (${sql.join(
      ways.found.map((way) => way(columns, most)),
      sql` union `,
    )}) fits
    order by n desc limit ${most}`;
  // By its rows a small log seems quicker to read through than the index of words; by its octets it may not be.
  const rows = await db.transaction().execute(async (trx) => {
    await sql`select set_config('enable_seqscan', 'off', true), set_config('random_page_cost', '0.01', true)`.execute(
      trx,
    );
    return rowsOf(trx, all);
  });
  return pageOf(rows, filter.limit);
}

async function rowsOf(db: Kysely<Tables>, which: RawBuilder<unknown>): Promise<FoundRow[]> {
  const events = sql`select e.* from (${which}) w join holdfast.events e on e.n = w.n`;
  const found = await sql<FoundRow>`
    select e.n, e.body, e.seq, e.hash, e.found, a.state
    from ${portionOf(events, IN_ORDER.newest)} e left join holdfast.approvals a on a.id = e.approval_id
    order by e.n desc`.execute(db);
  return found.rows;
}

function foundOf(rows: readonly FoundRow[]): number {
  return Number(rows[0]?.found ?? 0);
}

function pageOf(rows: readonly FoundRow[], limit: number): Page<FoundEvent> {
  const items = rows.slice(0, limit).map((row) => ({ ...eventOf(row), state: row.state }));
  return { items, next: foundOf(rows) > items.length ? String(items.at(-1)!.n) : null };
}

function conditions(filter: EventFilter): RawBuilder<unknown>[] {
  const { before, from, to, server, tool, grant, actor, types, state, text } = filter;
  const all: RawBuilder<unknown>[] = [sql`true`];
  if (before !== undefined) all.push(sql`e.n < ${String(before)}::bigint`);
  // Times are turned into a stretch of the primary key as well, so that an old span is not reached from the newest row.
  if (from !== undefined) all.push(sql`e.at >= ${from} and e.n >= ${placeAt(from, -SKEW_MS, sql`0`)}`);
  if (to !== undefined) {
    all.push(sql`e.at < ${to} and e.n <= ${placeAt(to, SKEW_MS, sql`9223372036854775807`)}`);
  }
  if (server !== undefined) all.push(sql`e.server = ${server}`);
  if (tool !== undefined) all.push(sql`e.tool = ${tool}`);
  if (grant !== undefined) all.push(sql`e.grant_name = ${grant}`);
  if (actor !== undefined) all.push(sql`e.actor = ${actor}`);
  if (types !== undefined) all.push(sql`e.type = any(${types}::text[])`);
  if (state !== undefined) all.push(sql`a.state = ${state}`);
  if (text !== undefined && APPROVAL_ID.test(text.trim())) all.push(sql`e.approval_id = ${text.trim()}`);
  return all;
}

/** The number of the first event at or after an instant. */
function placeAt(at: Date, leewayMs: number, otherwise: RawBuilder<unknown>): RawBuilder<unknown> {
  const instant = new Date(at.getTime() + leewayMs);
  return sql`coalesce((select n from holdfast.events where at >= ${instant} order by at, n limit 1), ${otherwise})`;
}

const APPROVAL_ID = /^ap_[0-9a-z]{26}$/;
const FINGERPRINT = /^[0-9a-f]{16,64}$/;

/** One index to go by: the numbers of the newest `most` events that fit the columns as well. */
type Way = (columns: RawBuilder<unknown>, most: number) => RawBuilder<unknown>;

/** What a text asks for beyond columns. */
interface Ways {
  /** Of an event `e` at hand. */
  readonly seen: RawBuilder<unknown>;
  /** Any of them; an `or` would use no index. */
  readonly found: readonly Way[];
}

/** null: nothing beyond columns. */
function waysTo(text: string | undefined): Ways | null {
  const asked = text?.trim() ?? '';
  if (asked === '' || APPROVAL_ID.test(asked)) return null;
  const words = asked.replaceAll(/[^\p{L}\p{N}_.@/-]+/gu, ' ').trim();
  if (words === '') return { seen: sql`false`, found: [() => sql`select 0::bigint as n where false`] };
  const query = sql`regexp_replace(plainto_tsquery('simple', ${words})::text, '''(?= |$)', ''':*', 'g')::tsquery`;
  const said = sql`(e.seq is not null and holdfast.words(e.body) @@ (${query}))`;
  const found = [byWords(said), byPhrase(query)];
  if (!FINGERPRINT.test(asked)) return { seen: said, found };
  // Hex: a prefix is a stretch of the index.
  const approvals = sql`select id from holdfast.approvals where fingerprint >= ${asked} and fingerprint < ${`${asked}g`}`;
  const theirs = sql`e.n in (select n from holdfast.events where approval_id in (${approvals}))`;
  return { seen: sql`(${said} or ${theirs})`, found: [...found, byApproval(theirs)] };
}

/**
 * Every word of it stands in the event, or begins a word there. Words only: nothing of it is an operator. Words are
 * known of sealed events, a second after they were written. `offset 0` keeps Postgres from choosing another index.
 */
function byWords(said: RawBuilder<unknown>): Way {
  return (columns) => sql`
    (select e.n from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
    where ${columns} and e.phrase is null and ${said} offset 0)`;
}

/** The same of plainly allowed calls, whose words are kept once for all that say the same. */
function byPhrase(query: RawBuilder<unknown>): Way {
  return (columns, most) => sql`
    (select said.n from holdfast.phrases p cross join lateral (
      select e.n from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
      where e.phrase = p.id and ${columns} order by e.n desc limit ${most}
    ) said where p.words @@ (${query}))`;
}

function byApproval(theirs: RawBuilder<unknown>): Way {
  return (columns) => sql`
    (select e.n from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
    where ${columns} and ${theirs} offset 0)`;
}

async function lastUses(db: Kysely<Tables>, grants: readonly string[]): Promise<ReadonlyMap<string, Date>> {
  const found = await sql<{ name: string; at: Date }>`
    select g.name, e.at from unnest(${grants}::text[]) as g(name)
    cross join lateral (
      select at from holdfast.events where grant_name = g.name and actor = 'grant:' || g.name order by n desc limit 1
    ) e`.execute(db);
  return new Map(found.rows.map((row) => [row.name, row.at]));
}

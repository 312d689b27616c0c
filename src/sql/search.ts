import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { State } from '../domain/approval.ts';
import type { EventFilter, FoundEvent, Page, Records } from '../ports.ts';
import { eventOf } from './events.ts';
import { guarded } from './guard.ts';
import { lookAtChain, proveEvent, tellStory } from './proof.ts';
import type { Tables } from './schema.ts';
import { tally } from './tally.ts';

/** How far the clocks of replicas, and the order of writing, may be apart: ms of leeway around a span of time. */
const SKEW_MS = 60_000;

/** Events among which tools are looked for that no rule names. */
const NEWEST = 5_000;

export function sqlRecords(db: Kysely<Tables>): Records {
  return guarded<Records>({
    search: (filter) => search(db, filter),
    since: async (seq, limit) => {
      const rows = await db
        .selectFrom('holdfast.events')
        .select(['n', 'body', 'seq', 'hash'])
        .where('seq', '>', String(seq))
        .orderBy('seq')
        .limit(limit)
        .execute();
      return rows.map(eventOf);
    },
    event: (n) => proveEvent(db, n),
    story: (approval) => tellStory(db, approval),
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

interface Row {
  n: string;
  body: string;
  seq: string | null;
  hash: string | null;
  state: State | null;
}

async function search(db: Kysely<Tables>, filter: EventFilter): Promise<Page<FoundEvent>> {
  const found = await sql<Row>`
    select e.n, e.body, e.seq, e.hash, a.state
    from holdfast.events e left join holdfast.approvals a on a.id = e.approval_id
    where ${sql.join(conditions(filter), sql` and `)}
    order by e.n desc limit ${filter.limit + 1}`.execute(db);
  const items = found.rows.slice(0, filter.limit).map((row) => ({ ...eventOf(row), state: row.state }));
  return { items, next: found.rows.length > filter.limit ? String(items.at(-1)!.n) : null };
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
  if (text !== undefined && text.trim() !== '') all.push(matches(text.trim()));
  return all;
}

/** The number of the first event at or after an instant. */
function placeAt(at: Date, leewayMs: number, otherwise: RawBuilder<unknown>): RawBuilder<unknown> {
  const instant = new Date(at.getTime() + leewayMs);
  return sql`coalesce((select n from holdfast.events where at >= ${instant} order by at, n limit 1), ${otherwise})`;
}

const APPROVAL_ID = /^ap_[0-9a-z]{26}$/;
const FINGERPRINT = /^[0-9a-f]{16,64}$/;

function matches(text: string): RawBuilder<unknown> {
  if (APPROVAL_ID.test(text)) return sql`e.approval_id = ${text}`;
  if (FINGERPRINT.test(text)) {
    // Hex: a prefix is a stretch of the index. Two searches by two indexes; an `or` of them would use neither.
    const ofApprovals = sql`select id from holdfast.approvals where fingerprint >= ${text} and fingerprint < ${`${text}g`}`;
    return sql`e.n in (
      select n from holdfast.events where approval_id in (${ofApprovals})
      union all select e.n from holdfast.events e where ${holds(text)})`;
  }
  return holds(text);
}

/**
 * Every word of it stands in the event, or begins a word there. Words only: nothing of it is an operator. Words are
 * known of sealed events, a second after they were written.
 */
function holds(text: string): RawBuilder<unknown> {
  const words = text.replaceAll(/[^\p{L}\p{N}_.@/-]+/gu, ' ').trim();
  if (words === '') return sql`false`;
  const query = sql`regexp_replace(plainto_tsquery('simple', ${words})::text, '''(?= |$)', ''':*', 'g')::tsquery`;
  return sql`(e.seq is not null and holdfast.words(e.body) @@ (${query}))`;
}

async function lastUses(db: Kysely<Tables>, grants: readonly string[]): Promise<ReadonlyMap<string, Date>> {
  const found = await sql<{ name: string; at: Date }>`
    select g.name, e.at from unnest(${grants}::text[]) as g(name)
    cross join lateral (
      select at from holdfast.events where grant_name = g.name and actor = 'grant:' || g.name order by n desc limit 1
    ) e`.execute(db);
  return new Map(found.rows.map((row) => [row.name, row.at]));
}

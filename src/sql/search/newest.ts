import { type Kysely, sql } from 'kysely';
import type { LoggedEvent } from '../../domain/log/event.ts';
import type { Records, Seals } from '../../ports.ts';
import { LINK, type LinkRow } from '../log/chained.ts';
import { eventOf } from '../log/events.ts';
import { IN_ORDER, portionOf } from '../log/portion.ts';
import type { Tables } from '../table/tables.ts';

/** Sealed events after this place, in the chain's order, as many as are not too heavy together. */
export async function sealedSince(
  db: Kysely<Tables>,
  seals: Seals | null,
  seq: number,
  limit: number,
): Promise<LoggedEvent[]> {
  const events = sql`
    select * from holdfast.events e where e.seq > ${String(seq)}::bigint order by e.seq limit ${limit}`;
  const found = await sql<LinkRow>`
    select ${LINK} from ${portionOf(events, IN_ORDER.chained)} e order by e.seq`.execute(db);
  return found.rows.map((row) => eventOf(seals, row));
}

/** When each of these grants last called, with whatever credential; one that never did is not in it. */
export async function lastUses(db: Kysely<Tables>, grants: readonly string[]): Promise<ReadonlyMap<string, Date>> {
  const found = await sql<{ name: string; at: Date }>`
    select g.name, e.at from unnest(${grants}::text[]) as g(name)
    cross join lateral (
      -- By a comparison of rows, which only the index of grants can answer: to find that somebody never called, Postgres
      -- might else read the whole log backwards.
      select split_part(grant_name, '/', 1) as name, at from holdfast.events
      where (split_part(grant_name, '/', 1), n) <= (g.name, 9223372036854775807) and actor = 'grant:' || grant_name
      order by split_part(grant_name, '/', 1) desc, n desc limit 1
    ) e where e.name = g.name`.execute(db);
  return new Map(found.rows.map((row) => [row.name, row.at]));
}

/** The newest events in which tools are looked for. */
const TOOLS_AMONG = 5_000;

export async function toolsSeen(db: Kysely<Tables>): ReturnType<Records['toolsSeen']> {
  const found = await sql<{ server: string; tool: string }>`
    select distinct server, tool from (
      select server, tool from holdfast.events order by n desc limit ${TOOLS_AMONG}
    ) e where server is not null and tool is not null and length(tool) <= 128 order by server, tool`.execute(db);
  return found.rows;
}

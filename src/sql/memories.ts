import { type Kysely, type Selectable, sql } from 'kysely';
import type { Memories, Memory } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { requireTaken } from './connection/not-taken.ts';
import type { MemoryTable } from './table/memory-table.ts';
import type { SealedTables } from './table/sealed-tables.ts';
import type { Tables } from './table/tables.ts';

/** Calls that each place keeps, the latest. More than one, so that a call can be told from the one before it. */
const MOST_KEPT = 8;

/** A row as it is read. `at_ms`, `until_ms`: since 1970. */
interface ReadMemory extends Pick<Selectable<MemoryTable>, 'place' | 'ref' | 'seal'> {
  readonly at_ms: number;
  readonly until_ms: number;
}

/**
 * The `Memories` port. Each call is a row of its own, sealed as it is, so that nothing has to be read to write it and two
 * replicas never wait for one another; those beyond the latest of a place are taken out with it.
 */
export function sqlMemories(db: Kysely<Tables>, tables: SealedTables): Memories {
  return guarded<Memories>({
    remember: async (memories) => {
      if (memories.length === 0) return;
      // In one order, so that two of them cannot wait for each other.
      const sorted = memories.toSorted((one, other) => (one.place < other.place ? -1 : 1));
      const seals = sorted.map((memory) => tables.seal('memories', memory));
      const places = sorted.map(({ place }) => place);
      const written = await sql<{ written: number }>`
        with given as (
          select * from unnest(${places}::text[], ${sorted.map(({ ref }) => ref)}::text[],
            ${sorted.map(({ at }) => at.toISOString())}::timestamptz[],
            ${sorted.map(({ until }) => until.toISOString())}::timestamptz[], ${seals}::text[]) as g(place, ref, at, until, seal)
          where at <= clock_timestamp() + interval '5 seconds'
        ), old as (
          delete from holdfast.memories m using (
            select place, ref, row_number() over (partition by place order by at desc) as nth
            from holdfast.memories where place = any(${places}::text[])) ranked
          where m.place = ranked.place and m.ref = ranked.ref and ranked.nth >= ${MOST_KEPT}
            and not exists (select 1 from given where given.place = m.place and given.ref = m.ref)
        ), written as (
          insert into holdfast.memories (place, ref, at, until, seal) select place, ref, at, until, seal from given
          on conflict (place, ref) do update set at = excluded.at, until = excluded.until, seal = excluded.seal
          returning 1
        )
        select count(*)::int as written from written`.execute(db);
      requireTaken('memories', written.rows[0]?.written, sorted.length);
    },
    read: async (places) => {
      const read = await sql<{ now: Date; rows: readonly ReadMemory[] }>`
        select clock_timestamp() as now, coalesce((
          select json_agg(json_build_object('place', m.place, 'ref', m.ref, 'seal', m.seal,
            'at_ms', (extract(epoch from m.at) * 1000)::bigint, 'until_ms', (extract(epoch from m.until) * 1000)::bigint)
            order by m.at desc)
          from unnest(${[...places]}::text[]) as p(place)
          cross join lateral (select * from holdfast.memories r where r.place = p.place order by r.at desc limit ${MOST_KEPT}) m
        ), '[]') as rows`.execute(db);
      const { now, rows } = read.rows[0]!;
      const found = new Map<string, readonly Memory[] | 'broken'>();
      for (const { place, ref, seal, at_ms, until_ms } of rows) {
        const memory = { place, ref, at: new Date(at_ms), until: new Date(until_ms) };
        const before = found.get(place) ?? [];
        if (before === 'broken' || !tables.believes('memories', { ...memory, seal })) found.set(place, 'broken');
        else found.set(place, [...before, memory]);
      }
      return { now, found };
    },
    forget: async (limit) => {
      await sql`
        delete from holdfast.memories where (place, ref) in (
          select place, ref from holdfast.memories where until < clock_timestamp() - interval '1 minute' limit ${limit})`.execute(
        db,
      );
    },
  });
}

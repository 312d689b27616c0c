import { type Kysely, sql } from 'kysely';
import { sampleRow } from '../domain/replay/sample.ts';
import type { KeptSample, Samples } from '../ports.ts';
import { dayOf } from '../time/day.ts';
import { guarded } from './connection/guard.ts';
import type { Tables } from './table/tables.ts';

/** The `Samples` port. Rows are named in one order everywhere, so that two replicas never wait for each other in a circle. */
export function sqlSamples(db: Kysely<Tables>): Samples {
  return guarded<Samples>({
    keep: async (samples, most) => {
      if (samples.length === 0) return;
      const sorted = samples.toSorted((one, other) => (sampleRow(one) < sampleRow(other) ? -1 : 1));
      await sql`
        insert into holdfast.samples (day, server, tool, rank, at, octets, content)
        select day::date, server, tool, rank, at, length(decode(content, 'hex')), decode(content, 'hex')
        from unnest(${sorted.map(({ day }) => day)}::text[], ${sorted.map(({ server }) => server)}::text[],
          ${sorted.map(({ tool }) => tool)}::text[], ${sorted.map(({ rank }) => rank)}::text[],
          ${sorted.map(({ at }) => at.toISOString())}::timestamptz[],
          ${sorted.map(({ content }) => Buffer.from(content).toString('hex'))}::text[]) as g(day, server, tool, rank, at, content)
        on conflict (server, day, tool, rank) do nothing`.execute(db);
      const groups = new Map(sorted.map((one) => [JSON.stringify([one.server, one.day, one.tool]), one]));
      const named = [...groups.values()];
      await sql`
        delete from holdfast.samples s using (
          select r.server, r.day, r.tool, r.rank, row_number() over (partition by r.server, r.day, r.tool order by r.rank) as nth
          from unnest(${named.map(({ day }) => day)}::text[], ${named.map(({ server }) => server)}::text[],
            ${named.map(({ tool }) => tool)}::text[]) as g(day, server, tool)
          join holdfast.samples r on r.server = g.server and r.day = g.day::date and r.tool = g.tool) ranked
        where s.server = ranked.server and s.day = ranked.day and s.tool = ranked.tool and s.rank = ranked.rank
          and ranked.nth > ${most}`.execute(db);
    },
    octets: async () => {
      const found = await sql<{
        octets: string;
      }>`select coalesce(sum(octets), 0)::text as octets from holdfast.samples`.execute(db);
      return Number(found.rows[0]!.octets);
    },
    read: async ({ from, server, after, limit }) => {
      const day = dayOf(from);
      const beyond =
        after === null
          ? sql`true`
          : sql`(day, tool, rank) > (${after.day}::date, ${after.tool}::text, ${after.rank}::text)`;
      const found = await sql<Omit<KeptSample, 'content'> & { content: Uint8Array }>`
        select to_char(day, 'YYYY-MM-DD') as day, server, tool, rank, at, content from holdfast.samples
        where server = ${server} and day >= ${day}::date and ${beyond} order by day, tool, rank limit ${limit}`.execute(
        db,
      );
      return found.rows;
    },
    remove: async (samples) => {
      if (samples.length === 0) return 0;
      const gone = await sql`
        delete from holdfast.samples s using (
          select * from unnest(${samples.map(({ day }) => day)}::text[], ${samples.map(({ server }) => server)}::text[],
            ${samples.map(({ tool }) => tool)}::text[], ${samples.map(({ rank }) => rank)}::text[]) as g(day, server, tool, rank)) g
        where s.server = g.server and s.day = g.day::date and s.tool = g.tool and s.rank = g.rank returning 1`.execute(
        db,
      );
      return gone.rows.length;
    },
    servers: async () => {
      const found = await sql<{ server: string }>`select distinct server from holdfast.samples order by server`.execute(
        db,
      );
      return found.rows.map(({ server }) => server);
    },
    forget: async (before, limit) => {
      const gone = await sql`
        delete from holdfast.samples where (server, day, tool, rank) in (
          select server, day, tool, rank from holdfast.samples where at < ${before} order by at limit ${limit})
        returning 1`.execute(db);
      return gone.rows.length;
    },
  });
}

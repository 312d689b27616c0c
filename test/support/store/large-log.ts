import { Kysely, PostgresDialect, sql } from 'kysely';
import { postgresPool } from '../../../src/sql/connection/postgres-pool.ts';
import type { Tables } from '../../../src/sql/table/tables.ts';

/** Tables that grow with what happens, and are never emptied. */
export const GROWING = ['events', 'approvals', 'joiners', 'decisions', 'cards', 'checkpoints', 'openings'] as const;

/**
 * Makes a log long: `events` more chained events, one a second until an hour ago, and `approvals` copies of the ended
 * approval `of` with what belongs to it. What they say was never sealed; only how many there are matters.
 */
export async function lengthen(
  url: string,
  { events, approvals, of }: { readonly events: number; readonly approvals: number; readonly of: string },
): Promise<void> {
  // Filling it takes longer than a statement of the gateway may.
  const pool = postgresPool({ url, name: 'test', connections: 1, timed: false });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  await sql`
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal, seq, hash)
    select '{"data":{"fingerprint":"' || encode(sha256(g::text::bytea), 'hex') || '"},"n":' || g || '}',
      (array['call.allowed', 'call.denied', 'approval.requested', 'approval.decided', 'checkpoint.signed'])[1 + g % 5],
      clock_timestamp() - interval '1 hour' - make_interval(secs => ${sql.lit(events)} - g),
      case when g % 5 in (2, 3) then 'ap_long' || g / 5 end, 'tools', 'tool_' || g % 40, 'grant-' || g % 20,
      'grant:grant-' || g % 20, '', m.top + g, encode(sha256(g::text::bytea), 'hex')
    from generate_series(1, ${sql.lit(events)}) g, (select coalesce(max(seq), 0) as top from holdfast.events) m`.execute(
    db,
  );
  await sql`
    insert into holdfast.approvals
    select (jsonb_populate_record(a, jsonb_build_object('id', 'ap_long' || g, 'fingerprint', md5(g::text) || md5(g::text),
      'shown', a.revision, 'result', null, 'created_at', a.created_at - make_interval(hours => 1, secs => g)))).*
    from holdfast.approvals a, generate_series(1, ${sql.lit(approvals)}) g where a.id = ${of}`.execute(db);
  for (const table of ['joiners', 'decisions'] as const) {
    const own =
      table === 'joiners' ? sql`jsonb_build_object('id', 'jo_long' || g || '_' || a.id,` : sql`jsonb_build_object(`;
    await sql`
      insert into ${sql.table(`holdfast.${table}`)}
      select (jsonb_populate_record(a, ${own} 'approval_id', 'ap_long' || g))).*
      from ${sql.table(`holdfast.${table}`)} a, generate_series(1, ${sql.lit(approvals)}) g where a.approval_id = ${of}`.execute(
      db,
    );
  }
  await sql`analyze`.execute(db);
  await db.destroy();
}

/** Rows that Postgres has read of each growing table so far, by this connection and all that went before it. */
export async function rowsRead(db: Kysely<Tables>): Promise<Record<string, number>> {
  await sql`select pg_stat_force_next_flush()`.execute(db);
  const found = await sql<{ name: string; rows: string }>`
    select t.relname as name, t.seq_tup_read + coalesce(sum(i.idx_tup_read), 0) as rows
    from pg_stat_user_tables t left join pg_stat_user_indexes i using (relid)
    where t.schemaname = 'holdfast' and t.relname = any(${[...GROWING]}::text[]) group by t.relname, t.seq_tup_read`.execute(
    db,
  );
  return Object.fromEntries(found.rows.map(({ name, rows }) => [name, Number(rows)]));
}

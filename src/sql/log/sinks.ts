import { type Kysely, sql } from 'kysely';
import type { Ledger } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

export async function sinkCursor(db: Kysely<Tables>, name: string): ReturnType<Ledger['sinkCursor']> {
  const row = await db.selectFrom('holdfast.sinks').selectAll().where('name', '=', name).executeTakeFirst();
  return { seq: Number(row?.seq ?? 0), failures: row?.failures ?? 0 };
}

/** The old place is compared, so that of two replicas that delivered the same events one moves the cursor. */
export async function moveSink(
  db: Kysely<Tables>,
  name: string,
  from: number,
  to: number,
  failures: number,
): Promise<boolean> {
  const moved = await sql`
    insert into holdfast.sinks as s (name, seq, failures, updated_at)
    values (${name}, ${String(to)}::bigint, ${failures}, clock_timestamp())
    on conflict (name) do update
      set seq = excluded.seq, failures = excluded.failures, updated_at = excluded.updated_at
      where s.seq = ${String(from)}::bigint`.execute(db);
  return moved.numAffectedRows === 1n;
}

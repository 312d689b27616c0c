import { type Kysely, sql } from 'kysely';
import type { State } from '../../domain/approval/approval.ts';
import type { EarlierCall } from '../../domain/approval/second-look.ts';
import type { Tables } from '../table/tables.ts';

/** For each of these approvals the newest `most` before it that were for the very same call: one statement for all. */
export async function earlierCalls(
  db: Kysely<Tables>,
  ids: readonly string[],
  most: number,
): Promise<ReadonlyMap<string, readonly EarlierCall[]>> {
  if (ids.length === 0) return new Map();
  const found = await sql<{ of: string; id: string; state: State; at: Date }>`
    select o.id as of, e.id, e.state, e.updated_at as at
    from holdfast.approvals o cross join lateral (
      select a.id, a.state, a.updated_at from holdfast.approvals a
      where a.fingerprint = o.fingerprint and a.created_at <= o.created_at and a.id <> o.id
      order by a.created_at desc limit ${most}
    ) e where o.id = any(${ids}::text[])`.execute(db);
  const earlier = new Map<string, EarlierCall[]>();
  for (const { of, id, state, at } of found.rows) earlier.set(of, [...(earlier.get(of) ?? []), { id, state, at }]);
  return earlier;
}

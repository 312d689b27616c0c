import { type Kysely, sql } from 'kysely';
import type { Tables } from '../table/tables.ts';

/**
 * Extends the leases of these approvals, given by the name of their dispatch. A lease that was set longer, or lifted,
 * while this renewal was on its way stays so.
 */
export async function renewLeases(db: Kysely<Tables>, held: ReadonlyMap<string, string>, until: Date): Promise<void> {
  await sql`
    update holdfast.approvals set lease_until = greatest(lease_until, ${until}::timestamptz)
    where (dispatcher, id) in (select * from unnest(${[...held.keys()]}::text[], ${[...held.values()]}::text[]))
      and state = 'dispatched' and lease_until is not null`.execute(db);
}

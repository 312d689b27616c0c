import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { MeasuredClock } from '../../time/measured-clock.ts';
import { clockInMs, learnBy } from '../connection/read-clock.ts';
import type { Tables } from '../table/tables.ts';

/** A replica that has been silent for this long holds nobody any more. */
const REPLICA_SILENCE = '10 seconds';
/** One that has been silent for this long has died: as long as a lease, which a process that stood still outlives. */
const REPLICA_DEATH = '30 seconds';

/** This replica is alive. The answer says what the database's time is. */
export async function beat(db: Kysely<Tables>, replica: string, clock: MeasuredClock | undefined): Promise<void> {
  await learnBy(clock, async () => {
    const beaten = await sql<{ told: number }>`
      insert into holdfast.replicas (id, seen_at, seals_cards) values (${replica}, clock_timestamp(), true)
      on conflict (id) do update set seen_at = excluded.seen_at, seals_cards = true returning ${clockInMs()} as told`.execute(
      db,
    );
    return beaten.rows[0]!;
  });
}

/** Whether the replica in this column has been silent for too long. */
export function isSilent(replica: RawBuilder<unknown>, since = REPLICA_SILENCE): RawBuilder<unknown> {
  return sql`not exists (
    select 1 from holdfast.replicas r
    where r.id = ${replica} and r.seen_at > clock_timestamp() - ${sql.raw(`interval '${since}'`)})`;
}

/** Whether the replica in this column has died. */
export function hasDied(replica: RawBuilder<unknown>): RawBuilder<unknown> {
  return isSilent(replica, REPLICA_DEATH);
}

/**
 * Whether the caller of joiner `j` is absent, so that a caller at the replica `asking` may take its seat. A task's seat
 * is never taken: whoever repeats the call must not collect what the task keeps. The asking replica is alive, whatever
 * its last beat: a late one must not cost another caller there its connection.
 */
export function absentFor(asking: string): RawBuilder<unknown> {
  return sql`(j.replica is distinct from 'task'
    and (j.replica is null or (j.replica <> ${asking} and ${isSilent(sql`j.replica`)})))`;
}

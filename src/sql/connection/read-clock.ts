import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { MeasuredClock } from '../../time/measured-clock.ts';
import type { Tables } from '../table/tables.ts';

/** The database's clock now, in ms since 1970, whatever its settings say of dates. */
export function clockInMs(): RawBuilder<number> {
  return sql`(extract(epoch from clock_timestamp()) * 1000)::float8`;
}

/** Asks the database for its time in a statement of its own. */
export async function readClock(db: Kysely<Tables>, clock: MeasuredClock): Promise<void> {
  await learnBy(clock, async () => (await sql<{ told: number }>`select ${clockInMs()} as told`.execute(db)).rows[0]!);
}

/** Learns the time from a statement that returns `clockInMs` as `told`, besides what it is for. */
export async function learnBy<T extends { readonly told: number }>(
  clock: MeasuredClock | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  const askedAt = performance.now();
  const answer = await ask();
  clock?.learn({ askedAt, answeredAt: performance.now(), told: new Date(answer.told) });
  return answer;
}

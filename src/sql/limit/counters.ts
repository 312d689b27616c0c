import { type Kysely, sql, type Transaction } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import { type FullLimit, type Take, type Taken, takeKey } from '../../domain/policy/limit.ts';
import type { Seals } from '../../ports.ts';
import { writeEvents } from '../log/events.ts';
import type { Db, Tables } from '../table/tables.ts';

/** Thrown inside a transaction to roll it back; never leaves the store. */
export class NoRoom extends Error {
  readonly full: FullLimit;
  constructor(full: FullLimit) {
    super('no room');
    this.full = full;
  }
}

/**
 * Takes from every counter, or throws `NoRoom` so that the transaction takes from none. One statement per counter, in
 * the order given, that of their keys: the row lock makes concurrent takers queue, and the `where` compares what is
 * committed (P5). The window is the one that the database's clock is in at that moment.
 */
export async function takeAll(trx: Transaction<Tables>, takes: readonly Take[]): Promise<Taken[]> {
  const all: Taken[] = [];
  for (const take of takes) {
    const { start, end } = windowSql(take);
    const taken = await sql<{ window_start: Date }>`
      insert into holdfast.counters as c (key, window_start, window_end, used)
      select ${takeKey(take)}, ${start}, ${end}, ${take.by}::numeric where ${take.by}::numeric <= ${take.max}::numeric
      on conflict (key, window_start) do update set used = c.used + excluded.used
        where c.used + excluded.used <= ${take.max}::numeric
      returning c.window_start`.execute(trx);
    const row = taken.rows[0];
    if (row === undefined) throw new NoRoom(await fullOf(trx, take));
    all.push({ take, windowStart: row.window_start });
  }
  return all;
}

/** The first of these counters that has no room now, or null. */
export async function firstFull(db: Db, takes: readonly Take[]): Promise<FullLimit | null> {
  for (const take of takes) {
    const { start } = windowSql(take);
    const found = await sql<{ full: boolean }>`
      select coalesce((select c.used from holdfast.counters c where c.key = ${takeKey(take)} and c.window_start = ${start}), 0)
        + ${take.by}::numeric > ${take.max}::numeric as full`.execute(db);
    if (found.rows[0]?.full) return fullOf(db, take);
  }
  return null;
}

/** Gives back to the very windows that were taken from. A window that is over stays as it is. */
export async function giveBack(trx: Transaction<Tables>, taken: readonly Taken[]): Promise<void> {
  for (const { take, windowStart } of taken) {
    await sql`
      update holdfast.counters set used = used - ${take.by}::numeric
      where key = ${takeKey(take)} and window_start = ${windowStart} and window_end > clock_timestamp()
        and used >= ${take.by}::numeric`.execute(trx);
  }
}

/** Gives back, with the event. */
export async function refund(
  db: Kysely<Tables>,
  seals: Seals,
  taken: readonly Taken[],
  event: NewEvent,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await giveBack(trx, taken);
    await writeEvents(trx, seals, [event]);
  });
}

async function fullOf(db: Db, take: Take): Promise<FullLimit> {
  const { end } = windowSql(take);
  const found = await sql<{ resets_at: Date; seconds: string }>`
    select ${end} as resets_at, ceil(extract(epoch from ${end} - clock_timestamp()))::text as seconds`.execute(db);
  const row = found.rows[0]!;
  return { take, resetsAt: row.resets_at, retryAfter: Math.max(1, Number(row.seconds)) };
}

/** The window that the database's clock is in, in UTC. */
function windowSql(take: Take) {
  const at = sql`clock_timestamp()`;
  if ('seconds' in take.window) {
    const width = sql`${take.window.seconds}::double precision`;
    const start = sql`to_timestamp(floor(extract(epoch from ${at}) / ${width}) * ${width})`;
    return { start, end: sql`${start} + make_interval(secs => ${width})` };
  }
  const start = sql`date_trunc(${take.window.calendar}, ${at}, 'UTC')`;
  // Months differ in length, so one is added in UTC and not in the session's time zone.
  const end = sql`((${start} at time zone 'UTC') + ${`1 ${take.window.calendar}`}::interval) at time zone 'UTC'`;
  return { start, end };
}

import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Seals } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';
import { knownCuts } from './cuts.ts';
import { writeEvents } from './events.ts';

/** The lock of those who record a cut: "cuts" in letters. */
const CUT_LOCK = 0x63_75_74_73;

/** One replica at a time: of two that archived the same stretch one records it. */
export async function recordCut(db: Kysely<Tables>, seals: Seals, segment: number, event: NewEvent): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${CUT_LOCK})`.execute(trx);
    const cuts = await knownCuts(trx, seals);
    if ((cuts[0]?.segment ?? 0) >= segment) return false;
    await writeEvents(trx, seals, [event]);
    return true;
  });
}

import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import { readKeyEvent } from '../../domain/log/key-change.ts';
import type { Seals } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';
import { decidingEvents } from './deciding.ts';
import { resealEpoch } from './epoch.ts';
import { writeEvents } from './events.ts';
import { MOST_KEY_EVENTS } from './keys.ts';
import { lockSigning } from './sign-lock.ts';

/**
 * Writes the event of a change to this key, once whatever replicas do it at the same time, and seals by the newest secret
 * what must outlive the others. False: it is written already.
 */
export async function changeKey(
  db: Kysely<Tables>,
  seals: Seals,
  to: string,
  event: (retired: readonly string[]) => NewEvent,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    await lockSigning(trx);
    const written = await decidingEvents(trx, ['key.changed'], sql`true`, sql`e.n desc limit ${MOST_KEY_EVENTS}`);
    for (const { body, seal } of written) {
      const said = seals.fits('event', body, seal) ? readKeyEvent(body) : null;
      if (said?.kind === 'changed' && said.to === to) return false;
    }
    await writeEvents(trx, seals, [event(seals.earlier)]);
    await resealEpoch(trx, seals);
    return true;
  });
}

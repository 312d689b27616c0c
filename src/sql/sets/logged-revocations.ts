import { sql } from 'kysely';
import { member } from '../../domain/json/json.ts';
import type { Revocation, Seals } from '../../ports.ts';
import { type DecidingEvent, decidingEvents, eventTextOf, isOwnEvent, timeIn } from '../log/deciding.ts';
import type { Db } from '../table/tables.ts';

export interface LoggedRevocation extends Revocation {
  /** A gateway wrote the event that says so. */
  readonly isOwn: boolean;
}

/**
 * What the log says was revoked, by the texts of its events: `tokenSha256` is the mark of the token, the beginning of its
 * digest. Forged ones only stop.
 */
export async function loggedRevocations(db: Db, seals: Seals): Promise<readonly LoggedRevocation[]> {
  const found = await decidingEvents(db, ['grant.revoked'], sql`true`, sql`e.n`);
  const revoked = new Map<string, LoggedRevocation>();
  for (const row of found) {
    const event = eventTextOf(row);
    const data = member(event, 'data') ?? null;
    const [token, reason] = [member(data, 'token'), member(data, 'reason')];
    if (typeof token !== 'string' || revoked.get(token)?.isOwn) continue;
    revoked.set(token, {
      tokenSha256: token,
      grant: String(member(event, 'grant') ?? ''),
      at: timeIn(event),
      actor: String(member(event, 'actor')),
      reason: typeof reason === 'string' ? reason : null,
      isOwn: isOwnEvent(seals, row) || isFromBefore(seals, row),
    });
  }
  return [...revoked.values()];
}

/** Of a release without seals, at a place where there were none. */
function isFromBefore(seals: Seals, { linked, seal, seq }: DecidingEvent): boolean {
  return linked && seal === null && seq !== null && seals.mayLack(Number(seq));
}

import type { Kysely } from 'kysely';
import type { Revocation, Revocations, Seals, SetReadings } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { NotTaken } from './connection/not-taken.ts';
import { writeEvents } from './log/events.ts';
import { changeSet } from './log/sealed-set.ts';
import { loggedRevocations } from './sets/logged-revocations.ts';
import { insertRevocation, REVOCATION_SET, type RevocationRow, revocationText } from './sets/revocation-set.ts';
import { lockSet, openSet, readSet } from './sets/set-table.ts';
import type { Tables } from './table/tables.ts';

/**
 * The `Revocations` port: tokens that are no longer good. A revocation is final; the way to go on is a new token.
 * While the set is not what a gateway left, the list also has what it had before, and what the log says was revoked: a
 * row that somebody deleted makes no token good again. `readings`: told of each read; absent: nobody asks.
 */
export function sqlRevocations(db: Kysely<Tables>, seals: Seals, readings?: SetReadings): Revocations {
  let begun = false;
  let believed: readonly Revocation[] = [];
  /** Revoked by this process and not found by the next read; revoked until an operator accepts the store. */
  const vanished = new Map<string, Revocation>();
  const read = async (own: Revocation | null): Promise<readonly Revocation[]> => {
    if (!begun) await openSet(db, seals, REVOCATION_SET);
    begun = true;
    const turn = readings?.begin() ?? 0;
    const { rows, ...seen } = await readSet(db, seals, REVOCATION_SET);
    let { reading } = seen;
    const listed = rows.map(revocationOf);
    if (own !== null && !listed.some(({ tokenSha256 }) => tokenSha256 === own.tokenSha256)) {
      vanished.set(own.tokenSha256, own);
      reading = { ...reading, fault: `there is no revocation of the grant ${own.grant}, which was revoked just now` };
    }
    const judged = readings?.read(turn, reading) ?? (reading.fault === null ? 'believed' : 'refused');
    if (judged === 'believed') believed = listed;
    if (readings?.isAtFault(REVOCATION_SET.name) === false) vanished.clear();
    const logged = judged === 'refused' ? [...believed, ...(await loggedRevocations(db, seals))] : [];
    const known = [...listed, ...vanished.values(), ...logged];
    return [...new Map(known.map((one) => [one.tokenSha256, one])).values()];
  };
  return guarded<Revocations>({
    list: () => read(null),
    revoke: async (revocation, event) => {
      const { tokenSha256, grant, at, actor, reason } = revocation;
      const row = { token_sha256: tokenSha256, grant_name: grant, at, actor, reason: reason?.toWellFormed() ?? null };
      const isNew = await db.transaction().execute(async (trx) => {
        await lockSet(trx, REVOCATION_SET.name);
        if (!(await insertRevocation(trx, seals, row))) return false;
        await changeSet(trx, seals, REVOCATION_SET.name, { added: [revocationText(row)] });
        await writeEvents(trx, seals, [event]);
        return true;
      });
      // A trigger may take it out again as the transaction ends, or have put another row there.
      const there = await read(revocation);
      if (!there.some((one) => one.tokenSha256 === tokenSha256) || vanished.has(tokenSha256)) {
        throw new NotTaken('revocations', `the database took a revocation of the grant ${grant} and does not hold it`);
      }
      return isNew;
    },
  });
}

function revocationOf({ token_sha256, grant_name, at, actor, reason }: RevocationRow): Revocation {
  return { tokenSha256: token_sha256, grant: grant_name, at, actor, reason };
}

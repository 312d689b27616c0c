import { type Kysely, sql } from 'kysely';
import type { Revocation, Revocations, Seals, SetReadings } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { writeEvents } from './log/events.ts';
import { changeSet } from './log/sealed-set.ts';
import { REVOCATION_SET, type RevocationRow, revocationText } from './sets/revocation-set.ts';
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
  return guarded<Revocations>({
    list: async () => {
      if (!begun) await openSet(db, seals, REVOCATION_SET);
      begun = true;
      const turn = readings?.begin() ?? 0;
      const { rows, reading } = await readSet(db, seals, REVOCATION_SET);
      const judged = readings?.read(turn, reading) ?? (reading.fault === null ? 'believed' : 'refused');
      const listed = rows.map(revocationOf);
      if (judged === 'believed') believed = listed;
      if (judged !== 'refused') return listed;
      const known = [...listed, ...believed, ...(await loggedRevocations(db))];
      return [...new Map(known.map((one) => [one.tokenSha256, one])).values()];
    },
    revoke: (revocation, event) =>
      db.transaction().execute(async (trx) => {
        const { tokenSha256, grant, at, actor, reason } = revocation;
        const row = { token_sha256: tokenSha256, grant_name: grant, at, actor, reason: reason?.toWellFormed() ?? null };
        const text = revocationText(row);
        await lockSet(trx, REVOCATION_SET.name);
        const added = await trx
          .insertInto('holdfast.revocations')
          .values({ ...row, seal: seals.seal('revocation', text) })
          .onConflict((conflict) => conflict.column('token_sha256').doNothing())
          .executeTakeFirst();
        if (added.numInsertedOrUpdatedRows !== 1n) return false;
        await changeSet(trx, seals, REVOCATION_SET.name, { added: [text] });
        await writeEvents(trx, seals, [event]);
        return true;
      }),
  });
}

/** What the log says was revoked: the beginning of the token's digest is in the event. Forged ones only stop. */
async function loggedRevocations(db: Kysely<Tables>): Promise<Revocation[]> {
  const found = await sql<{ at: Date; grant_name: string | null; actor: string; body: string }>`
    select at, grant_name, actor, body from holdfast.events where type = 'grant.revoked' order by n`.execute(db);
  return found.rows.flatMap(({ at, grant_name, actor, body }) => {
    const { data } = JSON.parse(body) as { data?: { token?: unknown } };
    if (typeof data?.token !== 'string') return [];
    return [{ tokenSha256: data.token, grant: grant_name ?? '', at, actor, reason: null }];
  });
}

function revocationOf({ token_sha256, grant_name, at, actor, reason }: RevocationRow): Revocation {
  return { tokenSha256: token_sha256, grant: grant_name, at, actor, reason };
}

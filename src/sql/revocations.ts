import { type Kysely, type Selectable, sql } from 'kysely';
import type { Revocations, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { KEPT_PLAN } from './connection/kept-plan.ts';
import { writeEvents } from './log/events.ts';
import type { RevocationTable, Tables } from './table/tables.ts';

/** The `Revocations` port: tokens that are no longer good. A revocation is final; the way to go on is a new token. */
export function sqlRevocations(db: Kysely<Tables>, seals: Seals): Revocations {
  return guarded<Revocations>({
    list: async () => {
      const found = await sql<Selectable<RevocationTable>>`${KEPT_PLAN}
        select token_sha256, grant_name, at, actor, reason from holdfast.revocations order by at`.execute(db);
      return found.rows.map((row) => ({
        tokenSha256: row.token_sha256,
        grant: row.grant_name,
        at: row.at,
        actor: row.actor,
        reason: row.reason,
      }));
    },
    revoke: (revocation, event) =>
      db.transaction().execute(async (trx) => {
        const { tokenSha256, grant, at, actor, reason } = revocation;
        const added = await trx
          .insertInto('holdfast.revocations')
          .values({ token_sha256: tokenSha256, grant_name: grant, at, actor, reason })
          .onConflict((conflict) => conflict.column('token_sha256').doNothing())
          .executeTakeFirst();
        if (added.numInsertedOrUpdatedRows !== 1n) return false;
        await writeEvents(trx, seals, [event]);
        return true;
      }),
  });
}

import { type Kysely, sql } from 'kysely';
import { isRole } from '../domain/people/role.ts';
import type { ApiToken, ApiTokens, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { requireTaken, writeRows } from './connection/not-taken.ts';
import { writeEvents } from './log/events.ts';
import { changeSet } from './log/sealed-set.ts';
import { API_TOKEN_SET, type ApiTokenRow, apiTokenText } from './sets/api-token-set.ts';
import { type Beliefs, sqlBeliefs } from './sets/beliefs.ts';
import { lockSet, openSet, readSet } from './sets/set-table.ts';
import type { Tables } from './table/tables.ts';

/** Tokens that one person may have at a time, and all of them together, those that are over included. */
const MOST_LIVE = 20;
const MOST_ROWS = 5_000;

/**
 * The `ApiTokens` port. All rows are read and judged as a set wherever one is looked up: they are few, and while they are not
 * those that a gateway left, none of them opens anything.
 */
export function sqlApiTokens(
  db: Kysely<Tables>,
  seals: Seals,
  { wholeRows }: Pick<Beliefs, 'wholeRows'> = sqlBeliefs(db, seals),
): ApiTokens {
  let begun: Promise<void> | null = null;
  const opened = async (): Promise<void> => {
    begun ??= openSet(db, seals, API_TOKEN_SET);
    await begun.catch((error: unknown) => {
      begun = null;
      throw error;
    });
  };
  return guarded<ApiTokens>({
    add: async (token, event) => {
      await opened();
      return db.transaction().execute(async (trx) => {
        await lockSet(trx, API_TOKEN_SET.name);
        const { rows } = await readSet(trx, seals, API_TOKEN_SET);
        const live = rows.filter((row) => row.owner === token.owner && isLive(row, token.at));
        if (live.length >= MOST_LIVE || rows.length >= MOST_ROWS) return false;
        const row = rowOf(token);
        const added = await trx
          .insertInto('holdfast.api_tokens')
          .values({ ...row, seal: seals.seal('row', apiTokenText(row)) })
          .executeTakeFirst();
        requireTaken('api_tokens', added.numInsertedOrUpdatedRows, 1);
        await changeSet(trx, seals, API_TOKEN_SET.name, { added: [apiTokenText(row)] });
        await writeEvents(trx, seals, [event]);
        return true;
      });
    },
    find: async (digests) => {
      await opened();
      const rows = await wholeRows(API_TOKEN_SET);
      const row = rows?.find(({ digest }) => digests.includes(digest));
      return row === undefined ? null : tokenOf(row);
    },
    list: async (owner) => {
      await opened();
      const { rows } = await readSet(db, seals, API_TOKEN_SET);
      return rows.filter((row) => owner === null || row.owner === owner).map(tokenOf);
    },
    revoke: async (id, by, at, event) => {
      await opened();
      return db.transaction().execute(async (trx) => {
        await lockSet(trx, API_TOKEN_SET.name);
        const { rows } = await readSet(trx, seals, API_TOKEN_SET);
        const before = rows.find((row) => row.id === id);
        if (before === undefined || before.revoked_at !== null) return null;
        const { seal: _, ...old } = before;
        const next = { ...old, revoked_at: at, revoked_by: by };
        const update = sql`
          update holdfast.api_tokens set revoked_at = ${at}, revoked_by = ${by},
            seal = ${seals.seal('row', apiTokenText(next))} where id = ${id}`;
        await writeRows(trx, 'api_tokens', 1, update);
        await changeSet(trx, seals, API_TOKEN_SET.name, { added: [apiTokenText(next)], removed: [apiTokenText(old)] });
        await writeEvents(trx, seals, [event]);
        return tokenOf({ ...next, seal: null });
      });
    },
  });
}

function isLive({ revoked_at, ends_at }: ApiTokenRow, now: Date): boolean {
  return revoked_at === null && now < ends_at;
}

function rowOf({ id, digest, owner, name, role, at, endsAt, revokedAt, revokedBy }: ApiToken) {
  return { id, digest, owner, name, role, at, ends_at: endsAt, revoked_at: revokedAt, revoked_by: revokedBy };
}

function tokenOf({ id, digest, owner, name, role, at, ends_at, revoked_at, revoked_by }: ApiTokenRow): ApiToken {
  // The seal covers the role, and this column says nothing without it.
  if (!isRole(role)) throw new Error('a token has an unknown role');
  return { id, digest, owner, name, role, at, endsAt: ends_at, revokedAt: revoked_at, revokedBy: revoked_by };
}

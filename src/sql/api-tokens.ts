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
import type { Db, Tables } from './table/tables.ts';

/** Tokens that one person may have at a time. */
const MOST_LIVE = 20;
/** Those of one person and of all together, those that are over included, of which the oldest are forgotten. */
const MOST_OF_ONE = 50;
const MOST_ROWS = 5_000;
/** Milliseconds for which a token is listed when it is over. */
const LISTED_MS = 30 * 86_400_000;

/**
 * The `ApiTokens` port. A text that is no token costs one look into an index. Where there is one, all rows are read and judged
 * as a set: they are few, and while they are not those that a gateway left, none of them opens anything.
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
        const { rows, reading } = await readSet(trx, seals, API_TOKEN_SET);
        const own = rows.filter(({ owner }) => owner === token.owner);
        if (own.filter((row) => isLive(row, token.at)).length >= MOST_LIVE) return 'own_full';
        // Of a set that is not what a gateway left, nothing is taken: it is for an operator to look at.
        const spare = reading.fault === null ? forgettable(rows, token.owner, token.at) : [];
        if (rows.length - spare.length >= MOST_ROWS) return 'all_full';
        await forget(trx, seals, spare);
        const row = rowOf(token);
        const added = await trx
          .insertInto('holdfast.api_tokens')
          .values({ ...row, seal: seals.seal('row', apiTokenText(row)) })
          .executeTakeFirst();
        requireTaken('api_tokens', added.numInsertedOrUpdatedRows, 1);
        await changeSet(trx, seals, API_TOKEN_SET.name, { added: [apiTokenText(row)] });
        await writeEvents(trx, seals, [event]);
        return 'added';
      });
    },
    find: async (digests) => {
      const known = await sql`
        select 1 from holdfast.api_tokens where digest = any(${[...digests]}::text[])`.execute(db);
      if (known.rows.length === 0) return null;
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
        const next = await change(trx, seals, before, { revoked_at: at, revoked_by: by });
        await writeEvents(trx, seals, [event]);
        return tokenOf(next);
      });
    },
    vouch: async (owner, at) => {
      const some = await sql`select 1 from holdfast.api_tokens where owner = ${owner} limit 1`.execute(db);
      if (some.rows.length === 0) return false;
      await opened();
      const ids = await db.transaction().execute((trx) => changeAll(trx, seals, owner, at, at));
      return ids.length > 0;
    },
    suspend: async (owner, at, event) => {
      await opened();
      return db.transaction().execute(async (trx) => {
        const ids = await changeAll(trx, seals, owner, at, null);
        if (ids.length > 0) await writeEvents(trx, seals, [event(ids)]);
        return ids;
      });
    },
  });
}

/** All tokens of an owner that are not over get this time of the owner's last sign-in. The ids of those that had another. */
async function changeAll(trx: Db, seals: Seals, owner: string, now: Date, vouchedAt: Date | null): Promise<string[]> {
  await lockSet(trx, API_TOKEN_SET.name);
  const { rows } = await readSet(trx, seals, API_TOKEN_SET);
  const due = rows.filter(
    (row) => row.owner === owner && isLive(row, now) && row.vouched_at?.getTime() !== vouchedAt?.getTime(),
  );
  for (const row of due) await change(trx, seals, row, { vouched_at: vouchedAt });
  return due.map(({ id }) => id);
}

/** A row that no gateway wrote is not made good: whoever changes it leaves the set as broken as it was. */
async function change(trx: Db, seals: Seals, before: ApiTokenRow, changed: Partial<ApiTokenRow>): Promise<ApiTokenRow> {
  const { seal, ...old } = before;
  const next = { ...old, ...changed };
  const isOwn = seals.fits('row', apiTokenText(old), seal);
  const nextSeal = isOwn ? seals.seal('row', apiTokenText(next)) : seal;
  const update = sql`
    update holdfast.api_tokens
    set revoked_at = ${next.revoked_at}, revoked_by = ${next.revoked_by}, vouched_at = ${next.vouched_at}, seal = ${nextSeal}
    where id = ${old.id}`;
  await writeRows(trx, 'api_tokens', 1, update);
  await changeSet(trx, seals, API_TOKEN_SET.name, { added: [apiTokenText(next)], removed: [apiTokenText(old)] });
  return { ...next, seal: nextSeal };
}

/** Tokens that are over and no longer listed, or that must make room for another one of this owner. */
function forgettable(rows: readonly ApiTokenRow[], owner: string, now: Date): ApiTokenRow[] {
  const over = rows.filter((row) => !isLive(row, now)).toSorted((one, other) => overSince(one) - overSince(other));
  const old = over.filter((row) => now.getTime() - overSince(row) > LISTED_MS);
  const left = rows.length - old.length;
  const ownLeft = rows.filter((row) => row.owner === owner && !old.includes(row)).length;
  const listed = over.filter((row) => !old.includes(row));
  const own = listed.filter((row) => row.owner === owner).slice(0, Math.max(0, ownLeft + 1 - MOST_OF_ONE));
  const others = listed.filter((row) => !own.includes(row));
  return [...old, ...own, ...others.slice(0, Math.max(0, left - own.length + 1 - MOST_ROWS))];
}

function overSince({ revoked_at, ends_at }: ApiTokenRow): number {
  return Math.min(revoked_at?.getTime() ?? Number.POSITIVE_INFINITY, ends_at.getTime());
}

async function forget(trx: Db, seals: Seals, rows: readonly ApiTokenRow[]): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  await writeRows(trx, 'api_tokens', ids.length, sql`delete from holdfast.api_tokens where id = any(${ids}::text[])`);
  await changeSet(trx, seals, API_TOKEN_SET.name, { removed: rows.map(apiTokenText) });
}

function isLive({ revoked_at, ends_at }: ApiTokenRow, now: Date): boolean {
  return revoked_at === null && now < ends_at;
}

function rowOf({ id, digest, owner, name, role, at, endsAt, revokedAt, revokedBy, vouchedAt }: ApiToken) {
  return {
    ...{ id, digest, owner, name, role, at, ends_at: endsAt },
    ...{ revoked_at: revokedAt, revoked_by: revokedBy, vouched_at: vouchedAt },
  };
}

function tokenOf(row: ApiTokenRow): ApiToken {
  const { id, digest, owner, name, role, at, ends_at, revoked_at, revoked_by, vouched_at } = row;
  // The seal covers the role, and this column says nothing without it.
  if (!isRole(role)) throw new Error('a token has an unknown role');
  return {
    ...{ id, digest, owner, name, role, at, endsAt: ends_at },
    ...{ revokedAt: revoked_at, revokedBy: revoked_by, vouchedAt: vouched_at },
  };
}

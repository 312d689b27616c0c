import { type Selectable, sql } from 'kysely';
import { tokenMark } from '../../domain/log/marks.ts';
import type { Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import type { Db, RevocationTable } from '../table/tables.ts';
import { loggedRevocations } from './logged-revocations.ts';
import type { NamedRow, SetTable } from './set-table.ts';

export type RevocationRow = Selectable<RevocationTable>;

/** The revoked tokens. All of them, for ever. */
export const REVOCATION_SET: SetTable<RevocationRow> = {
  name: 'revocations',
  kind: 'revocation',
  rows: sql`select token_sha256, grant_name, at, actor, reason, seal from holdfast.revocations order by at`,
  id: 'token_sha256',
  idOf: ({ token_sha256 }) => token_sha256,
  text: revocationText,
  named: missingRevocations,
};

export function revocationText({ token_sha256, grant_name, at, actor, reason }: Omit<RevocationRow, 'seal'>): string {
  return JSON.stringify([token_sha256, grant_name, at.getTime(), actor, reason]);
}

/** Where it was revoked before, nothing is added. Whether it was added. Throws `NotTaken`. */
export async function insertRevocation(trx: Db, seals: Seals, row: Omit<RevocationRow, 'seal'>): Promise<boolean> {
  const added = await trx
    .insertInto('holdfast.revocations')
    .values({ ...row, seal: seals.seal('revocation', revocationText(row)) })
    .onConflict((conflict) => conflict.column('token_sha256').doNothing())
    .executeTakeFirst();
  if (added.numInsertedOrUpdatedRows === 1n) return true;
  const { token_sha256 } = row;
  const there = await sql`select 1 from holdfast.revocations where token_sha256 = ${token_sha256}`.execute(trx);
  requireTaken('revocations', there.rows.length, 1);
  return false;
}

/** The tokens that were revoked, as the log says it, and are not: it knows their marks, and by these they are refused. */
async function missingRevocations(trx: Db, seals: Seals, rows: readonly RevocationRow[]): Promise<readonly NamedRow[]> {
  const there = new Set(rows.map(({ token_sha256 }) => tokenMark(token_sha256)));
  const missing = (await loggedRevocations(trx, seals)).filter(({ tokenSha256 }) => !there.has(tokenMark(tokenSha256)));
  return missing.map(({ tokenSha256, grant, at, actor, reason, isOwn }) => {
    const row = { token_sha256: tokenMark(tokenSha256), grant_name: grant, at, actor, reason };
    const about = `a token of the grant ${grant} was revoked by ${actor} at ${at.toISOString()}`;
    return {
      ...{ row: row.token_sha256, about },
      putBack: isOwn ? async (inside) => void (await insertRevocation(inside, seals, row)) : null,
    };
  });
}

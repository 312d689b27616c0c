import { type Selectable, sql } from 'kysely';
import type { Seals } from '../../ports.ts';
import { writeRows } from '../connection/not-taken.ts';
import type { ApiTokenTable } from '../table/people-tables.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { Db } from '../table/tables.ts';
import { loggedEnds } from './logged-ends.ts';
import type { NamedRow, SetTable } from './set-table.ts';

export type ApiTokenRow = Selectable<ApiTokenTable>;

export function apiTokenText(row: Omit<ApiTokenRow, 'seal'>): string {
  return rowText('api_tokens', row);
}

/** People's tokens for programs, revoked ones too: one that is brought back to life is not what a gateway left. */
export const API_TOKEN_SET: SetTable<ApiTokenRow> = {
  name: 'api_tokens',
  kind: 'row',
  rows: sql`select id, digest, owner, name, role, at, ends_at, revoked_at, revoked_by, vouched_at, seal
    from holdfast.api_tokens order by at desc, id desc`,
  id: 'id',
  idOf: ({ id }) => id,
  text: apiTokenText,
  named: revivedTokens,
  endsInPlace: true,
  disown: async (trx, ids) => {
    await sql`delete from holdfast.api_tokens where id = any(${[...ids]}::text[])`.execute(trx);
  },
};

/** Tokens that the log says are revoked, or suspended since their owner signed in, and that are good by their rows. */
async function revivedTokens(trx: Db, seals: Seals, rows: readonly ApiTokenRow[]): Promise<readonly NamedRow[]> {
  const ends = await loggedEnds(trx, seals, ['token.revoked', 'token.suspended']);
  return rows.flatMap((row): NamedRow[] => {
    // What no gateway left is taken out of the set in any case.
    if (row.revoked_at !== null || !seals.fits('row', apiTokenText(row), row.seal)) return [];
    const revoked = ends.find(({ id, type }) => id === row.id && type === 'token.revoked');
    const suspended = ends.find(
      ({ id, type, at }) =>
        id === row.id && type === 'token.suspended' && row.vouched_at !== null && row.vouched_at <= at,
    );
    const end = revoked?.isOwn || suspended === undefined ? revoked : suspended;
    if (end === undefined) return [];
    const over = end.type === 'token.revoked';
    const next = over ? { ...row, revoked_at: end.at, revoked_by: end.by } : { ...row, vouched_at: null };
    const about = `a token of ${row.owner} was ${over ? 'revoked' : 'suspended'} by ${end.by} at ${end.at.toISOString()}`;
    return [{ row: row.id, about, putBack: end.isOwn ? (inside) => endAgain(inside, seals, next) : null }];
  });
}

async function endAgain(trx: Db, seals: Seals, row: ApiTokenRow): Promise<void> {
  const update = sql`
    update holdfast.api_tokens set revoked_at = ${row.revoked_at}::timestamptz, revoked_by = ${row.revoked_by}::text,
      vouched_at = ${row.vouched_at}::timestamptz, seal = ${seals.seal('row', apiTokenText(row))}::text
    where id = ${row.id}`;
  await writeRows(trx, 'api_tokens', 1, update);
}

import { type Selectable, sql } from 'kysely';
import type { ApiTokenTable } from '../table/people-tables.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { SetTable } from './set-table.ts';

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
  disown: async (trx, ids) => {
    await sql`delete from holdfast.api_tokens where id = any(${[...ids]}::text[])`.execute(trx);
  },
};

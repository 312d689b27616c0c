import { type Selectable, sql } from 'kysely';
import type { RevocationTable } from '../table/tables.ts';
import type { SetTable } from './set-table.ts';

export type RevocationRow = Selectable<RevocationTable>;

/** The revoked tokens. All of them, for ever. */
export const REVOCATION_SET: SetTable<RevocationRow> = {
  name: 'revocations',
  kind: 'revocation',
  rows: sql`select token_sha256, grant_name, at, actor, reason, seal from holdfast.revocations order by at`,
  id: 'token_sha256',
  idOf: ({ token_sha256 }) => token_sha256,
  text: revocationText,
};

export function revocationText({ token_sha256, grant_name, at, actor, reason }: Omit<RevocationRow, 'seal'>): string {
  return JSON.stringify([token_sha256, grant_name, at.getTime(), actor, reason]);
}

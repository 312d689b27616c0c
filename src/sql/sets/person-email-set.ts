import { type Selectable, sql } from 'kysely';
import type { PersonEmailTable } from '../table/people-tables.ts';
import { rowText } from '../table/sealed-tables.ts';
import type { SetTable } from './set-table.ts';

export type PersonEmailRow = Selectable<PersonEmailTable>;

export function personEmailText(row: Omit<PersonEmailRow, 'seal'>): string {
  return rowText('person_emails', row);
}

/**
 * Which account an e-mail address belongs to: without its row another account could take it. One that no gateway wrote is left
 * in its place without a seal, where it belongs to nobody.
 */
export const PERSON_EMAIL_SET: SetTable<PersonEmailRow> = {
  name: 'person_emails',
  kind: 'row',
  rows: sql`select email, issuer, subject, at, seal from holdfast.person_emails where seal is not null`,
  id: 'email',
  idOf: ({ email }) => email,
  text: personEmailText,
  disown: async (trx, emails) => {
    await sql`update holdfast.person_emails set seal = null where email = any(${[...emails]}::text[])`.execute(trx);
  },
};

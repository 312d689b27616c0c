import { type Kysely, sql } from 'kysely';
import type { Seals, SigningNonce, SigningNonces } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { requireTaken } from './connection/not-taken.ts';
import { type Beliefs, sqlBeliefs } from './sets/beliefs.ts';
import type { SigningNonceTable } from './table/people-tables.ts';
import type { Tables } from './table/tables.ts';

/** Nonces that one login may have at a time. */
const MOST_OPEN = 20;

/** The `SigningNonces` port. One statement takes a nonce away and says what it was good for, so that it is good once. */
export function sqlSigningNonces(
  db: Kysely<Tables>,
  seals: Seals,
  { tables }: Pick<Beliefs, 'tables'> = sqlBeliefs(db, seals),
): SigningNonces {
  return guarded<SigningNonces>({
    issue: async (nonce) => {
      await sql`delete from holdfast.signing_nonces where ends_at < ${nonce.at}::timestamptz`.execute(db);
      const open = await sql`
        select 1 from holdfast.signing_nonces where login = ${nonce.login} limit ${MOST_OPEN}`.execute(db);
      if (open.rows.length >= MOST_OPEN) return false;
      const row = rowOf(nonce);
      const added = await db
        .insertInto('holdfast.signing_nonces')
        .values({ ...row, seal: tables.seal('signing_nonces', row) })
        .executeTakeFirst();
      requireTaken('signing_nonces', added.numInsertedOrUpdatedRows, 1);
      return true;
    },
    spend: async (digests) => {
      const found = await sql<SigningNonceTable>`
        delete from holdfast.signing_nonces where digest = any(${[...digests]}::text[])
        returning digest, purpose, login, person, approval_id, choice, at, ends_at, seal`.execute(db);
      const row = found.rows[0];
      return row === undefined || !tables.believes('signing_nonces', row) ? null : nonceOf(row);
    },
  });
}

function rowOf({ digest, purpose, login, person, approval, choice, at, endsAt }: SigningNonce) {
  return { digest, purpose, login, person, approval_id: approval, choice, at, ends_at: endsAt };
}

function nonceOf({
  digest,
  purpose,
  login,
  person,
  approval_id,
  choice,
  at,
  ends_at,
}: SigningNonceTable): SigningNonce {
  return {
    ...{ digest, login, person, approval: approval_id, at, endsAt: ends_at },
    purpose: purpose === 'register' ? 'register' : 'approve',
    choice: choice === 'approve' ? 'approve' : null,
  };
}

import { createHash } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Tables } from '../table/tables.ts';

/** Bytes of the longest policy whose text is kept. */
const LONGEST_POLICY = 1024 * 1024;

/** Keeps the texts of policies that come into force, by the SHA-256 that events name. One that is kept stays as it is. */
export async function keepPolicyTexts(db: Kysely<Tables>, texts: ReadonlyMap<string, string>): Promise<void> {
  const rows = [...texts].flatMap(([digest, body]) =>
    Buffer.byteLength(body) > LONGEST_POLICY || body.includes('\0') ? [] : [{ digest, body }],
  );
  if (rows.length === 0) return;
  await db
    .insertInto('holdfast.policy_texts')
    .values(rows)
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .execute();
}

/** null: it is not kept, or the row is not the text of this digest. */
export async function readPolicyText(db: Kysely<Tables>, digest: string): Promise<string | null> {
  const row = await db
    .selectFrom('holdfast.policy_texts')
    .select('body')
    .where('digest', '=', digest)
    .executeTakeFirst();
  if (row === undefined) return null;
  return createHash('sha256').update(row.body, 'utf8').digest('hex') === digest ? row.body : null;
}

import { sql, type Transaction } from 'kysely';
import type { Tables } from '../table/tables.ts';

/** The lock of those who save a checkpoint or change the key: "sign" in letters. */
const SIGN_LOCK = 0x73_69_67_6e;

/** One replica at a time says who signs, and signs. */
export async function lockSigning(trx: Transaction<Tables>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${SIGN_LOCK})`.execute(trx);
}

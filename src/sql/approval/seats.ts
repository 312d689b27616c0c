import { sql, type Transaction } from 'kysely';
import type { NewJoiner } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

/** Gives the caller a seat of its own. */
export async function insertJoiner(
  trx: Transaction<Tables>,
  approval: string,
  { id, session, requestId, replica }: NewJoiner,
  joinedAt: Date,
): Promise<void> {
  await trx
    .insertInto('holdfast.joiners')
    .values({ id, approval_id: approval, session, request_id: requestId, replica, joined_at: joinedAt })
    .execute();
}

/** Puts the caller in a seat that exists. */
export async function takeSeat(trx: Transaction<Tables>, seat: string, joiner: NewJoiner): Promise<void> {
  const { replica, session, requestId } = joiner;
  await sql`
    update holdfast.joiners set replica = ${replica}, session = ${session}, request_id = ${requestId}
    where id = ${seat}`.execute(trx);
}

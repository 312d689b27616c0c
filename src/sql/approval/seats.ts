import { sql, type Transaction } from 'kysely';
import type { NewJoiner } from '../../ports.ts';
import { writeRows } from '../connection/not-taken.ts';
import type { Tables } from '../table/tables.ts';
import { absentFor } from './presence.ts';

/** Gives the caller a seat of its own. */
export async function takeNewSeat(
  trx: Transaction<Tables>,
  approval: string,
  joiner: NewJoiner,
  joinedAt: Date,
): Promise<void> {
  const { id, session, requestId, replica } = joiner;
  const insert = sql`
    insert into holdfast.joiners (id, approval_id, session, request_id, replica, joined_at)
    values (${id}, ${approval}, ${session}, ${requestId}, ${replica}, ${joinedAt})`;
  await writeRows(trx, 'joiners', 1, insert);
}

/** Puts the caller in a seat that exists. */
export async function takeSeat(trx: Transaction<Tables>, seat: string, joiner: NewJoiner): Promise<void> {
  const { replica, session, requestId } = joiner;
  const update = sql`
    update holdfast.joiners set replica = ${replica}, session = ${session}, request_id = ${requestId}, gave_up_at = null
    where id = ${seat}`;
  await writeRows(trx, 'joiners', 1, update);
}

/** In the seat of the caller that was asked, which went away to find the answer; in a new one where no seat is free. */
export async function seatAgain(
  trx: Transaction<Tables>,
  approval: string,
  joiner: NewJoiner,
  now: Date,
): Promise<string> {
  const { replica, session, requestId } = joiner;
  const taken = await sql<{ id: string }>`
    update holdfast.joiners set replica = ${replica}, session = ${session}, request_id = ${requestId}, gave_up_at = null
    where id = (select j.id from holdfast.joiners j
      where j.approval_id = ${approval} and j.collected_at is null and j.left_at is null and ${absentFor(replica)}
      order by j.joined_at limit 1 for update)
    returning id`.execute(trx);
  if (taken.rows[0] !== undefined) return taken.rows[0].id;
  await takeNewSeat(trx, approval, joiner, now);
  return joiner.id;
}

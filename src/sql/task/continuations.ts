import { type Kysely, sql, type Transaction } from 'kysely';
import type { NewEvent } from '../../domain/event.ts';
import type { NewJoiner, TaskStore } from '../../ports.ts';
import { absentFor } from '../approval/open.ts';
import { writeEvents } from '../log/events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';

type Remember = Parameters<TaskStore['rememberContinuation']>[0];
type TakeContinuation = Parameters<TaskStore['takeContinuation']>[0];
type TakenContinuation = Awaited<ReturnType<TaskStore['takeContinuation']>>;

/** Thrown inside the transaction to roll it back; never leaves this file. */
class NotAwaited extends Error {}

export async function rememberContinuation(db: Kysely<Tables>, one: Remember): Promise<void> {
  await sql`
    insert into holdfast.continuations (digest, grant_name, server, fingerprint, approval_id, expires_at)
    values (${one.digest}, ${one.grant}, ${one.server}, ${one.fingerprint}, ${one.approval}, ${one.expiresAt})
    on conflict (digest, grant_name, server, fingerprint) do update
      set approval_id = excluded.approval_id, expires_at = excluded.expires_at`.execute(db);
}

/** P2: the row is deleted with its event and the approval's change, before anything is sent; whoever deletes it sends. */
export async function spendContinuation(
  db: Kysely<Tables>,
  one: TakeContinuation,
  event: (approval: string) => NewEvent,
): Promise<TakenContinuation> {
  try {
    return await db.transaction().execute((trx) => take(trx, one, event));
  } catch (error) {
    if (error instanceof NotAwaited) return null;
    throw error;
  }
}

async function take(
  trx: Transaction<Tables>,
  one: TakeContinuation,
  event: (approval: string) => NewEvent,
): Promise<TakenContinuation> {
  const taken = await sql<{ approval_id: string }>`
    delete from holdfast.continuations
    where digest = any(${one.digests}::text[]) and grant_name = ${one.grant} and server = ${one.server}
      and fingerprint = any(${one.fingerprints}::text[]) and expires_at > ${one.now}
    returning approval_id`.execute(trx);
  const id = taken.rows[0]?.approval_id;
  if (id === undefined) return null;
  const awaited = await sql<{ stood: Date | null }>`
    select lease_until as stood from holdfast.approvals
    where id = ${id} and state = 'dispatched' and awaits = 'input' for update`.execute(trx);
  const stood = awaited.rows[0]?.stood ?? null;
  if (stood === null) throw new NotAwaited();
  await sql`
    update holdfast.approvals set awaits = null, note = null, dispatcher = ${one.dispatcher}, lease_until = ${one.until},
      revision = revision + 1, updated_at = clock_timestamp()
    where id = ${id}`.execute(trx);
  const joiner = await seated(trx, id, one.joiner, one.now);
  await writeEvents(trx, [event(id)]);
  const found = await sql<ApprovalRow>`select ${APPROVAL} from holdfast.approvals a where a.id = ${id}`.execute(trx);
  return { approval: approvalOf(found.rows[0]!), joiner, stood };
}

/** The place of the caller that was asked, which went away to find the answer; a new one where all are taken. */
async function seated(trx: Transaction<Tables>, approval: string, joiner: NewJoiner, now: Date): Promise<string> {
  const { replica, session, requestId } = joiner;
  const back = await sql<{ id: string }>`
    update holdfast.joiners set replica = ${replica}, session = ${session}, request_id = ${requestId}
    where id = (select j.id from holdfast.joiners j
      where j.approval_id = ${approval} and j.collected_at is null and j.left_at is null and ${absentFor(replica)}
      order by j.joined_at limit 1 for update)
    returning id`.execute(trx);
  if (back.rows[0] !== undefined) return back.rows[0].id;
  await sql`
    insert into holdfast.joiners (id, approval_id, session, request_id, replica, joined_at)
    values (${joiner.id}, ${approval}, ${session}, ${requestId}, ${replica}, ${now})`.execute(trx);
  return joiner.id;
}

import { type Kysely, sql, type Transaction } from 'kysely';
import { type Approval, isOver, mayFollow } from '../domain/approval.ts';
import type { Change, Committed } from '../ports.ts';
import { NoRoom, takeAll } from './counters.ts';
import { writeEvents } from './events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from './row.ts';
import type { Tables } from './schema.ts';

/** Thrown inside the transaction to roll it back; never leaves the store. */
class Overtaken extends Error {}

/**
 * The only way an approval changes state. State and revision are compared in the `where`; vote, counters, events and
 * change are one transaction. The row is locked by the update first, so two committers cannot both see its old state.
 */
export async function commitChange(db: Kysely<Tables>, change: Change): Promise<Committed> {
  if (change.from !== change.to && !mayFollow(change.from, change.to)) {
    throw new Error(`an approval cannot go from ${change.from} to ${change.to}`);
  }
  try {
    const approval = await db.transaction().execute(async (trx) => {
      await move(trx, change);
      if (change.decision) await recordVote(trx, change.id, change.decision);
      if (change.takes) await takeAll(trx, change.takes);
      await writeEvents(trx, change.events);
      return read(trx, change.id);
    });
    return { kind: 'committed', approval };
  } catch (error) {
    if (error instanceof Overtaken) return { kind: 'conflict' };
    if (error instanceof NoRoom) return { kind: 'full', full: error.full };
    throw error;
  }
}

async function move(trx: Transaction<Tables>, change: Change): Promise<void> {
  const { patch = {} } = change;
  const columns = {
    ...(patch.pickupUntil === undefined ? {} : { pickup_until: patch.pickupUntil }),
    ...(patch.leaseUntil === undefined ? {} : { lease_until: patch.leaseUntil }),
    ...(patch.dispatcher === undefined ? {} : { dispatcher: patch.dispatcher }),
    ...(patch.note === undefined ? {} : { note: patch.note }),
    ...(patch.result === undefined ? {} : { result: patch.result }),
    ...(patch.resultUntil === undefined ? {} : { result_until: patch.resultUntil }),
    // What was asked is needed until it was sent or never will be.
    ...(isOver(change.to) ? { request: null } : {}),
  };
  const moved = await trx
    .updateTable('holdfast.approvals')
    .set({ ...columns, state: change.to, revision: change.revision + 1, updated_at: sql`clock_timestamp()` })
    .where('id', '=', change.id)
    .where('state', '=', change.from)
    .where('revision', '=', change.revision)
    .executeTakeFirst();
  if (moved.numUpdatedRows !== 1n) throw new Overtaken();
}

/** The primary key says one vote a person; a second one is a conflict like any other. */
async function recordVote(
  trx: Transaction<Tables>,
  id: string,
  decision: NonNullable<Change['decision']>,
): Promise<void> {
  const written = await trx
    .insertInto('holdfast.decisions')
    .values({
      approval_id: id,
      approver: decision.approver,
      choice: decision.choice,
      reason: decision.reason,
      via: decision.via,
      self: decision.self,
      user_group: decision.userGroup,
      at: decision.at,
    })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst();
  if (written.numInsertedOrUpdatedRows !== 1n) throw new Overtaken();
}

async function read(trx: Transaction<Tables>, id: string): Promise<Approval> {
  const found = await sql<ApprovalRow>`select ${APPROVAL} from holdfast.approvals a where a.id = ${id}`.execute(trx);
  return approvalOf(found.rows[0]!);
}

import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import { type Approval, isOver, mayFollow } from '../domain/approval.ts';
import type { Change, Committed } from '../ports.ts';
import { giveBack, NoRoom, takeAll } from './counters.ts';
import { eventRow } from './events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from './row.ts';
import type { Tables } from './schema.ts';

type Db = Kysely<Tables> | Transaction<Tables>;

/** Thrown inside the transaction to roll it back; never leaves the store. */
class Overtaken extends Error {}

/** What Postgres says when one person votes a second time. */
const UNIQUE_VIOLATION = '23505';

/**
 * The only way an approval changes state. State and revision are compared in the `where`; vote, events and change are
 * one statement, and with counters one transaction: all or nothing, and as few round trips as can be, because an agent
 * waits. The row is locked by the update, so two committers cannot both see its old state.
 */
export async function commitChange(db: Kysely<Tables>, change: Change): Promise<Committed> {
  if (change.from !== change.to && !mayFollow(change.from, change.to)) {
    throw new Error(`an approval cannot go from ${change.from} to ${change.to}`);
  }
  const { takes = [], gives = [], joiner } = change;
  try {
    if (takes.length === 0 && gives.length === 0) {
      const approval = await move(db, change);
      return approval === null ? overtaken(db, joiner) : { kind: 'committed', approval, taken: [] };
    }
    return await db.transaction().execute(async (trx) => {
      const approval = await move(trx, change);
      if (approval === null) throw new Overtaken();
      await giveBack(trx, gives);
      return { kind: 'committed', approval, taken: await takeAll(trx, takes) };
    });
  } catch (error) {
    if (error instanceof Overtaken) return overtaken(db, joiner);
    if (error instanceof NoRoom) return { kind: 'full', full: error.full };
    if (change.decision && (error as { code?: string }).code === UNIQUE_VIOLATION) return { kind: 'conflict' };
    throw error;
  }
}

/** Why nothing moved: a caller that left will not come back, everything else is worth another look. */
async function overtaken(db: Db, joiner: string | undefined): Promise<Committed> {
  if (joiner === undefined) return { kind: 'conflict' };
  const found = await sql`select 1 where ${seated(joiner)}`.execute(db);
  return { kind: found.rows.length > 0 ? 'conflict' : 'left' };
}

/** Leaving bumps the revision, so that a leaving caller and a move on its behalf cannot miss each other. */
function seated(joiner: string): RawBuilder<unknown> {
  return sql`exists (select 1 from holdfast.joiners j where j.id = ${joiner} and j.left_at is null)`;
}

/** null: overtaken, and nothing was written. The votes it returns are those before this statement, and its own. */
async function move(db: Db, change: Change): Promise<Approval | null> {
  const moved = await sql<ApprovalRow>`
    with moved as (
      update holdfast.approvals set ${columnsOf(change)}
      where id = ${change.id} and state = ${change.from} and revision = ${change.revision}
        ${change.joiner === undefined ? sql`` : sql`and ${seated(change.joiner)}`}
        ${change.dispatcher === undefined ? sql`` : sql`and dispatcher = ${change.dispatcher}`}
      returning *
    )${voted(change)}, logged as (${logged(change)})
    select ${APPROVAL} from moved a`.execute(db);
  const row = moved.rows[0];
  if (row === undefined) return null;
  const approval = approvalOf(row);
  return change.decision ? { ...approval, decisions: [...approval.decisions, change.decision] } : approval;
}

function columnsOf(change: Change): RawBuilder<unknown> {
  const { patch = {} } = change;
  const columns: RawBuilder<unknown>[] = [
    sql`state = ${change.to}`,
    sql`revision = ${change.revision + 1}`,
    sql`updated_at = clock_timestamp()`,
  ];
  if (patch.pickupUntil !== undefined) columns.push(sql`pickup_until = ${patch.pickupUntil}::timestamptz`);
  if (patch.leaseUntil !== undefined) columns.push(sql`lease_until = ${patch.leaseUntil}::timestamptz`);
  if (patch.dispatcher !== undefined) columns.push(sql`dispatcher = ${patch.dispatcher}::text`);
  if (patch.awaits !== undefined) columns.push(sql`awaits = ${patch.awaits}::text`);
  if (patch.remindedAt !== undefined) columns.push(sql`reminded_at = ${patch.remindedAt}::timestamptz`);
  if (patch.escalatedAt !== undefined) columns.push(sql`escalated_at = ${patch.escalatedAt}::timestamptz`);
  if (patch.note !== undefined) columns.push(sql`note = ${patch.note}::text`);
  if (patch.result !== undefined) columns.push(sql`result = ${patch.result}::bytea`);
  if (patch.resultUntil !== undefined) columns.push(sql`result_until = ${patch.resultUntil}::timestamptz`);
  // What was asked is needed until it was sent or never will be.
  if (isOver(change.to)) columns.push(sql`request = null`);
  return sql.join(columns);
}

/** The primary key says one vote a person; a second one is a conflict like any other. */
function voted({ decision }: Change): RawBuilder<unknown> {
  if (!decision) return sql``;
  return sql`, voted as (
    insert into holdfast.decisions (approval_id, approver, choice, reason, via, self, user_group, at)
    select id, ${decision.approver}::text, ${decision.choice}::text, ${decision.reason}::text, ${decision.via}::text,
      ${decision.self}::boolean, ${decision.userGroup}::text, ${decision.at}::timestamptz
    from moved)`;
}

function logged({ events }: Change): RawBuilder<unknown> {
  if (events.length === 0) return sql`select 1`;
  const rows = events.map((event) => {
    const row = eventRow(event);
    return sql`(${row.body}::text, ${row.type}::text, ${row.at}::timestamptz, ${row.approval_id}::text, ${row.server}::text,
      ${row.tool}::text, ${row.grant_name}::text, ${row.actor}::text)`;
  });
  return sql`
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor)
    select e.* from moved, (values ${sql.join(rows)}) as e(body, type, at, approval_id, server, tool, grant_name, actor)`;
}

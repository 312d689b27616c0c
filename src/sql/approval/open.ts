import { type Kysely, sql, type Transaction } from 'kysely';
import { LIVE, type State } from '../../domain/approval.ts';
import type { NewEvent } from '../../domain/event.ts';
import type { NewApproval, NewJoiner, Opened } from '../../ports.ts';
import { writeEvents } from '../log/events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';

type Trx = Transaction<Tables>;

/** States whose end an absent caller is still told. */
const OWED: readonly State[] = ['denied', 'expired', 'succeeded', 'failed', 'unknown'];

/** A replica that has not been heard of for this long holds nobody any more. */
export const REPLICA_SILENCE = '10 seconds';

/**
 * Opens, joins or hands over. Openers of one grant queue at an advisory lock, so that ten identical calls at once are
 * one approval and `maxPending` is exact; the unique index on live fingerprints stands behind it.
 *
 * | newest approval of this fingerprint | the caller |
 * |---|---|
 * | pending, approved, dispatched | joins, in the place of an absent caller if there is one |
 * | over, with an absent caller, result or word still kept | is handed what that caller is owed |
 * | over, its caller's answer on its way, from a process that may be dead | waits until it arrived, or that is silent |
 * | anything else, or none | opens a new one; it says so when the last outcome is unknown |
 */
export async function openApproval(
  db: Kysely<Tables>,
  request: NewApproval,
  joiner: NewJoiner,
  maxPending: number,
  event: NewEvent,
): Promise<Opened> {
  const prints = [request.approval.fingerprint, ...request.olderFingerprints];
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`grant ${request.approval.grant}`}, 0))`.execute(trx);
    const live = await lockLive(trx, prints);
    if (live) return join(trx, live, joiner, event);
    const owed = await owedTo(trx, prints, joiner.replica);
    if (owed?.absent === false && !joiner.impatient) return { kind: 'settling' };
    if (owed?.absent) {
      await seat(trx, owed.joiner, joiner);
      await writeEvents(trx, [joined(event, owed.row.id, true)]);
      return { kind: 'owed', approval: approvalOf(owed.row), joiner: owed.joiner };
    }
    const pending = await pendingOf(trx, request.approval.grant);
    if (pending >= maxPending) return { kind: 'crowded', pending };
    await insertApproval(trx, request, await lastUnknown(trx, prints));
    await insertJoiner(trx, request.approval.id, joiner, request.approval.createdAt);
    await writeEvents(trx, [event]);
    return { kind: 'opened', approval: approvalOf(await read(trx, request.approval.id)), joiner: joiner.id };
  });
}

/**
 * The live approval of this call, locked before it is read: a commit that is under way is waited for, so that nobody
 * joins what has just ended.
 */
async function lockLive(trx: Trx, prints: readonly string[]): Promise<ApprovalRow | null> {
  const locked = await sql<{ id: string }>`
    select id from holdfast.approvals
    where fingerprint = any(${prints}::text[]) and state = any(${LIVE}::text[])
    order by created_at desc limit 1 for update`.execute(trx);
  const id = locked.rows[0]?.id;
  return id === undefined ? null : read(trx, id);
}

async function read(trx: Trx, id: string): Promise<ApprovalRow> {
  const found = await sql<ApprovalRow>`select ${APPROVAL} from holdfast.approvals a where a.id = ${id}`.execute(trx);
  return found.rows[0]!;
}

/** `again`: the caller was here before, and is not counted twice. */
function joined(event: NewEvent, approval: string, again: boolean): NewEvent {
  const { fingerprint = null, policy = null, rule = null } = event.data;
  return { ...event, type: 'approval.joined', approval, data: { again, fingerprint, policy, rule } };
}

/** Takes an absent caller's place, so that a call repeated after a time-out is not counted twice. */
async function join(trx: Trx, live: ApprovalRow, joiner: NewJoiner, event: NewEvent): Promise<Opened> {
  const absent = await absentCaller(trx, live.id, joiner.replica);
  if (absent !== null) {
    await seat(trx, absent, joiner);
    await writeEvents(trx, [joined(event, live.id, true)]);
    return { kind: 'joined', approval: approvalOf(live), joiner: absent };
  }
  await insertJoiner(trx, live.id, joiner, event.at);
  await sql`
    update holdfast.approvals set revision = revision + 1, updated_at = ${event.at} where id = ${live.id}`.execute(trx);
  await writeEvents(trx, [joined(event, live.id, false)]);
  return { kind: 'joined', approval: approvalOf(await read(trx, live.id)), joiner: joiner.id };
}

async function absentCaller(trx: Trx, approval: string, asking: string): Promise<string | null> {
  const found = await sql<{ id: string }>`
    select j.id from holdfast.joiners j
    where j.approval_id = ${approval} and j.collected_at is null and j.left_at is null and ${absentFor(asking)}
    order by j.joined_at limit 1 for update`.execute(trx);
  return found.rows[0]?.id ?? null;
}

/** A task's place is its own: whoever repeats the call does not collect what the task keeps. */
/** Whoever asks lives: a late beat of its own replica must not cost another caller there its connection. */
export function absentFor(asking: string) {
  return sql`(j.replica is distinct from 'task' and (j.replica is null or (j.replica <> ${asking} and not exists (
    select 1 from holdfast.replicas r
    where r.id = j.replica and r.seen_at > clock_timestamp() - ${sql.raw(`interval '${REPLICA_SILENCE}'`)}))))`;
}

interface Owed {
  readonly row: ApprovalRow;
  readonly joiner: string;
  /** False: its process may still be handing it over. */
  readonly absent: boolean;
}

async function owedTo(trx: Trx, prints: readonly string[], asking: string): Promise<Owed | undefined> {
  const found = await sql<ApprovalRow & { joiner: string; absent: boolean }>`
    select ${APPROVAL}, j.id as joiner, ${absentFor(asking)} as absent from holdfast.approvals a
    join holdfast.joiners j on j.approval_id = a.id and j.collected_at is null and j.left_at is null
    where a.fingerprint = any(${prints}::text[]) and a.state = any(${OWED}::text[])
      and (a.state = 'unknown' or a.result_until > clock_timestamp())
      and (a.state not in ('succeeded', 'failed') or a.result is not null)
    order by absent desc, a.created_at desc, j.joined_at limit 1`.execute(trx);
  const row = found.rows[0];
  return row === undefined ? undefined : { row, joiner: row.joiner, absent: row.absent };
}

async function seat(trx: Trx, place: string, joiner: NewJoiner): Promise<void> {
  await sql`
    update holdfast.joiners set replica = ${joiner.replica}, session = ${joiner.session}, request_id = ${joiner.requestId}
    where id = ${place}`.execute(trx);
}

async function pendingOf(trx: Trx, grant: string): Promise<number> {
  const found = await sql<{ count: number }>`
    select count(*)::int as count from holdfast.approvals
    where grant_name = ${grant} and state = 'pending' and expires_at > clock_timestamp()`.execute(trx);
  return Number(found.rows[0]!.count);
}

/** The last attempt that reached the server, if nobody knows how it ended. */
async function lastUnknown(trx: Trx, prints: readonly string[]): Promise<string | null> {
  const found = await sql<{ id: string; state: State }>`
    select id, state from holdfast.approvals
    where fingerprint = any(${prints}::text[]) and state in ('unknown', 'succeeded', 'failed')
    order by created_at desc limit 1`.execute(trx);
  const last = found.rows[0];
  return last?.state === 'unknown' ? last.id : null;
}

async function insertApproval(trx: Trx, { approval, request }: NewApproval, unknown: string | null): Promise<void> {
  await trx
    .insertInto('holdfast.approvals')
    .values({
      id: approval.id,
      state: 'pending',
      revision: 1,
      server: approval.server,
      tool: approval.tool,
      grant_name: approval.grant,
      owner: approval.owner,
      self_approval: approval.selfApproval,
      fingerprint: approval.fingerprint,
      requirement: JSON.stringify(approval.requirement),
      arguments: JSON.stringify(approval.arguments),
      trace: JSON.stringify(approval.trace),
      stated_reason: approval.statedReason,
      previous_unknown: unknown,
      policy_digest: approval.policyDigest,
      request,
      created_at: approval.createdAt,
      expires_at: approval.expiresAt,
      pickup_until: approval.pickupUntil,
      lease_until: approval.leaseUntil,
      note: approval.note,
      updated_at: approval.createdAt,
    })
    .execute();
}

async function insertJoiner(trx: Trx, approval: string, joiner: NewJoiner, at: Date): Promise<void> {
  await trx
    .insertInto('holdfast.joiners')
    .values({
      id: joiner.id,
      approval_id: approval,
      session: joiner.session,
      request_id: joiner.requestId,
      replica: joiner.replica,
      joined_at: at,
    })
    .execute();
}

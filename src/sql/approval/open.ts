import { type Kysely, sql, type Transaction } from 'kysely';
import type { State } from '../../domain/approval/approval.ts';
import { withLaterReason } from '../../domain/call/stated-reason.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { GrantRoom, NewApproval, NewJoiner, Opened, Seals } from '../../ports.ts';
import { writeRows } from '../connection/not-taken.ts';
import { writeEvents } from '../log/events.ts';
import { APPROVAL, APPROVAL_GLANCE, type ApprovalRow, approvalOf, type GlanceRow } from '../table/approval-row.ts';
import { reasonsText } from '../table/sealed-rows.ts';
import type { Tables } from '../table/tables.ts';
import { lastSent, liveOf, owedOf, textArray } from './earlier-like.ts';
import { insertApproval, insertKey, newShown } from './insert.ts';
import type { KnownLoads } from './known-loads.ts';
import { Unasked, waitForLeg } from './legs.ts';
import { lockGrant } from './open-group.ts';
import { absentFor } from './presence.ts';
import { refuseJoiner, takeRoom } from './room.ts';
import { takeNewSeat, takeSeat } from './seats.ts';

type Trx = Transaction<Tables>;

/**
 * Opens, joins or hands over. Openers of one grant queue at an advisory lock, so that ten identical calls at once are
 * one approval and the grant's `room` is exact; the unique index on live fingerprints stands behind it.
 *
 * | newest approval of this fingerprint | the caller |
 * |---|---|
 * | pending, approved, dispatched | joins, in the seat of an absent caller if there is one |
 * | none, but the same call without what this one answers is dispatched | joins that one |
 * | over, or taken back, with an absent caller, and its result or reason still kept | gets what that caller is owed |
 * | over, and its caller's process, which may be dead, is handing it the answer | waits until that is done or the process has been silent too long |
 * | none, and the call is a leg whose server no longer waits for it | opens nothing |
 * | anything else, or none | opens a new one, which says so when the last outcome is unknown |
 */
export async function openApproval(
  db: Kysely<Tables>,
  seals: Seals,
  request: NewApproval,
  joiner: NewJoiner,
  room: GrantRoom,
  event: NewEvent,
  loads: KnownLoads,
): Promise<Opened> {
  const { id, grant, fingerprint, createdAt } = request.approval;
  const fingerprints = [fingerprint, ...request.olderFingerprints];
  const opening = db.transaction().execute(async (trx): Promise<Opened> => {
    await lockGrant(trx, grant);
    const rounds = request.rounds ?? [];
    const live = await lockLive(trx, fingerprints, rounds);
    if (live) return join(trx, seals, live, joiner, event, room, request.approval.statedReason);
    const owed = await owedTo(trx, fingerprints, joiner.replica);
    if (owed?.absent === false && !joiner.impatient) return { kind: 'settling' };
    if (owed?.absent) {
      await takeSeat(trx, owed.joiner, joiner);
      await writeEvents(trx, seals, [joinedEvent(event, owed.row.id, true)]);
      return { kind: 'owed', approval: approvalOf(seals, owed.row), joiner: owed.joiner };
    }
    const taken = await takeRoom(trx, request, room, loads);
    if (taken.kind !== 'room') return taken;
    await waitForLeg(trx, request);
    const unknown = await lastUnknown(trx, [...fingerprints, ...rounds]);
    const shown = await newShown(seals, request);
    await insertApproval(seals, request, shown, unknown).execute(trx);
    await insertKey(trx, seals, request);
    await takeNewSeat(trx, id, joiner, createdAt);
    await writeEvents(trx, seals, [event]);
    return { kind: 'opened', approval: approvalOf(seals, await read(trx, id)), joiner: joiner.id, nth: taken.nth };
  });
  return opening.catch((error) => {
    if (error instanceof Unasked) return { kind: 'unasked' } as const;
    throw error;
  });
}

/**
 * The live approval of this call, locked before it is read: a commit that is under way is waited for, so that nobody
 * joins what has just ended.
 */
async function lockLive(
  trx: Trx,
  fingerprints: readonly string[],
  rounds: readonly string[],
): Promise<ApprovalRow | null> {
  const locked = await sql<{ id: string }>`${liveOf(textArray(fingerprints), textArray(rounds))} for update`.execute(
    trx,
  );
  const id = locked.rows[0]?.id;
  return id === undefined ? null : read(trx, id);
}

async function read(trx: Trx, id: string): Promise<ApprovalRow> {
  const found = await sql<ApprovalRow>`select ${APPROVAL} from holdfast.approvals a where a.id = ${id}`.execute(trx);
  return found.rows[0]!;
}

/** `again`: the caller was here before, and is not counted twice. */
function joinedEvent(event: NewEvent, approval: string, again: boolean): NewEvent {
  const { fingerprint = null, policy = null, rule = null, statedReason = null } = event.data;
  return { ...event, type: 'approval.joined', approval, data: { again, fingerprint, policy, rule, statedReason } };
}

/** Takes an absent caller's seat, so that a call repeated after a time-out is not counted twice; else a new one. */
async function join(
  trx: Trx,
  seals: Seals,
  live: ApprovalRow,
  joiner: NewJoiner,
  event: NewEvent,
  room: GrantRoom,
  reason: string | null,
): Promise<Opened> {
  const absent = await absentCaller(trx, live.id, joiner.replica);
  const again = absent !== null;
  const refusal = again ? null : await refuseJoiner(trx, live.id, live.grant_name, room);
  if (refusal !== null) return refusal;
  if (again) await takeSeat(trx, absent.id, joiner);
  else await takeNewSeat(trx, live.id, joiner, event.at);
  const later = live.state === 'pending' ? withLaterReason(approvalOf(seals, live), reason) : null;
  const changed = !again || absent.gave_up || later !== null;
  let row = live;
  if (changed) {
    const reasons = later === null ? sql`later_reasons` : sql`${JSON.stringify(later)}::jsonb`;
    const update = sql`
      update holdfast.approvals
      set revision = revision + 1, updated_at = ${event.at}, later_reasons = ${reasons}
        ${later === null ? sql`` : sql`, reasons_seal = ${seals.seal('reasons', reasonsText(live.id, later))}`}
      where id = ${live.id}`;
    await writeRows(trx, 'approvals', 1, update);
    row = { ...live, ...(await readJoined(trx, live.id)) };
  }
  await writeEvents(trx, seals, [joinedEvent(event, live.id, again)]);
  return { kind: 'joined', approval: approvalOf(seals, row), joiner: absent?.id ?? joiner.id };
}

/** What a join changes of the locked row, and with its callers. The call, which may be megabytes, is not read again. */
async function readJoined(trx: Trx, id: string): Promise<GlanceRow> {
  const found = await sql<GlanceRow>`
    select ${APPROVAL_GLANCE} from holdfast.approvals a where a.id = ${id}`.execute(trx);
  return found.rows[0]!;
}

/** `gave_up`: its card says so, and must not any more. */
async function absentCaller(
  trx: Trx,
  approval: string,
  asking: string,
): Promise<{ readonly id: string; readonly gave_up: boolean } | null> {
  const found = await sql<{ id: string; gave_up: boolean }>`
    select j.id, j.gave_up_at is not null as gave_up from holdfast.joiners j
    where j.approval_id = ${approval} and j.collected_at is null and j.left_at is null and ${absentFor(asking)}
    order by j.joined_at limit 1 for update`.execute(trx);
  return found.rows[0] ?? null;
}

interface Owed {
  readonly row: ApprovalRow;
  readonly joiner: string;
  /** False: its process may still be handing it the answer. */
  readonly absent: boolean;
}

async function owedTo(trx: Trx, fingerprints: readonly string[], asking: string): Promise<Owed | undefined> {
  const found = await sql<ApprovalRow & { joiner: string; absent: boolean }>`
    select ${APPROVAL}, j.id as joiner, ${absentFor(asking)} as absent ${owedOf(textArray(fingerprints))}
    order by absent desc, a.created_at desc, j.joined_at limit 1`.execute(trx);
  const row = found.rows[0];
  return row === undefined ? undefined : { row, joiner: row.joiner, absent: row.absent };
}

/** The last approval of this call that reached the server, if nobody knows how it ended. */
async function lastUnknown(trx: Trx, fingerprints: readonly string[]): Promise<string | null> {
  const found = await sql<{ id: string; state: State }>`${lastSent(textArray(fingerprints))}`.execute(trx);
  const last = found.rows[0];
  return last?.state === 'unknown' ? last.id : null;
}

import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { GrantRoom, NewApproval, NewJoiner, Opened, Seals } from '../../ports.ts';
import { THEN_COMMIT, WITH_THE_NEXT } from '../connection/joined-statements.ts';
import { tookAll } from '../connection/not-taken.ts';
import { eventRow, insertEvents, LOGGED, type LoggedPart, rememberLogged } from '../log/events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Db, Tables } from '../table/tables.ts';
import { insertApproval, newShownNow } from './insert.ts';
import { insertOpening, judgeLoad, type OpeningLoad, openingLoad } from './room.ts';
import { insertJoiner } from './seats.ts';

/** A longer call is written in steps, between which others get their turns. In bytes. */
const LONG = 64 * 1024;

/** What the statement writes one row of, if it opens anything. */
const WRITTEN = [
  ['openings', 'opening'],
  ['approvals', 'opened'],
  ['joiners', 'seated'],
  ['events', 'logged'],
] as const;

function countOf(part: string): RawBuilder<unknown> {
  return sql`select count(*) from ${sql.raw(part)}`;
}

/** Openers of one grant queue here, until their transactions end. */
export async function lockGrant(trx: Db, grant: string): Promise<void> {
  await sql`${WITH_THE_NEXT} select pg_advisory_xact_lock(hashtextextended(${`grant ${grant}`}, 0))`.execute(trx);
}

/** What stands in the way of opening a new approval at once: rows about earlier calls, by the fingerprints of this one. */
export interface EarlierCalls {
  readonly live: RawBuilder<unknown>;
  readonly owed: RawBuilder<unknown>;
  readonly unknown: RawBuilder<unknown>;
}

/**
 * Opens the approval of a call that nobody made before, or refuses it for want of room, in one statement after the
 * grant's lock: most calls are such ones. Returns null, and has changed nothing, where there was an earlier call like it,
 * or it is long, or answers a server's question: then `openApproval` looks closer.
 */
export async function openNew(
  db: Kysely<Tables>,
  seals: Seals,
  request: NewApproval,
  joiner: NewJoiner,
  room: GrantRoom,
  event: NewEvent,
  earlier: EarlierCalls,
): Promise<Opened | null> {
  const { id, grant, createdAt, answersTo } = request.approval;
  if (answersTo !== null || request.leg !== undefined || (request.rounds ?? []).length > 0) return null;
  if (request.request.byteLength > LONG) return null;
  const rows = [eventRow(seals, event)];
  const found = await db.transaction().execute(async (trx) => {
    await lockGrant(trx, grant);
    return sql<OpeningLoad & LoggedPart & { earlier: boolean } & (ApprovalRow | { id: null })>`${THEN_COMMIT}
      with load as (${openingLoad(request, room)}),
        known as (select exists (${earlier.live}) or exists (${earlier.owed}) or exists (${earlier.unknown}) as earlier),
        clear as (select 1 as one from load, known where "hasRoom" and not earlier),
        opening as (${insertOpening(request, sql`clear`)} returning 1),
        opened as (${insertApproval(seals, request, newShownNow(seals, request), null, sql`clear`)} returning *),
        seated as (${insertJoiner(id, joiner, createdAt, sql`opened`)} returning 1),
        logged as (${insertEvents(rows, sql`opened`)} returning n)
      select ${LOGGED}, l.pending, l.kept, l.wait, l.nth, l.now, k.earlier, ${APPROVAL},
        ${sql.join(WRITTEN.map(([table, part]) => tookAll(table, countOf(part), countOf('clear'))))}
      from load l cross join known k left join opened a on true`.execute(trx);
  });
  const row = found.rows[0]!;
  rememberLogged(db, rows, row);
  if (row.earlier) return null;
  const judged = judgeLoad(request, room, row);
  if (judged.kind !== 'room') return judged;
  if (row.id === null) throw new Error('there was room for a call that was not opened');
  // The statement does not see the seat that it makes.
  const approval = approvalOf(seals, { ...row, callers: 1 });
  return { kind: 'opened', approval, joiner: joiner.id, nth: judged.nth };
}

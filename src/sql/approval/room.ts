import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import {
  CALLERS_PER_PENDING,
  MOST_CALLERS,
  MOST_JOINS_A_MINUTE,
  OPENING_WINDOWS,
  type OpeningRate,
} from '../../domain/approval/openings.ts';
import type { FullLimit } from '../../domain/policy/limit.ts';
import type { GrantRoom, NewApproval, NoOpening } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { tookAll } from '../connection/not-taken.ts';
import type { Tables } from '../table/tables.ts';

type Trx = Transaction<Tables>;

/** The name of the setting that bounds how often a grant asks, as agents and the log read it. */
const OPENINGS = 'approval.openings';

/** What a grant has open, as `openingLoad` finds it. */
export interface OpeningLoad {
  readonly pending: number;
  readonly kept: string;
  readonly wait: string | null;
  readonly now: Date;
  readonly nth: number;
}

/**
 * Columns of `OpeningLoad`, as one row; with `hasRoom`, for all of the calls that `fresh` counts, with their bytes, in its
 * one row.
 */
export function openingLoad(grant: string, room: GrantRoom): RawBuilder<unknown> {
  const { openings } = room;
  const calls = sql`(select calls from fresh)`;
  return sql`
    select pending, kept::text as kept, wait::text as wait, nth, clock_timestamp() as now,
      pending + ${calls} <= ${mostPending(room)}::int and kept + (select bytes from fresh) <= ${room.keptBytes}::bigint
        and ${calls} <= ${openings.max}::int and wait is null as "hasRoom"
    from (select (
          select count(*)::int from holdfast.approvals
          where grant_name = ${grant} and state = 'pending' and expires_at > clock_timestamp()) as pending,
        ${keptFor(grant)} as kept,
        ${waitFor(grant, 'approval', openings, calls)} as wait,
        (select count(*)::int from holdfast.openings
          where grant_name = ${grant} and kind = 'approval' and at > clock_timestamp() - interval '1 minute') as nth) l`;
}

function mostPending({ maxPending, closed = false }: GrantRoom): number {
  return closed ? 0 : maxPending;
}

/**
 * Whether the grant has room for one more approval; if so, the opening is counted. One statement, under the grant's
 * advisory lock, by the database's clock: a refused call counts for nothing. Bytes are read from the rows' headers,
 * never the bytes themselves. `nth`: how many the grant has opened in the last minute, with this one.
 */
export async function takeRoom(
  trx: Trx,
  request: NewApproval,
  room: GrantRoom,
): Promise<NoOpening | { readonly kind: 'room'; readonly nth: number }> {
  const { id, grant } = request.approval;
  const found = await sql<OpeningLoad>`
    with fresh as (select 1 as calls, ${request.request.byteLength}::bigint as bytes),
      load as (${openingLoad(grant, room)}),
      opened as (
        insert into holdfast.openings (id, grant_name, kind)
        select ${id}::text, ${grant}::text, 'approval' from load where "hasRoom" returning 1)
    select l.*, ${tookAll('openings', sql`select count(*) from opened`, sql`select count(*) from load where "hasRoom"`)}
    from load l`.execute(trx);
  return judgeLoad(request, room, found.rows[0]!);
}

/** What `hasRoom` says, with why. */
export function judgeLoad(
  { approval: { grant }, request: { byteLength: asked } }: NewApproval,
  room: GrantRoom,
  { pending, kept, wait, nth, now }: OpeningLoad,
): NoOpening | { readonly kind: 'room'; readonly nth: number } {
  const { openings, keptBytes } = room;
  if (pending >= mostPending(room)) return { kind: 'crowded', pending };
  if (Number(kept) + asked > keptBytes) return { kind: 'heavy', kept: Number(kept), asked, most: keptBytes };
  if (wait !== null)
    return { kind: 'paced', full: fullRate(OPENINGS, grant, openings, { seconds: Number(wait), now }) };
  return { kind: 'room', nth: nth + 1 };
}

/** Bytes of requests and results that are kept for a grant, its tasks' included. */
function keptFor(grant: string): RawBuilder<unknown> {
  return sql`(
    (select coalesce(sum(coalesce(octet_length(request), 0) + coalesce(octet_length(result), 0)), 0)
      from holdfast.approvals where grant_name = ${grant} and (request is not null or result is not null))
    + (select coalesce(sum(octet_length(request) + coalesce(octet_length(kept), 0)), 0)
      from holdfast.tasks where grant_name = ${grant}))`;
}

/** Seconds until the grant may open as many `more`; null: it may now. The newest `max` openings tell. */
export function waitFor(
  grant: string,
  kind: 'approval' | 'session',
  { max, per }: OpeningRate,
  more: RawBuilder<unknown> = sql`1`,
): RawBuilder<unknown> {
  const window = sql.raw(`interval '${OPENING_WINDOWS[per]} seconds'`);
  return sql`(
    select extract(epoch from at + ${window} - clock_timestamp()) from holdfast.openings
    where grant_name = ${grant} and kind = ${sql.lit(kind)} and at > clock_timestamp() - ${window}
    order by at desc offset greatest(0, ${max}::int - ${more}) limit 1)`;
}

/** How long until the next opening is possible, and what time it is to the database. */
export interface OpeningWait {
  readonly seconds: number;
  readonly now: Date;
}

/** A rate of openings that is used up, as a full limit. */
export function fullRate(counter: string, grant: string, { max, per }: OpeningRate, wait: OpeningWait): FullLimit {
  const take = {
    server: '*',
    counter,
    scope: 'grant',
    scopeValue: grant,
    window: { calendar: per },
    max: String(max),
    by: '1',
  } as const;
  const retryAfter = Math.max(1, Math.ceil(wait.seconds));
  return { take, resetsAt: new Date(wait.now.getTime() + retryAfter * 1_000), retryAfter };
}

/** Whether one more caller may sit down at this approval; null: it may. Under the approval's row lock. */
export async function refuseJoiner(
  trx: Trx,
  approval: string,
  grant: string,
  { maxPending, keptBytes }: Pick<GrantRoom, 'keptBytes' | 'maxPending'>,
): Promise<NoOpening | null> {
  const found = await sql<{ callers: number; recent: number; of_grant: number; kept: string }>`
    select count(*) filter (where collected_at is null and left_at is null)::int as callers,
      count(*) filter (where joined_at > clock_timestamp() - interval '1 minute')::int as recent,
      (select count(*)::int from holdfast.approvals a join holdfast.joiners g on g.approval_id = a.id
        where a.grant_name = ${grant} and a.request is not null and g.collected_at is null and g.left_at is null)
        as of_grant,
      ${keptFor(grant)}::text as kept
    from holdfast.joiners
    where approval_id = ${approval}
      and (joined_at > clock_timestamp() - interval '1 minute' or (collected_at is null and left_at is null))`.execute(
    trx,
  );
  const { callers, recent, of_grant: ofGrant, kept } = found.rows[0]!;
  if (callers >= MOST_CALLERS) return { kind: 'overjoined', of: 'approval', most: MOST_CALLERS };
  if (recent >= MOST_JOINS_A_MINUTE) return { kind: 'overjoined', of: 'minute', most: MOST_JOINS_A_MINUTE };
  const mostOfGrant = maxPending * CALLERS_PER_PENDING;
  if (ofGrant >= mostOfGrant) return { kind: 'overjoined', of: 'grant', most: mostOfGrant };
  return Number(kept) > keptBytes ? { kind: 'heavy', kept: Number(kept), asked: null, most: keptBytes } : null;
}

/** How many of the approvals that the grant opened in the last minute its agent has taken back. */
export async function takenBack(db: Kysely<Tables>, grant: string): Promise<number> {
  const found = await sql<{ count: number }>`${KEPT_PLAN}
    select count(*)::int as count from holdfast.openings o join holdfast.approvals a on a.id = o.id
    where o.grant_name = ${grant} and o.kind = 'approval' and o.at > clock_timestamp() - interval '1 minute'
      and a.state = 'withdrawn'`.execute(db);
  return found.rows[0]!.count;
}

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
import { readByIndex } from '../connection/by-index.ts';
import { tookAll } from '../connection/not-taken.ts';
import type { Tables } from '../table/tables.ts';
import type { CountedLoad, KnownLoads } from './known-loads.ts';

type Trx = Transaction<Tables>;

/** The name of the setting that bounds how often a grant asks, as agents and the log read it. */
const OPENINGS = 'approval.openings';

/** What a grant has open, as `openingLoad` finds it. */
export interface OpeningLoad {
  /** At most so many, where it was not `counted`. */
  readonly pending: number;
  readonly kept: string;
  readonly wait: string | null;
  readonly now: Date;
  readonly nth: number;
  /** Of the last opening before this statement. */
  readonly seq: string;
  readonly total: string;
  readonly requests: string;
  /** All that the grant has pending was counted. */
  readonly counted: boolean;
}

/**
 * Columns of `OpeningLoad`, as one row; with `hasRoom`, for all of the calls that `fresh` counts, with their bytes, in its
 * one row. What is parked is counted only where what was `known`, with all that was opened since, leaves room in doubt: so
 * whoever is refused is refused by a count. Under the grant's lock, so that no opening comes in between.
 */
export function openingLoad(grant: string, room: GrantRoom, known: CountedLoad | null): RawBuilder<unknown> {
  const { openings } = room;
  const calls = sql`(select calls from fresh)`;
  const bytes = sql`(select bytes from fresh)`;
  return sql`
    select pending, (requests + beside)::text as kept, wait::text as wait, nth, clock_timestamp() as now,
      seq, total, requests, not enough as counted,
      pending + ${calls} <= ${mostPending(room)}::int and requests + beside + ${bytes} <= ${room.keptBytes}::bigint
        and ${calls} <= ${openings.max}::int and wait is null as "hasRoom"
    from (
      select l.*, case when enough then "mostPending" else ${pendingOf(grant)} end as pending,
        case when enough then "mostRequests" else ${requestsOf(grant)} end as requests,
        ${waitFor(grant, openings, calls)} as wait, ${openedLately(grant)} as nth
      from (
        select m.*, coalesce(m.seq >= "knownSeq" and m.total >= "knownTotal"
          and "mostPending" + ${calls} <= ${mostPending(room)}::int
          and "mostRequests" + beside + ${bytes} <= ${room.keptBytes}::bigint, false) as enough
        from (
          select s.*, ${besideOf(grant)} as beside, k.seq as "knownSeq", k.total as "knownTotal",
            k.pending + (s.seq - k.seq) as "mostPending", k.requests + (s.total - k.total) as "mostRequests"
          from (${lastOpening(grant)}) s cross join (select ${known?.seq ?? null}::bigint as seq,
            ${known?.total ?? null}::bigint as total, ${known?.pending ?? null}::bigint as pending,
            ${known?.requests ?? null}::bigint as requests) k
          offset 0) m
        offset 0) l
      offset 0) s`;
}

/** The number of the grant's last opening and the bytes asked for up to it. One that has none begins with the time. */
function lastOpening(grant: string): RawBuilder<unknown> {
  return sql`
    select coalesce(o.seq, floor(extract(epoch from clock_timestamp()) * 1000000)::bigint) as seq, coalesce(o.total, 0) as total
    from (select 1) one left join (select seq, total from holdfast.openings
      where grant_name = ${grant} and seq is not null order by seq desc limit 1) o on true offset 0`;
}

function pendingOf(grant: string): RawBuilder<unknown> {
  return sql`(select count(*) from holdfast.approvals
    where grant_name = ${grant} and state = 'pending' and expires_at > clock_timestamp())`;
}

/** How many the grant has opened in the last minute: of a stretch of numbers, its first and its last. */
function openedLately(grant: string): RawBuilder<unknown> {
  return sql`coalesce((l.seq - (select seq from holdfast.openings
    where grant_name = ${grant} and kind = 'approval' and at > clock_timestamp() - interval '1 minute'
    order by at limit 1) + 1)::int, 0)`;
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
  loads: KnownLoads | null = null,
): Promise<NoOpening | { readonly kind: 'room'; readonly nth: number }> {
  const { id, grant } = request.approval;
  const found = await sql<OpeningLoad>`
    with fresh as (select 1 as calls, ${request.request.byteLength}::bigint as bytes),
      load as (${openingLoad(grant, room, loads?.find(grant) ?? null)}),
      opened as (
        insert into holdfast.openings (id, grant_name, kind, seq, total)
        select ${id}::text, ${grant}::text, 'approval', seq + 1, total + (select bytes from fresh)
        from load where "hasRoom" returning 1)
    select l.*, ${tookAll('openings', sql`select count(*) from opened`, sql`select count(*) from load where "hasRoom"`)}
    from load l`.execute(trx);
  const load = readLoad(found.rows[0]!);
  if (load.counted) loads?.counted(grant, load);
  return judgeLoad(request, room, load);
}

/** Numbers that a driver may hand over as texts. */
export function readLoad<Row extends OpeningLoad>(row: Row): Row {
  return {
    ...row,
    pending: Number(row.pending),
    seq: String(row.seq),
    total: String(row.total),
    requests: String(row.requests),
  };
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
  return sql`(${requestsOf(grant)} + ${besideOf(grant)})`;
}

function requestsOf(grant: string): RawBuilder<unknown> {
  return sql`(select coalesce(sum(octet_length(request)), 0)::bigint
    from holdfast.approvals where grant_name = ${grant} and request is not null)`;
}

/** The same without the requests of its approvals. Results are found in words of their index (0089), which holds nothing of what is parked. */
function besideOf(grant: string): RawBuilder<unknown> {
  return sql`((select coalesce(sum(octet_length(result)), 0)::bigint
      from holdfast.approvals where grant_name || '' = ${grant} and result is not null)
    + (select coalesce(sum(octet_length(request) + coalesce(octet_length(kept), 0)), 0)::bigint
      from holdfast.tasks where grant_name = ${grant}))`;
}

/** Seconds until the grant may open as many `more` approvals; null: it may now. `l.seq` is the number of its last opening. */
function waitFor(grant: string, { max, per }: OpeningRate, more: RawBuilder<unknown>): RawBuilder<unknown> {
  const window = sql.raw(`interval '${OPENING_WINDOWS[per]} seconds'`);
  return sql`(
    select case when at > clock_timestamp() - ${window} then extract(epoch from at + ${window} - clock_timestamp()) end
    from holdfast.openings
    where grant_name = ${grant} and seq is not null and seq <= l.seq - greatest(0, ${max}::int - ${more})
    order by seq desc limit 1)`;
}

/** The same for one more session. The newest `max` openings tell. */
export function sessionWait(grant: string, { max, per }: OpeningRate): RawBuilder<unknown> {
  const window = sql.raw(`interval '${OPENING_WINDOWS[per]} seconds'`);
  return sql`(
    select extract(epoch from at + ${window} - clock_timestamp()) from holdfast.openings
    where grant_name = ${grant} and kind = 'session' and at > clock_timestamp() - ${window}
    order by at desc offset ${max - 1}::int limit 1)`;
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

/** Of those that a grant took back, the newest that are looked through: more than its cards and its channel ask for. */
const MOST_TAKEN_BACK = 200;

/** How many of the approvals that the grant opened in the last minute its agent has taken back; 200 at most. */
export async function takenBack(db: Kysely<Tables>, grant: string): Promise<number> {
  const found = await readByIndex(
    db,
    sql<{ count: number }>`
    select count(*)::int as count from (select id from holdfast.approvals
      where grant_name = ${grant} and state = 'withdrawn' order by id desc limit ${sql.lit(MOST_TAKEN_BACK)}) a
    where exists (select 1 from holdfast.openings o
      where o.id = a.id and o.kind = 'approval' and o.at > clock_timestamp() - interval '1 minute')`,
  );
  return found.rows[0]!.count;
}

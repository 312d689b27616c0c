import { type Kysely, sql } from 'kysely';
import type { EventType } from '../../domain/log/event.ts';
import type { Tally } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

const VERDICTS = [
  'call.allowed',
  'call.denied',
  'call.limited',
  'approval.requested',
  'call.would_deny',
  'call.would_ask',
] as const;
const REFUSALS = ['approval.refused', 'call.refused', 'access.refused', 'admin.refused', 'policy.rejected'] as const;
/** Open counters that are returned: those with the highest counts. */
const MOST_COUNTERS = 500;

/** What happened in a span of time, counted by SQL. */
export async function tally(db: Kysely<Tables>, from: Date, to: Date, slotMs: number): Promise<Tally> {
  const [calls, waits, wait, approvers, refusals, counters] = await Promise.all([
    callsBySlot(db, from, to, slotMs),
    waitsBySlot(db, from, to, slotMs),
    waitOverall(db, from, to),
    decisionsByApprover(db, from, to),
    refusalsByReason(db, from, to),
    openCounters(db),
  ]);
  return { calls, waits, wait, approvers, refusals, counters };
}

async function callsBySlot(db: Kysely<Tables>, from: Date, to: Date, slotMs: number): Promise<Tally['calls']> {
  const found = await sql<{ slot: number; type: EventType; count: number }>`
    select floor(extract(epoch from at) * 1000 / ${slotMs}::float8)::float8 as slot, type, count(*)::int as count
    from holdfast.events where at >= ${from} and at < ${to} and type = any(${VERDICTS}::text[])
    group by 1, 2`.execute(db);
  return found.rows;
}

/** Approvals that somebody decided on, with the time from the request to the last decision. */
const WAITED = sql`
  select a.created_at, extract(epoch from d.at - a.created_at)::float8 * 1000 as ms
  from holdfast.approvals a
  cross join lateral (select max(at) as at from holdfast.decisions where approval_id = a.id and allowance is null) d
  where a.state <> 'pending' and d.at is not null`;

async function waitsBySlot(db: Kysely<Tables>, from: Date, to: Date, slotMs: number): Promise<Tally['waits']> {
  const found = await sql<{ slot: number; count: number; p50: number; p95: number }>`
    select floor(extract(epoch from created_at) * 1000 / ${slotMs}::float8)::float8 as slot, count(*)::int as count,
      percentile_cont(0.5) within group (order by ms) as p50, percentile_cont(0.95) within group (order by ms) as p95
    from (${WAITED} and a.created_at >= ${from} and a.created_at < ${to}) w group by 1 order by 1`.execute(db);
  return found.rows;
}

async function waitOverall(db: Kysely<Tables>, from: Date, to: Date): Promise<Tally['wait']> {
  const found = await sql<{ count: number; p50: number | null; p95: number | null }>`
    select count(*)::int as count, percentile_cont(0.5) within group (order by ms) as p50,
      percentile_cont(0.95) within group (order by ms) as p95
    from (${WAITED} and a.created_at >= ${from} and a.created_at < ${to}) w`.execute(db);
  const { count, p50, p95 } = found.rows[0]!;
  return count === 0 || p50 === null || p95 === null ? null : { count, p50, p95 };
}

async function decisionsByApprover(db: Kysely<Tables>, from: Date, to: Date): Promise<Tally['approvers']> {
  const found = await sql<{ approver: string; approved: number; denied: number }>`
    select approver, count(*) filter (where choice = 'approve')::int as approved,
      count(*) filter (where choice = 'deny')::int as denied
    from holdfast.decisions where at >= ${from} and at < ${to} and allowance is null
    group by approver order by count(*) desc, approver limit 20`.execute(db);
  return found.rows;
}

async function refusalsByReason(db: Kysely<Tables>, from: Date, to: Date): Promise<Tally['refusals']> {
  const found = await sql<{ type: EventType; reason: string | null; count: number }>`
    select type, left(body::json -> 'data' ->> 'reason', 200) as reason, count(*)::int as count
    from holdfast.events where at >= ${from} and at < ${to} and type = any(${REFUSALS}::text[])
    group by 1, 2 order by count(*) desc limit 20`.execute(db);
  return found.rows.map((row) => ({ ...row, reason: row.reason ?? '' }));
}

async function openCounters(db: Kysely<Tables>): Promise<Tally['counters']> {
  const found = await sql<{ key: string; used: string; window_end: Date }>`
    select key, used::text as used, window_end from holdfast.counters
    where window_end > clock_timestamp() order by used desc, key limit ${MOST_COUNTERS}`.execute(db);
  return found.rows.map((row) => ({ key: row.key, used: row.used, endsAt: row.window_end }));
}

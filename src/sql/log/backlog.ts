import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Backlog } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

/** The chain's last place and the last checkpoint's, as of one instant; 0: none. */
export async function chainEnds(db: Kysely<Tables>): Promise<{ readonly head: number; readonly checkpoint: number }> {
  const found = await sql<{ head: string; checkpoint: string }>`
    select coalesce((select max(seq) from holdfast.events), 0) as head,
      coalesce((select max(seq) from holdfast.checkpoints), 0) as checkpoint`.execute(db);
  return { head: Number(found.rows[0]!.head), checkpoint: Number(found.rows[0]!.checkpoint) };
}

/** What waits, for operators' gauges. `prefix`: how seals by the newest secret begin; null: nobody asks who sealed what. */
export async function readBacklog(db: Kysely<Tables>, prefix: string | null): Promise<Backlog> {
  const found = await sql<{ [name in keyof Backlog]: string | number }>`
    select
      (select count(*) from holdfast.approvals where state = 'pending') as pending,
      (select count(*) from holdfast.approvals where state = 'approved') as approved,
      (select count(*) from holdfast.approvals where state = 'dispatched') as dispatched,
      coalesce((select max(seq) from holdfast.events), 0) as head,
      coalesce((select max(seq) from holdfast.checkpoints), 0) as covered,
      (select count(*) from holdfast.events where seq is null) as unsealed,
      ${ageOf(sql`select at from holdfast.events where seq is null order by n limit 1`)} as "unsealedAge",
      (select count(*) from holdfast.approvals where shown < revision) as "staleCards",
      ${ageOf(sql`select updated_at from holdfast.approvals where shown < revision order by id limit 1`)}
        as "staleCardAge",
      ${ageOf(sql`select min(created_at) from holdfast.approvals where state = 'pending'`)} as "pendingAge",
      ${ageOf(sql`select min(expires_at) from holdfast.approvals
        where state = 'pending' and expires_at <= clock_timestamp()`)} as "overdueAge",
      ${prefix === null ? sql`0` : olderApprovals(prefix)} as "olderApprovals",
      ${prefix === null ? sql`0` : olderEvents(prefix)} as "olderEvents",
      ${prefix === null ? sql`0` : olderKeys(prefix)} as "olderKeys"`.execute(db);
  const numbers = Object.entries(found.rows[0]!).map(([name, value]) => [name, Number(value)]);
  return Object.fromEntries(numbers) as Backlog;
}

/** How many live approvals another secret than the newest has sealed, the approval itself or any vote on it. */
function olderApprovals(prefix: string): RawBuilder<unknown> {
  const older = (seal: string) => sql`left(${sql.ref(seal)}, ${prefix.length}) <> ${prefix}`;
  return sql`(select count(*) from holdfast.approvals a where a.state in ('pending', 'approved', 'dispatched')
    and (${older('a.frozen_seal')} or ${older('a.state_seal')} or ${older('a.reasons_seal')}
      or exists (select 1 from holdfast.decisions d where d.approval_id = a.id and ${older('d.seal')})))`;
}

/** Events without a checkpoint that are looked at: it covers what came before, at most half a minute ago. */
const MOST_UNCOVERED = 100_000;

/**
 * How many events that no checkpoint covers yet another secret than the newest has sealed. In the chain's order and
 * bounded, so that Postgres goes by the index from the checkpoint on and never reads what is covered.
 */
function olderEvents(prefix: string): RawBuilder<unknown> {
  const isOlder = sql`left(seal, ${prefix.length}) <> ${prefix}`;
  return sql`((select count(*) from holdfast.events where seq is null and ${isOlder})
    + (select count(*) from (select seal from holdfast.events
        where seq > coalesce((select max(seq) from holdfast.checkpoints), 0)
        order by seq limit ${MOST_UNCOVERED}) uncovered where ${isOlder}))`;
}

function olderKeys(prefix: string): RawBuilder<unknown> {
  return sql`(select count(*) from holdfast.erasable_keys where secret <> ${prefix})`;
}

/** What waits to be signed or answered under another secret than the one whose seals begin like this. */
export async function sealedByOthers(
  db: Kysely<Tables>,
  prefix: string,
): Promise<{ readonly approvals: number; readonly events: number; readonly keys: number }> {
  const found = await sql<{ approvals: string; events: string; keys: string }>`
    select ${olderApprovals(prefix)} as approvals, ${olderEvents(prefix)} as events, ${olderKeys(prefix)} as keys`.execute(
    db,
  );
  const { approvals, events, keys } = found.rows[0]!;
  return { approvals: Number(approvals), events: Number(events), keys: Number(keys) };
}

/** Seconds since the instant that the query finds; 0 when it finds none. */
function ageOf(instant: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`greatest(0, coalesce(extract(epoch from clock_timestamp() - (${instant})), 0))::float8`;
}

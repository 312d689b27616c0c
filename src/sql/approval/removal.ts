import { type Kysely, sql } from 'kysely';
import { endedUnsent, type State } from '../../domain/approval/approval.ts';
import { firstId } from '../../gateway/id.ts';
import type { RemovalStore, Seals } from '../../ports.ts';
import { writeEvents } from '../log/events.ts';
import type { Tables } from '../table/tables.ts';
import { sentCalls } from './sent-calls.ts';

/** See `RemovalStore.removable`. What a gateway did not write stays, for whoever finds out about it. */
export async function removableApprovals(
  db: Kysely<Tables>,
  seals: Seals,
  after: string,
  before: Date,
  limit: number,
): ReturnType<RemovalStore['removable']> {
  for (let from = after; ; ) {
    const ids = await oldEnough(db, from, before, limit);
    const calls = await sentCalls(db, seals, ids);
    const own = new Set(calls.filter(({ believed, state }) => believed && isOver(state)).map(({ id }) => id));
    const kept = ids.filter((id) => own.has(id));
    // Those that no gateway left so keep none after them from its turn.
    if (kept.length > 0 || ids.length < limit) return kept;
    from = ids.at(-1)!;
  }
}

async function oldEnough(db: Kysely<Tables>, after: string, before: Date, limit: number): Promise<readonly string[]> {
  // By the primary key, which ends at what is too young: an id begins with the time at which it was made.
  const found = await sql<{ id: string }>`
    select a.id from holdfast.approvals a
    where a.id > ${after} and a.id < ${firstId('ap', before)}
      and a.state in ('denied', 'expired', 'withdrawn', 'lapsed', 'succeeded', 'failed')
      and greatest(a.updated_at, a.expires_at, a.pickup_until, a.result_until, a.lease_until) < ${before}
    order by a.id limit ${limit}`.execute(db);
  return found.rows.map(({ id }) => id);
}

function isOver(state: State): boolean {
  return endedUnsent(state) || state === 'succeeded' || state === 'failed';
}

/** See `RemovalStore.remove`. */
export async function removeApprovals(
  db: Kysely<Tables>,
  seals: Seals,
  ids: readonly string[],
  before: Date,
  event: Parameters<RemovalStore['remove']>[2],
): ReturnType<RemovalStore['remove']> {
  return db.transaction().execute(async (trx) => {
    const found = await sql<{ removed: string[] }>`
      select holdfast.remove_approvals(${[...ids]}::text[], ${before}::timestamptz) as removed`.execute(trx);
    const { removed } = found.rows[0]!;
    if (removed.length > 0) await writeEvents(trx, seals, [event(removed)]);
    return removed;
  });
}

/** With what deleted rows took, until the database fills that again. */
export async function approvalOctets(db: Kysely<Tables>): Promise<number> {
  const found = await sql<{ octets: string }>`
    select sum(pg_total_relation_size(('holdfast.' || t)::regclass)) as octets from unnest(array[
      'approvals', 'decisions', 'joiners', 'cards', 'card_contents', 'tasks', 'continuations', 'questions', 'asked_requests']) as t`.execute(
    db,
  );
  return Number(found.rows[0]!.octets);
}

import { type Kysely, sql } from 'kysely';
import type { State } from '../../domain/approval/approval.ts';
import type { ApprovalStanding } from '../../ports.ts';
import type { Tables } from '../table/tables.ts';

/** Approvals that one statement asks for. */
const AT_ONCE = 5_000;

/** Ended approvals that one read finds. */
const MOST_ENDED = 5_000;

/** Those that ended unsent while they could still be decided, or their passes spent; the latest first. */
export async function endedEarly(db: Kysely<Tables>, now: Date): Promise<string[]> {
  const found = await sql<{ id: string }>`
    select id from holdfast.approvals
    where state in ('denied', 'expired', 'withdrawn', 'lapsed') and greatest(expires_at, pickup_until) > ${now}
    order by id desc limit ${MOST_ENDED}`.execute(db);
  return found.rows.map(({ id }) => id);
}

/** How these approvals stand; those that are not there are missing. */
export async function standings(db: Kysely<Tables>, ids: readonly string[]): Promise<ApprovalStanding[]> {
  const all: ApprovalStanding[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const found = await sql<{ id: string; state: State; revision: number; state_revision: number }>`
      select id, state, revision, state_revision from holdfast.approvals
      where id = any(${ids.slice(from, from + AT_ONCE)}::text[])`.execute(db);
    for (const { id, state, revision, state_revision } of found.rows) {
      all.push({ id, state, revision, stateRevision: state_revision });
    }
  }
  return all;
}

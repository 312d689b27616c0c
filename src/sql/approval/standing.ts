import { type Kysely, type Selectable, sql } from 'kysely';
import type { State } from '../../domain/approval/approval.ts';
import type { Acceptance, ApprovalStanding, Seals } from '../../ports.ts';
import { writtenTo } from '../log/written.ts';
import type { AcceptanceTable } from '../table/log-tables.ts';
import type { Db, Tables } from '../table/tables.ts';

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

/** The last time that an operator accepted this log's store; null: never. Rows that no gateway wrote do not count. */
export async function lastAcceptance(db: Db, seals: Seals, log: string): Promise<Acceptance | null> {
  const found = await sql<Selectable<AcceptanceTable>>`
    select number, log, at, head, last_event, seal from holdfast.acceptances
    where log = ${log} order by number desc limit 20`.execute(db);
  const row = found.rows.find((one) => seals.fits('epoch', acceptanceText(one), one.seal));
  if (row === undefined) return null;
  seals.mayLackUntil(Number(row.head));
  writtenTo(db).accepted(Number(row.number));
  return { number: Number(row.number), log, head: Number(row.head), lastEvent: Number(row.last_event) };
}

/** What the seal of an acceptance covers. */
export function acceptanceText(row: Omit<Selectable<AcceptanceTable>, 'seal'>): string {
  const { number, log, at, head, last_event } = row;
  return JSON.stringify(['accepted', Number(number), log, at.getTime(), Number(head), Number(last_event)]);
}

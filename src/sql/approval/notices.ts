import { type Kysely, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';

/**
 * Pending approvals that are due a reminder or an escalation. Due as `domain/approval/reminder.ts` says, which has
 * the last word.
 */
export async function unremindedApprovals(
  db: Kysely<Tables>,
  seals: Seals,
  now: Date,
  limit: number,
): Promise<Approval[]> {
  const found = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a
    where a.state = 'pending' and a.expires_at > ${now} and (
      (a.reminded_at is null and ${now}::timestamptz >= a.created_at + coalesce(
        (a.requirement->>'remindMs')::float8 * interval '1 millisecond', (a.expires_at - a.created_at) / 2))
      or (a.escalated_at is null and ${now}::timestamptz >= a.created_at
        + (a.requirement->'escalate'->>'afterMs')::float8 * interval '1 millisecond'))
    order by a.id limit ${limit}`.execute(db);
  return found.rows.map((row) => approvalOf(seals, row));
}

/** Attempts at a notice that nobody seems to have. */
const MOST_CLAIMS = 5;

/** Milliseconds by which a statement's two looks at the clock may differ. */
const SPARE_MS = 1_000;

/**
 * Whether the caller may send this notice: true for one caller within `ms`. Of two that ask at once one gets true. A claim
 * that would last longer than one made now keeps nobody quiet: the clock was set back since. Who finds it claimed writes nothing,
 * however often it asks.
 */
export async function claimNotice(db: Kysely<Tables>, notice: string, ms: number): Promise<boolean> {
  const after = (most: number) => sql`clock_timestamp() + make_interval(secs => ${most / 1_000}::double precision)`;
  for (let attempt = 1; ; attempt += 1) {
    const claimed = await sql`
      insert into holdfast.notices as n (notice, until) select ${notice}::text, ${after(ms)}
      where not exists (select 1 from holdfast.notices h where h.notice = ${notice}
        and h.until > clock_timestamp() and h.until <= ${after(ms + SPARE_MS)})
      on conflict (notice) do update set until = excluded.until
        where n.until <= clock_timestamp() or n.until > ${after(ms + SPARE_MS)}
      returning 1`.execute(db);
    if (claimed.rows.length > 0) return true;
    const other = await sql`select 1 from holdfast.notices where notice = ${notice}`.execute(db);
    if (other.rows.length > 0) return false;
    // It may have been given back in between.
    if (attempt >= MOST_CLAIMS) requireTaken('notices', 0, 1);
  }
}

export async function releaseNotice(db: Kysely<Tables>, notice: string): Promise<void> {
  await sql`delete from holdfast.notices where notice = ${notice}`.execute(db);
}

import { type Kysely, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Seals } from '../../ports.ts';
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

/** Milliseconds by which a statement's two looks at the clock may differ. */
const SPARE_MS = 1_000;

/**
 * Whether the caller may send this notice: true for one caller within `ms`. Of two that ask at once one gets true. A claim
 * that would last longer than one made now keeps nobody quiet: the clock was set back since.
 */
export async function claimNotice(db: Kysely<Tables>, notice: string, ms: number): Promise<boolean> {
  const until = sql`clock_timestamp() + make_interval(secs => ${ms / 1_000}::double precision)`;
  const claimed = await sql`
    insert into holdfast.notices as n (notice, until) values (${notice}, ${until})
    on conflict (notice) do update set until = excluded.until
      where n.until <= clock_timestamp() or n.until > clock_timestamp() + make_interval(secs => ${(ms + SPARE_MS) / 1_000}::double precision)
    returning 1`.execute(db);
  return claimed.rows.length > 0;
}

export async function releaseNotice(db: Kysely<Tables>, notice: string): Promise<void> {
  await sql`delete from holdfast.notices where notice = ${notice}`.execute(db);
}

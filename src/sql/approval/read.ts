import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Approval, ApprovalGlance, State } from '../../domain/approval/approval.ts';
import type { ApprovalFilter, Page, Seals, Store } from '../../ports.ts';
import { breathe } from '../../time/breathe.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import { BESIDE_TO_TELL, TOLD_LATELY } from '../allowances.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { BYTES_PER_PAGE } from '../log/portion.ts';
import {
  APPROVAL,
  APPROVAL_GLANCE,
  type ApprovalRow,
  approvalOf,
  type GlanceRow,
  glanceOf,
  stateTerms,
} from '../table/approval-row.ts';
import { stateText } from '../table/sealed-rows.ts';
import type { Tables } from '../table/tables.ts';
import { CARD_ROW, type CardRow, type CardTrust, judgedCard, lastEventSeal } from './card-row.ts';
import { hasDied } from './presence.ts';

export async function findApproval(db: Kysely<Tables>, seals: Seals, id: string): Promise<Approval | null> {
  const found = await sql<ApprovalRow>`${KEPT_PLAN}
    select ${APPROVAL} from holdfast.approvals a where a.id = ${id}`.execute(db);
  return found.rows[0] ? approvalOf(seals, found.rows[0]) : null;
}

/** What a click is judged on, in one round trip where the card's row is the last one. */
export async function lookAtApproval(db: Kysely<Tables>, trust: CardTrust, id: string): ReturnType<Store['look']> {
  const found = await sql<LookedRow>`${KEPT_PLAN}
    select ${LOOKED} from holdfast.approvals a left join holdfast.cards c on c.approval_id = a.id
    where a.id = ${id}`.execute(db);
  return found.rows[0] === undefined ? null : lookedOf(db, trust, found.rows[0]);
}

/** An approval's row with that of its card, as `LOOKED` selects them. */
export type LookedRow = ApprovalRow & { readonly [Column in keyof CardRow as `card_${Column}`]: CardRow[Column] } & {
  readonly last: string | null;
};

/** The columns of a `LookedRow`, of an approval `a` and its card `c`. */
export const LOOKED: RawBuilder<unknown> = sql`${APPROVAL},
  c.approval_id as card_approval_id, c.channel as card_channel, c.ts as card_ts, c.revision as card_revision,
  c.digest as card_digest, c.posted_at as card_posted_at, c.told_freeze as card_told_freeze, c.refused as card_refused,
  c.event_seal as card_event_seal, c.seal as card_seal, ${lastEventSeal(sql`a.id`)} as last`;

/** Reads nothing more where the card's row is the last one. */
export async function lookedOf(
  db: Kysely<Tables>,
  trust: CardTrust,
  row: LookedRow,
): Promise<NonNullable<Awaited<ReturnType<Store['look']>>>> {
  const card: CardRow = {
    approval_id: row.card_approval_id,
    channel: row.card_channel,
    ts: row.card_ts,
    revision: row.card_revision,
    digest: row.card_digest,
    posted_at: row.card_posted_at,
    told_freeze: row.card_told_freeze,
    refused: row.card_refused,
    event_seal: row.card_event_seal,
    seal: row.card_seal,
  };
  const known = await judgedCard(db, trust, row.id, card.approval_id === null ? null : card, row.last);
  return { approval: approvalOf(trust.seals, row), card: known.record };
}

/** Newest first, paged by id: ids sort by time. */
export async function listApprovals(db: Kysely<Tables>, seals: Seals, filter: ApprovalFilter): Promise<Page<Approval>> {
  const { owned } = filter;
  const inStates = filter.states ? sql`a.state = any(${filter.states}::text[])` : sql`true`;
  const states =
    owned === undefined
      ? inStates
      : sql`${inStates} and (a.owner = any(${owned.ids}::text[]) or split_part(a.grant_name, '/', 1) = any(${owned.grants}::text[]))`;
  const after = filter.after === undefined ? sql`true` : sql`a.id < ${filter.after}`;
  const sizes = await sql<{ id: string; kept: number }>`
    select a.id, pg_column_size(a.arguments) + pg_column_size(a.sent) as kept from holdfast.approvals a where ${states} and ${after}
    order by a.id desc limit ${filter.limit + 1}`.execute(db);
  const { items, looked } = await byteBoundedApprovals(db, seals, sizes.rows.slice(0, filter.limit), states);
  return { items, next: sizes.rows.length > looked ? (sizes.rows[looked - 1]?.id ?? null) : null };
}

/** The newest in these states, without what is shown of their calls. */
export async function glanceApprovals(
  db: Kysely<Tables>,
  seals: Seals,
  filter: { states: readonly State[]; limit: number },
): Promise<readonly ApprovalGlance[]> {
  const found = await sql<GlanceRow>`
    select ${APPROVAL_GLANCE} from holdfast.approvals a where a.state = any(${filter.states}::text[])
    order by a.id desc limit ${filter.limit}`.execute(db);
  return found.rows.map((row) => glanceOf(seals, row));
}

/**
 * Reads these approvals, as far as the bytes of a page allow and at least one. `looked`: how many of the rows it came to; one that no longer meets the
 * condition is not among the items.
 */
export async function byteBoundedApprovals(
  db: Kysely<Tables>,
  seals: Seals,
  rows: readonly { readonly id: string; readonly kept: number }[],
  condition: RawBuilder<unknown>,
): Promise<{ readonly items: readonly Approval[]; readonly looked: number }> {
  const items: Approval[] = [];
  let bytes = 0;
  let looked = 0;
  while (looked < rows.length && bytes < BYTES_PER_PAGE) {
    const ids = firstNotTooHeavy(rows.slice(looked));
    const found = await sql<ApprovalRow & { bytes: number }>`
      select ${APPROVAL}, octet_length(a.arguments::text) + octet_length(a.sent::text) as bytes from holdfast.approvals a
      where a.id = any(${ids}::text[]) and ${condition} order by a.id desc`.execute(db);
    items.push(...(await mapInTurns(found.rows, (row) => approvalOf(seals, row))));
    for (const row of found.rows) bytes += Number(row.bytes);
    looked += ids.length;
  }
  return { items, looked };
}

/** Postgres' compression makes a text at most this many times shorter. */
export const BEST_COMPRESSION = 90;
/** Bytes of the longest arguments, with what is sent besides them: they come in one body. */
export const LONGEST_ARGUMENTS = 5_000_000;

/** As many of the first rows as are certainly not too heavy to be read at once, but at least one. */
function firstNotTooHeavy(rows: readonly { readonly id: string; readonly kept: number }[]): string[] {
  const ids: string[] = [];
  let bytesAtMost = 0;
  for (const { id, kept } of rows) {
    bytesAtMost += Math.min(LONGEST_ARGUMENTS, Number(kept) * BEST_COMPRESSION);
    if (ids.length >= 1 && bytesAtMost > BYTES_PER_PAGE) break;
    ids.push(id);
  }
  return ids;
}

/** Of these approvals, those whose revision is another: one query for all calls that a replica holds. */
export async function changedApprovals(
  db: Kysely<Tables>,
  seals: Seals,
  held: ReadonlyMap<string, number>,
): Promise<Approval[]> {
  if (held.size === 0) return [];
  const found = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a
    join unnest(${[...held.keys()]}::text[], ${[...held.values()]}::int[]) as h(id, revision) on h.id = a.id
    where a.revision <> h.revision`.execute(db);
  return found.rows.map((row) => approvalOf(seals, row));
}

/** What was left behind by time or by a lost message. */
export async function overdueWork(
  db: Kysely<Tables>,
  trust: CardTrust,
  now: Date,
  limit: number,
): ReturnType<Store['overdue']> {
  const read = (row: ApprovalRow) => approvalOf(trust.seals, row);
  const late = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a
    where (a.state = 'pending' and a.expires_at <= ${now})
       or (a.state = 'approved' and a.pickup_until <= ${now})
       or (a.state = 'dispatched' and a.lease_until <= ${now})
    order by a.id limit ${limit}`.execute(db);
  // Another process may be withdrawing them: that gets 3 s. A counter-proposal waits for its caller from the start.
  const abandoned = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a
    where a.state in ('pending', 'approved') and a.updated_at < clock_timestamp() - interval '3 seconds'
      and not exists (select 1 from holdfast.joiners j
        where j.approval_id = a.id and j.collected_at is null and j.left_at is null)
      and (a.counter_of is null or exists (select 1 from holdfast.joiners j where j.approval_id = a.id))
    order by a.id limit ${limit}`.execute(db);
  const revoked = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a
    where a.state in ('pending', 'approved') and exists (
      select 1 from holdfast.revocations r where r.grant_name = split_part(a.grant_name, '/', 1) and r.at >= a.created_at)
    order by a.id limit ${limit}`.execute(db);
  const parked = await sql<{ id: string; expires_at: Date }>`
    select id, expires_at from holdfast.approvals where state = 'pending' and expires_at > ${now}
    order by id`.execute(db);
  const moot = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a
    where a.answers_to is not null and a.state in ('pending', 'approved') and not exists (
      select 1 from holdfast.approvals p where p.id = a.answers_to and p.state = 'dispatched'
        and case when a.asked->>'kind' = 'request'
          then exists (select 1 from holdfast.asked_requests q
            where q.n = (a.asked->>'n')::bigint and q.answered_at is null)
          else p.awaits = 'input' and p.questions = (a.asked->>'n')::int end)
    order by a.id limit ${limit}`.execute(db);
  // An answer to a request lives in the process that holds its POST; a task's answers live in the store.
  const orphaned = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a
    where a.answers_to is not null and a.state in ('pending', 'approved') and a.asked->>'kind' = 'request'
      and exists (select 1 from holdfast.joiners j where j.approval_id = a.id and j.left_at is null
        and j.collected_at is null)
      and not exists (select 1 from holdfast.joiners j where j.approval_id = a.id and j.left_at is null
        and j.collected_at is null and (j.replica is null or j.replica = 'task' or not ${hasDied(sql`j.replica`)}))
    order by a.id limit ${limit}`.execute(db);
  // Grants take turns, so that one that has many does not keep another's card from being found.
  const stale = await sql<{ id: string }>`
    select id from (
      select id, row_number() over (partition by grant_name order by id) as turn
      from (
        (select id, grant_name from holdfast.approvals where shown < revision order by id limit ${limit * 10})
        union
        (select a.id, a.grant_name from holdfast.approvals a join holdfast.cards c on c.approval_id = a.id
          where a.state in ('pending', 'approved') and c.ts is not null and c.told_freeze is distinct from ${BESIDE_TO_TELL}
          order by a.id limit ${limit * 10})
        union
        (select a.id, a.grant_name from holdfast.approvals a join holdfast.cards c on c.approval_id = a.id
          where a.id in (${TOLD_LATELY}) and c.ts is not null and c.told_freeze is distinct from ${BESIDE_TO_TELL}
          order by a.id limit ${limit * 10})
        union
        (select id, grant_name from holdfast.approvals where id = any(${await doubtfulCards(db, trust)}::text[]))
      ) s
    ) s order by turn, id limit ${limit}`.execute(db);
  return {
    late: late.rows.map(read),
    abandoned: abandoned.rows.map(read),
    revoked: revoked.rows.map(read),
    parked: parked.rows.map((row) => ({ id: row.id, expiresAt: row.expires_at })),
    moot: moot.rows.map(read),
    orphaned: orphaned.rows.map(read),
    stale: stale.rows.map((row) => row.id),
  };
}

/**
 * Live approvals whose card's row no gateway wrote, or that is missing or shows an earlier revision whatever `shown` says:
 * people may see nothing of them, or not what is true.
 */
async function doubtfulCards(db: Kysely<Tables>, { tables }: CardTrust): Promise<string[]> {
  const found = await sql<CardRow & { id: string; now: number }>`${KEPT_PLAN}
    select a.id, a.revision as now, ${CARD_ROW}
    from holdfast.approvals a left join holdfast.cards c on c.approval_id = a.id
    where a.state in ('pending', 'approved', 'dispatched') order by a.id`.execute(db);
  const doubtful: string[] = [];
  for (const [index, { id, now, ...row }] of found.rows.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await breathe();
    if (row.approval_id === null || row.revision < now || !tables.believes('cards', row)) doubtful.push(id);
  }
  return doubtful;
}

/** The sealed request or result; null where none is kept. */
export async function sealedBytes(
  db: Kysely<Tables>,
  id: string,
  column: 'request' | 'result',
): Promise<Uint8Array | null> {
  const found = await db.selectFrom('holdfast.approvals').select(column).where('id', '=', id).executeTakeFirst();
  return found?.[column] ?? null;
}

/** Deletes kept results whose time is over, and old counters, parts of them and openings by `over`. Returns how many results. */
export async function forgetResults(db: Kysely<Tables>, now: Date, over: Date): Promise<number> {
  const deleted = await sql`
    update holdfast.approvals set result = null where result is not null and result_until <= ${now}`.execute(db);
  await sql`delete from holdfast.openings where at < ${over}::timestamptz - interval '1 hour'`.execute(db);
  await sql`delete from holdfast.counters where window_end < ${over}::timestamptz - interval '1 hour'`.execute(db);
  await sql`delete from holdfast.quota_parts where until < ${over}::timestamptz - interval '1 hour'`.execute(db);
  return Number(deleted.numAffectedRows ?? 0);
}

/** Rows that are checked before others have a turn: about a millisecond's work. */
const AT_ONCE = 250;

/** Live approvals whose state does not fit its seal. */
export async function doubtfulApprovals(db: Kysely<Tables>, seals: Seals, limit: number): Promise<string[]> {
  const doubtful: string[] = [];
  const found = await sql<StateRow>`${KEPT_PLAN}
    select id, state, state_revision, pickup_until, awaits, questions, state_seal from holdfast.approvals
    where state in ('pending', 'approved', 'dispatched') order by id`.execute(db);
  for (const [index, row] of found.rows.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await breathe();
    const text = stateText(row.id, row.state, row.state_revision, stateTerms(row));
    // What a retired secret sealed runs nothing, and is no sign of a forger.
    if (seals.maker(row.state_seal) === 'retired') continue;
    if (!seals.fits('state', text, row.state_seal)) doubtful.push(row.id);
    if (doubtful.length >= limit) break;
  }
  return doubtful;
}

type StateRow = Pick<
  ApprovalRow,
  'awaits' | 'id' | 'pickup_until' | 'questions' | 'state' | 'state_revision' | 'state_seal'
>;

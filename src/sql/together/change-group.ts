import { type Kysely, type RawBuilder, sql } from 'kysely';
import { isOver, mayFollow } from '../../domain/approval/approval.ts';
import type { Change, Committed, Seals } from '../../ports.ts';
import type { GatheredEnd } from '../../time/gathered.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import { isAsWritten, type Move, stateSeal } from '../approval/commit.ts';
import { EVENT_COLUMNS } from '../approval/opening-row.ts';
import { tookAll } from '../connection/not-taken.ts';
import { eventRow, rememberLogged } from '../log/events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';
import { FITS } from './what-fits.ts';

/** What a plain change says; whatever else a change may have needs more than its own row. */
const PLAIN: ReadonlySet<string> = new Set(['id', 'revision', 'from', 'to', 'patch', 'events', 'promised']);
const PLAIN_PATCH: ReadonlySet<string> = new Set(['note', 'resultUntil', 'remindedAt', 'escalatedAt']);

/**
 * Whether a change only says that a question or a pass ended by itself (its time was over, nobody waits, its grant was
 * revoked), or that approvers were reminded of it. Of what is under way each end is committed by itself: its lease may be
 * renewed meanwhile.
 */
export function isPlainChange(change: Change): boolean {
  const { from, to, patch = {} } = change;
  const ends = (from === 'pending' || from === 'approved') && mayFollow(from, to) && PLAIN_ENDS.has(to);
  const reminds = from === 'pending' && to === 'pending';
  return (ends || reminds) && hasOnly(change, PLAIN) && hasOnly(patch, PLAIN_PATCH);
}

const PLAIN_ENDS: ReadonlySet<string> = new Set(['expired', 'withdrawn', 'lapsed']);

function hasOnly(value: object, members: ReadonlySet<string>): boolean {
  return Object.entries(value).every(([name, member]) => member === undefined || members.has(name));
}

/** What one change brings. */
const COLUMNS = [
  ['id', 'text'],
  ['from_state', 'text'],
  ['revision', 'int'],
  ['to_state', 'text'],
  ['next', 'int'],
  ['seal', 'text'],
  ['is_over', 'boolean'],
  ['sets_note', 'boolean'],
  ['note', 'text'],
  ['sets_result_until', 'boolean'],
  ['result_until', 'timestamptz'],
  ['reminded_at', 'timestamptz'],
  ['escalated_at', 'timestamptz'],
  ['events', 'json'],
] as const;

const of = (columns: readonly (readonly [string, string])[]) => sql.raw(columns.map((one) => one.join(' ')).join(', '));
const names = (columns: readonly (readonly [string, string])[]) => sql.raw(columns.map(([name]) => name).join(', '));

type GroupRow = {
  readonly tried: boolean;
  readonly logged: readonly (number | string)[] | null;
  readonly xid: string;
} & (ApprovalRow | { readonly id: null });

/**
 * Commits plain changes of different approvals in one statement, each as if it were alone: one whose row is another by now
 * conflicts, and the others are made. The rows are locked in the order of their ids, as everywhere. Of calls that are long
 * as many as may be read at once, the short ones and at least the first; null: not this one.
 */
export async function commitGroup(
  db: Kysely<Tables>,
  seals: Seals,
  changes: readonly Change[],
): Promise<readonly (GatheredEnd<Committed> | null)[]> {
  const group = changes.map((change) => rowOfChange(seals, { ...change, next: change.revision + 1 }));
  const found = await sql<GroupRow>`
    with asked as materialized (
      select * from rows from (json_to_recordset(${JSON.stringify(group.map(({ row }) => row))}::json) as (${of(COLUMNS)}))
        with ordinality as r(${names(COLUMNS)}, nth)
    ), ${FITS}, locked as materialized (
      select a.id from holdfast.approvals a join fits f on f.id = a.id
      where a.state = f.from_state and a.revision = f.revision
      order by a.id for update of a
    ), moved as (
      update holdfast.approvals a set state = f.to_state, revision = f.next, updated_at = clock_timestamp(),
        state_revision = case when f.seal is null then a.state_revision else f.next end,
        state_seal = coalesce(f.seal, a.state_seal),
        note = case when f.sets_note then f.note else a.note end,
        result_until = case when f.sets_result_until then f.result_until else a.result_until end,
        reminded_at = coalesce(f.reminded_at, a.reminded_at),
        escalated_at = coalesce(f.escalated_at, a.escalated_at),
        request = case when f.is_over then null else a.request end
      from fits f join locked l on l.id = f.id
      where a.id = f.id and a.state = f.from_state and a.revision = f.revision
      returning a.*, f.nth
    ), told as materialized (
      select m.nth, e.* from moved m join fits f on f.nth = m.nth
      cross join lateral rows from (json_to_recordset(f.events) as (${of(EVENT_COLUMNS)}))
        with ordinality as e(${names(EVENT_COLUMNS)}, place)
    ), logged as (
      insert into holdfast.events (${names(EVENT_COLUMNS)})
      select ${names(EVENT_COLUMNS)} from told order by nth, place returning n
    )
    select f.nth is not null as tried, ${APPROVAL}, ${onFirst(sql`(select json_agg(w.n order by w.n) from logged w)`)} as logged,
      pg_current_xact_id()::text as xid,
      ${tookAll('events', sql`select count(*) from logged`, sql`select count(*) from told`)} as took
    from asked c left join fits f on f.nth = c.nth left join moved a on a.nth = c.nth order by c.nth`.execute(db);
  const moved = found.rows.map((row) => (row.id === null ? null : row));
  rememberLogged(
    db,
    group.flatMap(({ events }, at) => (moved[at] === null ? [] : events)),
    found.rows[0]!,
  );
  return mapInTurns([...group.entries()], ([at, one]): GatheredEnd<Committed> | null => {
    const row = moved[at] ?? null;
    if (row === null) return found.rows[at]!.tried ? { answer: { kind: 'conflict' } } : null;
    try {
      return { answer: readMoved(seals, one, row) };
    } catch (fault) {
      // Somebody wrote into its row what cannot be read: that is no reason to tell the others nothing.
      return { fault };
    }
  });
}

function readMoved(seals: Seals, { change, seal }: ReturnType<typeof rowOfChange>, row: ApprovalRow): Committed {
  const approval = approvalOf(seals, row);
  if (!isAsWritten(change, seal, row, approval)) return { kind: 'altered' };
  return { kind: 'committed', approval, taken: [] };
}

/** All rows have it in common. */
function onFirst(value: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case when c.nth = 1 then ${value} end`;
}

function rowOfChange(seals: Seals, change: Move) {
  const { id, from, to, revision, next, patch = {} } = change;
  const seal = stateSeal(seals, change);
  const events = change.events.map((event) => eventRow(seals, event));
  const row = {
    ...{ id, from_state: from, revision, to_state: to, next, seal, is_over: isOver(to) },
    ...{ sets_note: patch.note !== undefined, note: patch.note },
    ...{ sets_result_until: patch.resultUntil !== undefined, result_until: patch.resultUntil },
    ...{ reminded_at: patch.remindedAt, escalated_at: patch.escalatedAt },
    events,
  };
  return { change, seal, events, row };
}

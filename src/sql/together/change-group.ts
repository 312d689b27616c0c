import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Committed, Seals } from '../../ports.ts';
import type { GatheredEnd } from '../../time/gathered.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import { isAsWritten, type Move, votesOfChange } from '../approval/commit.ts';
import { hasNotEnded, wasNeverSent } from '../approval/history.ts';
import { EVENT_COLUMNS } from '../approval/opening-row.ts';
import { ALONE } from '../connection/gathered-statements.ts';
import { tookAll } from '../connection/not-taken.ts';
import { rememberLogged } from '../log/events.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import { unlessOfRow } from '../sets/believed-freezes.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';
import { CHANGE_COLUMNS, type ChangeRow, changeRow, VOTE_COLUMNS } from './change-row.ts';
import { FITS } from './what-fits.ts';

const of = (columns: readonly (readonly [string, string])[]) => sql.raw(columns.map((one) => one.join(' ')).join(', '));
const names = (columns: readonly (readonly [string, string])[]) => sql.raw(columns.map(([name]) => name).join(', '));
const VOTE_FIELDS = sql.raw(VOTE_COLUMNS.map(([name]) => `v.${name}`).join(', '));

/** A column of the patch, where it has it. */
function patched(
  column: string,
  type: string,
  value = sql.raw(`(f.patch->>'${column}')::${type}`),
): RawBuilder<unknown> {
  return sql`${sql.raw(column)} = case when ${sql.raw(`f.patch ? '${column}'`)} then ${value} else ${sql.raw(`a.${column}`)} end`;
}

const PATCHED = sql.join([
  patched('pickup_until', 'timestamptz'),
  patched('lease_until', 'timestamptz'),
  patched('dispatcher', 'text'),
  patched('awaits', 'text'),
  patched('questions', 'int'),
  patched('reminded_at', 'timestamptz'),
  patched('escalated_at', 'timestamptz'),
  patched('note', 'text'),
  patched('result', 'bytea', sql`decode(f.patch->>'result', 'hex')`),
  patched('result_until', 'timestamptz'),
]);

/**
 * What must hold of a row `a` where its change `f` asks it, as `move` asks it of one alone; each stands in the statement where a change
 * of the group does ask it. A person who has voted already would make the whole statement fail.
 */
const CONDITIONS: readonly (readonly [asks: (row: ChangeRow['row']) => boolean, holds: RawBuilder<unknown>])[] = [
  [
    ({ believed }) => believed !== undefined,
    sql`(f.believed is null or coalesce(a.frozen_seal, '') || ' ' || coalesce(a.state_seal, '') = f.believed)`,
  ],
  [
    ({ joiner }) => joiner !== undefined,
    sql`(f.joiner is null or exists (select 1 from holdfast.joiners j where j.id = f.joiner and j.left_at is null
      and j.gave_up_at is null))`,
  ],
  [
    (row) => 'token' in row,
    sql`(f.token is null or not exists (select 1 from holdfast.revocations r where r.token_sha256 in (f.token, f.token_mark)))`,
  ],
  [(row) => 'looks' in row, sql`(f.looks is null or (${unlessOfRow}))`],
  [
    (row) => 'card' in row,
    sql`(f.card is null or exists (select 1 from holdfast.cards c where c.approval_id = f.id
      and c.channel = f.card->>'channel' and c.ts is not distinct from f.card->>'ts'
      and c.revision = (f.card->>'revision')::int and c.digest = f.card->>'digest'))`,
  ],
  [(row) => row.ends_dispatch !== undefined, sql`(f.ends_dispatch is null or a.dispatcher = f.ends_dispatch)`],
  [({ never_sent }) => never_sent, sql`(not f.never_sent or ${wasNeverSent(sql`f.id`)})`],
  [({ not_ended }) => not_ended, sql`(not f.not_ended or ${hasNotEnded(sql`f.id`)})`],
  [
    (row) => 'vote' in row,
    sql`(f.approver is null or not exists (select 1 from holdfast.decisions d
      where d.approval_id = f.id and d.approver = f.approver))`,
  ],
];

/** Whether the row of a change that was not made is another by now. */
const MOVED_ON = sql`(a.id is null and not exists (
  select 1 from holdfast.approvals o where o.id = c.id and o.state = c.from_state and o.revision = c.revision))`;

type GroupRow = {
  readonly tried: boolean;
  readonly moved_on: boolean;
  readonly logged: readonly (number | string)[] | null;
  readonly xid: string;
} & (ApprovalRow | { readonly id: null });

/**
 * Commits changes of different approvals in one statement, each as if it were alone: one whose row is another by now
 * conflicts, and the others are made. What is locked by somebody else, or not as its change asks, is left to be tried by
 * itself, so that nobody waits for it. Of calls that are long as many as may be read at once, the short ones and at least the
 * first; null: not this one.
 */
export async function commitGroup(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Pick<Beliefs, 'freezes'>,
  moves: readonly Move[],
): Promise<readonly (GatheredEnd<Committed | typeof ALONE> | null)[]> {
  const group = moves.map((move) => changeRow(seals, beliefs, move));
  const holds = CONDITIONS.flatMap(([asks, it]) => (group.some(({ row }) => asks(row)) ? [sql` and ${it}`] : []));
  const found = await sql<GroupRow>`
    with asked as materialized (
      select * from rows from (json_to_recordset(${JSON.stringify(group.map(({ row }) => row))}::json) as (${of(CHANGE_COLUMNS)}))
        with ordinality as r(${names(CHANGE_COLUMNS)}, nth) limit ${sql.lit(group.length)}
    ), ${FITS}, locked as materialized (
      select a.id from holdfast.approvals a join fits f on f.id = a.id
      where a.state = f.from_state and a.revision = f.revision
      order by a.id for update of a skip locked
    ), moved as (
      update holdfast.approvals a set state = f.to_state, revision = f.next, updated_at = clock_timestamp(),
        state_revision = case when f.seal is null then a.state_revision else f.next end,
        state_seal = coalesce(f.seal, a.state_seal), ${PATCHED},
        request = case when f.is_over then null else a.request end
      from fits f join locked l on l.id = f.id
      where a.id = f.id and a.state = f.from_state and a.revision = f.revision${sql.join(holds, sql``)}
      returning a.*, f.nth
    ), voted as (
      insert into holdfast.decisions (approval_id, ${names(VOTE_COLUMNS)})
      select f.id, ${VOTE_FIELDS} from moved m join fits f on f.nth = m.nth
      cross join lateral json_to_recordset(f.vote) as v(${of(VOTE_COLUMNS)})
      returning 1
    ), told as materialized (
      select m.nth, e.* from moved m join fits f on f.nth = m.nth
      cross join lateral rows from (json_to_recordset(f.events) as (${of(EVENT_COLUMNS)}))
        with ordinality as e(${names(EVENT_COLUMNS)}, place)
    ), logged as (
      insert into holdfast.events (${names(EVENT_COLUMNS)})
      select ${names(EVENT_COLUMNS)} from told order by nth, place returning n
    )
    select f.nth is not null as tried, ${MOVED_ON} as moved_on, ${APPROVAL}, ${onFirst(sql`(select json_agg(w.n order by w.n) from logged w)`)} as logged,
      pg_current_xact_id()::text as xid,
      ${tookAll('events', sql`select count(*) from logged`, sql`select count(*) from told`)} as took,
      ${tookAll('decisions', sql`select count(*) from voted`, sql`select count(*) from moved m join fits v on v.nth = m.nth where v.vote is not null`)} as vote_took
    from asked c left join fits f on f.nth = c.nth left join moved a on a.nth = c.nth order by c.nth`.execute(db);
  const moved = found.rows.map((row) => (row.id === null ? null : row));
  rememberLogged(
    db,
    group.flatMap(({ events }, at) => (moved[at] === null ? [] : events)),
    found.rows[0]!,
  );
  return mapInTurns([...group.entries()], ([at, one]): GatheredEnd<Committed | typeof ALONE> | null => {
    const row = moved[at] ?? null;
    if (row === null) return unmade(one, found.rows[at]!);
    try {
      return { answer: readMoved(seals, one, row) };
    } catch (fault) {
      // Somebody wrote into its row what cannot be read: that is no reason to tell the others nothing.
      return { fault };
    }
  });
}

/** A caller may have left, or something be frozen, which says more than that the row is another. */
function unmade({ move }: ChangeRow, { tried, moved_on }: GroupRow): { answer: Committed | typeof ALONE } | null {
  if (!tried) return null;
  const isPlain = move.joiner === undefined && move.unlessFrozen === undefined;
  return { answer: moved_on && isPlain ? { kind: 'conflict' } : ALONE };
}

function readMoved(seals: Seals, { move, seal }: ChangeRow, row: ApprovalRow): Committed {
  const approval = approvalOf(seals, row, votesOfChange(move));
  if (!isAsWritten(move, seal, row, approval)) return { kind: 'altered' };
  return { kind: 'committed', approval, taken: [] };
}

/** All rows have it in common. */
function onFirst(value: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`case when c.nth = 1 then ${value} end`;
}

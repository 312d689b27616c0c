import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { GrantRoom, NewApproval, NewJoiner, Opened, Seals } from '../../ports.ts';
import { BY_INDEX } from '../connection/by-index.ts';
import { THEN_COMMIT, WITH_THE_NEXT } from '../connection/joined-statements.ts';
import { tookAll } from '../connection/not-taken.ts';
import { LOGGED, type LoggedPart, rememberLogged } from '../log/events.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Db, Tables } from '../table/tables.ts';
import { hasEarlierLike } from './earlier-like.ts';
import type { KnownLoads } from './known-loads.ts';
import { insertFrom, type OpeningRow, openingRows } from './opening-row.ts';
import { judgeLoad, type OpeningLoad, openingLoad, readLoad } from './room.ts';

/** A call that is to be opened with others. */
export interface GroupedOpening {
  readonly request: NewApproval;
  readonly joiner: NewJoiner;
  readonly row: OpeningRow;
}

/** What the statement writes as many rows of as it opens calls. */
const WRITTEN = [
  ['openings', 'opening'],
  ['approvals', 'opened'],
  ['joiners', 'seated'],
  ['events', 'logged'],
] as const;

function countOf(part: string): RawBuilder<unknown> {
  return sql`select count(*) from ${sql.raw(part)}`;
}

/**
 * Openers of one grant queue here, until their transactions end. Plans that they make are for tables that grow, however
 * empty those are by now.
 */
export async function lockGrant(trx: Db, grant: string): Promise<void> {
  await sql`${WITH_THE_NEXT} select pg_advisory_xact_lock(hashtextextended(${`grant ${grant}`}, 0)),
    ${BY_INDEX}`.execute(trx);
}

type GroupRow = OpeningLoad & LoggedPart & { earlier: boolean } & (ApprovalRow | { id: null });

/**
 * Opens those of one grant's calls that nobody made before, if there is room for all of these, in one statement after the
 * grant's lock. Returns what became of each, in their order; null: nothing yet. Either it has an earlier call like it, and
 * `openApproval` looks closer; or there was no room for all of them, and it is tried alone. Where there was no room for it
 * alone either, that is said at once.
 */
export async function openGroup(
  db: Kysely<Tables>,
  seals: Seals,
  group: readonly GroupedOpening[],
  room: GrantRoom,
  loads: KnownLoads,
): Promise<readonly (Opened | null)[]> {
  const { grant } = group[0]!.request.approval;
  const keys = group.some(({ row }) => row.keyed);
  const keyed = keys ? sql`, keyed as (${insertFrom.keys('clear', seals)})` : sql``;
  const tookKeys = tookAll(
    'erasable_keys',
    countOf('keyed'),
    sql`select count(*) from clear where erasable is not null`,
  );
  const found = await db.transaction().execute(async (trx) => {
    await lockGrant(trx, grant);
    return sql<GroupRow>`${THEN_COMMIT}
      with asked as materialized (${openingRows(group.map(({ row }) => row))}),
        known as materialized (select c.nth, c.id, octet_length(c.request) as bytes, ${hasEarlierLike(sql`c.fingerprints`)} as earlier
          from asked c),
        fresh as (select count(*)::int as calls, coalesce(sum(bytes), 0)::bigint as bytes from known where not earlier),
        load as (${openingLoad(grant, room, loads.find(grant))}),
        clear as (select c.* from asked c join known k on k.nth = c.nth and not k.earlier, load where "hasRoom"),
        opening as (${insertFrom.openings('clear')}),
        opened as (${insertFrom.approvals('clear')}),
        seated as (${insertFrom.joiners('clear')}),
        logged as (${insertFrom.events('clear')})${keyed}
      select ${LOGGED}, l.pending, l.kept, l.wait, l.nth, l.now, l.seq, l.total, l.requests, l.counted, k.earlier, ${APPROVAL},
        ${sql.join(WRITTEN.map(([table, part]) => tookAll(table, countOf(part), countOf('clear'))))}${keys ? sql`, ${tookKeys}` : sql``}
      from load l cross join known k left join opened a on a.id = k.id order by k.nth`.execute(trx);
  });
  const rows = found.rows.map(readLoad);
  if (rows[0]!.counted) loads.counted(grant, rows[0]!);
  return readGroup(db, seals, group, room, rows);
}

function readGroup(
  db: Kysely<Tables>,
  seals: Seals,
  group: readonly GroupedOpening[],
  room: GrantRoom,
  rows: readonly GroupRow[],
): readonly (Opened | null)[] {
  const written = group.filter((_, at) => rows[at]!.id !== null);
  rememberLogged(
    db,
    written.map(({ row }) => row),
    rows[0]!,
  );
  let before = 0;
  return rows.map((row, at) => {
    const { request, joiner } = group[at]!;
    if (row.earlier) return null;
    if (row.id !== null) {
      before += 1;
      // The statement does not see the seat that it makes.
      const approval = approvalOf(seals, { ...row, callers: 1 });
      return { kind: 'opened', approval, joiner: joiner.id, nth: row.nth + before };
    }
    const judged = judgeLoad(request, room, row);
    if (group.length === 1) {
      if (judged.kind === 'room') throw new Error('there was room for a call that was not opened');
      return judged;
    }
    // The one count tells each whether there is room for it alone; whether the pace allows it was asked only for all together.
    return judged.kind === 'crowded' || judged.kind === 'heavy' ? judged : null;
  });
}

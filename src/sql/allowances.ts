import { type Kysely, sql } from 'kysely';
import type { Allowances, Denials, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { FREEZE_TO_TELL } from './freezes.ts';
import { writeEvents } from './log/events.ts';
import { type Beliefs, sqlBeliefs } from './sets/beliefs.ts';
import {
  ALLOWANCE_COLUMNS,
  ALLOWANCE_SET,
  type AllowanceRow,
  allowanceOfRow,
  DENIAL_COLUMNS,
  DENIAL_SET,
  type DenialRow,
  denialOfRow,
  endDenialRow,
  updateAllowance,
} from './sets/in-advance-sets.ts';
import { lockSet } from './sets/set-table.ts';
import type { Db, Tables } from './table/tables.ts';

interface ListFilter {
  readonly approval?: string;
  readonly living?: boolean;
  readonly after?: string;
  readonly limit: number;
}

/** The `Allowances` port. */
export function sqlAllowances(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Pick<Beliefs, 'tables' | 'wholeRows'> = sqlBeliefs(db, seals),
): Allowances {
  const believed = (row: AllowanceRow): boolean => beliefs.tables.believes('allowances', row);
  const read = async (on: Db, id: string): Promise<AllowanceRow | null> => {
    const found = await sql<AllowanceRow>`
      select ${ALLOWANCE_COLUMNS} from holdfast.allowances where id = ${id}`.execute(on);
    const row = found.rows[0];
    return row === undefined || !believed(row) ? null : row;
  };
  return guarded<Allowances>({
    living: async () => (await beliefs.wholeRows(ALLOWANCE_SET))?.map(allowanceOfRow) ?? null,
    find: async (id) => {
      const row = await read(db, id);
      return row === null ? null : allowanceOfRow(row);
    },
    waits: async (id) => {
      const found = await sql`
        select 1 from holdfast.decisions d join holdfast.approvals a on a.id = d.approval_id
        where d.allowance = ${id} and a.state = 'approved' limit 1`.execute(db);
      return found.rows.length > 0;
    },
    list: async (filter) => {
      const found = await sql<AllowanceRow>`
        select ${ALLOWANCE_COLUMNS} from holdfast.allowances where ${filterSql(filter)}
        order by id desc limit ${filter.limit + 1}`.execute(db);
      return pageOf(found.rows, filter.limit, believed, allowanceOfRow);
    },
    end: (id, end, event) =>
      db.transaction().execute(async (trx) => {
        await lockSet(trx, ALLOWANCE_SET.name);
        const row = await read(trx, id);
        if (row === null) return { kind: 'not_found' };
        if (row.ended_at !== null) return { kind: 'already', it: allowanceOfRow(row) };
        const next = { ...row, ended_at: end.at, ended_why: end.why, ended_by: end.by };
        await updateAllowance(trx, seals, row, next);
        const it = allowanceOfRow(next);
        await writeEvents(trx, seals, [event(it)]);
        return { kind: 'ended', it };
      }),
  });
}

/** The `Denials` port. */
export function sqlDenials(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Pick<Beliefs, 'tables' | 'wholeRows'> = sqlBeliefs(db, seals),
): Denials {
  const believed = (row: DenialRow): boolean => beliefs.tables.believes('denials', row);
  const read = async (on: Db, id: string): Promise<DenialRow | null> => {
    const found = await sql<DenialRow>`select ${DENIAL_COLUMNS} from holdfast.denials where id = ${id}`.execute(on);
    const row = found.rows[0];
    return row === undefined || !believed(row) ? null : row;
  };
  return guarded<Denials>({
    living: async () => (await beliefs.wholeRows(DENIAL_SET))?.map(denialOfRow) ?? null,
    find: async (id) => {
      const row = await read(db, id);
      return row === null ? null : denialOfRow(row);
    },
    list: async (filter) => {
      const found = await sql<DenialRow>`
        select ${DENIAL_COLUMNS} from holdfast.denials where ${filterSql(filter)}
        order by id desc limit ${filter.limit + 1}`.execute(db);
      return pageOf(found.rows, filter.limit, believed, denialOfRow);
    },
    end: (id, end, event) =>
      db.transaction().execute(async (trx) => {
        await lockSet(trx, DENIAL_SET.name);
        const row = await read(trx, id);
        if (row === null) return { kind: 'not_found' };
        if (row.ended_at !== null) return { kind: 'already', it: denialOfRow(row) };
        const it = denialOfRow(await endDenialRow(trx, seals, row, end));
        await writeEvents(trx, seals, [event(it)]);
        return { kind: 'ended', it };
      }),
  });
}

/** Of an approval `a`, what its card has to tell besides, as `toldBeside` makes it. */
export const BESIDE_TO_TELL = sql`nullif(concat_ws(' ', ${FREEZE_TO_TELL},
  (select l.id || ':' || l.used || ':' || coalesce(l.ended_why, '') from holdfast.allowances l
    where l.approval_id = a.id order by l.id desc limit 1)), '')`;

/** Approvals whose card tells of an allowance that lives, or ended lately. */
export const TOLD_LATELY = sql`select l.approval_id from holdfast.allowances l
  where l.ended_at is null or l.ended_at > now() - interval '1 hour'`;

/** Ids sort by age. */
function filterSql({ approval, living, after }: ListFilter) {
  const parts = [
    ...(approval === undefined ? [] : [sql`approval_id = ${approval}`]),
    ...(living === undefined ? [] : [living ? sql`ended_at is null` : sql`ended_at is not null`]),
    ...(after === undefined ? [] : [sql`id < ${after}`]),
  ];
  return parts.length === 0 ? sql`true` : sql.join(parts, sql` and `);
}

/** Rows that no gateway wrote are left out, and told of. */
function pageOf<R extends { readonly id: string }, T>(
  rows: readonly R[],
  limit: number,
  believed: (row: R) => boolean,
  itOf: (row: R) => T,
): { readonly items: readonly T[]; readonly next: string | null } {
  const page = rows.slice(0, limit);
  return { items: page.filter(believed).map(itOf), next: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
}

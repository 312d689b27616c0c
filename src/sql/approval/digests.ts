import { type Kysely, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import type { OpenedBefore } from '../../domain/approval/burst.ts';
import type { Tables } from '../table/tables.ts';

/** Approvals that are looked through for those of a burst: ids sort by age, so they are neighbours in the index. */
const MOST_LOOKED_AT = 500;
/** The same for the members of a digest: whoever found its leader among those is among these, with whatever came in between since. */
const MOST_BESIDE_LEADER = 2 * MOST_LOOKED_AT;

type Place = Pick<Approval, 'createdAt' | 'id'>;

/** Uses of an allowance have no card, so they are part of no burst. */
export async function openedBefore(
  db: Kysely<Tables>,
  { id, createdAt, grant, server, tool }: Place & Pick<Approval, 'grant' | 'server' | 'tool'>,
  ms: number,
): Promise<OpenedBefore> {
  const found = await sql<OpenedBefore>`
    select count(*) filter (where a.grant_name = ${grant})::int as grant,
      count(*) filter (where a.server = ${server} and a.tool = ${tool})::int as tool
    from (select id, grant_name, server, tool, created_at from holdfast.approvals where id < ${id}
      order by id desc limit ${MOST_LOOKED_AT}) a
    where a.created_at > ${earlier(createdAt, ms)}
      and not exists (select 1 from holdfast.decisions d where d.approval_id = a.id and d.allowance is not null)`.execute(
    db,
  );
  return found.rows[0]!;
}

export async function namedInDigest(db: Kysely<Tables>, { id, createdAt }: Place, ms: number): Promise<string[]> {
  const found = await sql<{ id: string }>`
    select a.id from (select id, created_at from holdfast.approvals where id >= ${id} order by id limit ${MOST_BESIDE_LEADER}) a
      join holdfast.cards c on c.approval_id = a.id
    where a.created_at <= ${earlier(createdAt, -ms)} and starts_with(c.digest, ${`digest:${id}:`}) order by a.id`.execute(
    db,
  );
  return found.rows.map((row) => row.id);
}

export async function digestLeaders(db: Kysely<Tables>, { id, createdAt }: Place, ms: number): Promise<string[]> {
  const found = await sql<{ id: string }>`
    select a.id from (select id, created_at from holdfast.approvals where id < ${id} order by id desc limit ${MOST_LOOKED_AT}) a
      join holdfast.cards c on c.approval_id = a.id
    where a.created_at > ${earlier(createdAt, ms)} and c.ts is not null and starts_with(c.digest, 'digest:' || a.id || ':')
    order by a.id desc`.execute(db);
  return found.rows.map((row) => row.id);
}

function earlier(at: Date, ms: number): Date {
  return new Date(at.getTime() - ms);
}

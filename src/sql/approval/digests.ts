import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import type { BurstKind, OpenedBefore } from '../../domain/approval/burst.ts';
import { readByIndex } from '../connection/by-index.ts';
import type { Tables } from '../table/tables.ts';

/** Approvals that are looked through for those of a burst: ids sort by age, so they are neighbours in the index. */
const MOST_LOOKED_AT = 500;
/** Cards that lead a digest, of any kind and grant, that are looked through for one that a call can join. */
const MOST_LEADERS = 100;
/** Of those, the newest of the call's own kind that are handed over. */
const MOST_OF_KIND = 20;
/** Rows that name one digest that are looked through: many times what it can have, so that it takes as many forged ones to hide one. */
const MOST_NAMED = 1_000;

type Place = Pick<Approval, 'createdAt' | 'id'>;
type Placed = Place & Pick<Approval, 'grant' | 'server' | 'tool'>;

/**
 * Uses of an allowance have no card, so they are part of no burst. No more than `most` of each are counted, which in a burst are
 * the newest.
 */
export async function openedBefore(
  db: Kysely<Tables>,
  { id, createdAt, grant, server, tool }: Placed,
  ms: number,
  most: number,
): Promise<OpenedBefore> {
  const countOf = (which: RawBuilder<unknown>) => sql`(
    select count(*)::int from (
      select 1 from (select id, grant_name, server, tool, created_at from holdfast.approvals where id < ${id}
        order by id desc limit ${sql.lit(MOST_LOOKED_AT)}) a
      where ${which} and a.created_at > ${earlier(createdAt, ms)}
        and (select count(*) from holdfast.decisions d where d.approval_id = a.id and d.allowance is not null) = 0
      limit ${most}::int) b)`;
  const found = await readByIndex(
    db,
    sql<OpenedBefore>`
    select ${countOf(sql`a.grant_name = ${grant}`)} as grant,
      ${countOf(sql`a.server = ${server} and a.tool = ${tool}`)} as tool`,
  );
  return found.rows[0]!;
}

/** By an index of the marks (0089), so that it costs the same whatever was opened in between. */
export async function namedInDigest(
  db: Kysely<Tables>,
  { id, createdAt }: Place,
  ms: number,
  most = MOST_NAMED,
): Promise<string[]> {
  const found = await readByIndex(
    db,
    sql<{ id: string }>`
    select c.approval_id as id from holdfast.cards c
    where starts_with(c.digest, 'digest:') and split_part(c.digest, ':', 2) = ${id} and c.approval_id >= ${id}
      and (select a.created_at from holdfast.approvals a where a.id = c.approval_id) <= ${earlier(createdAt, -ms)}
    order by c.approval_id limit ${most}::int`,
  );
  return found.rows.map((row) => row.id);
}

/** The newest that lead a digest of this kind of call, by an index that holds leaders only (0089). */
export async function digestLeaders(
  db: Kysely<Tables>,
  { id, createdAt, grant, server, tool }: Placed,
  kind: BurstKind,
  ms: number,
): Promise<string[]> {
  const alike = kind === 'grant' ? sql`a.grant_name = ${grant}` : sql`a.server = ${server} and a.tool = ${tool}`;
  const found = await readByIndex(
    db,
    sql<{ id: string }>`
    select c.id from (
      select approval_id as id, ts, digest from holdfast.cards
      where starts_with(digest, 'digest:' || approval_id || ':') and approval_id < ${id}
      order by approval_id desc limit ${sql.lit(MOST_LEADERS)}) c
    where c.ts is not null and split_part(c.digest, ':', 3) = ${kind} and (
      select ${alike} and a.created_at > ${earlier(createdAt, ms)} from holdfast.approvals a where a.id = c.id)
    order by c.id desc limit ${sql.lit(MOST_OF_KIND)}`,
  );
  return found.rows.map((row) => row.id);
}

function earlier(at: Date, ms: number): Date {
  return new Date(at.getTime() - ms);
}

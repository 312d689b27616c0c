import { type Kysely, sql } from 'kysely';
import { CUT_END, type Cut, readCut } from '../../domain/log/cut.ts';
import type { CutLedger, KeptLink, KnownCut, Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import type { Db, Tables } from '../table/tables.ts';
import { DECIDING, type DecidingEvent, isOwnEvent } from './deciding.ts';

/** Events about cuts that are read: one for each segment, and whatever somebody adds. */
const MOST_CUTS = 20_000;

interface CutRow extends DecidingEvent {
  /** The place of the last checkpoint. */
  readonly signed: string | null;
}

/** The cuts that a gateway wrote, newest first; one of each number. `seals`: null: all of them count. */
export async function knownCuts(db: Db, seals: Seals | null): Promise<readonly KnownCut[]> {
  if (seals === null && !(await hasLinks(db))) return [];
  const found = await sql<CutRow>`
    select ${DECIDING}, (select max(seq) from holdfast.checkpoints) as signed
    from holdfast.events e where right(e.body, 17) = ${sql.lit(CUT_END)} order by e.n desc limit ${MOST_CUTS}`.execute(
    db,
  );
  const cuts = new Map<number, KnownCut>();
  for (const row of found.rows) {
    const cut: Cut | null = readCut(row.body);
    if (cut === null || (seals !== null && !isOwnEvent(seals, row))) continue;
    const seq = row.seq === null ? null : Number(row.seq);
    const covered = seq !== null && row.signed !== null && seq <= Number(row.signed);
    // The oldest of copies is the one that was written.
    cuts.set(cut.segment, { ...cut, n: Number(row.n), seq, covered });
  }
  return [...cuts.values()].sort((one, other) => other.segment - one.segment);
}

/** A log of a release before there were cuts may have no such table yet, where it is only read. */
async function hasLinks(db: Db): Promise<boolean> {
  const found = await sql<{ there: boolean }>`select to_regclass('holdfast.links') is not null as there`.execute(db);
  return found.rows[0]?.there === true;
}

/** The last cut that is signed; null: there is none. */
export async function lastCut(db: Db, seals: Seals | null): Promise<KnownCut | null> {
  return (await knownCuts(db, seals)).find(({ covered }) => covered) ?? null;
}

export async function segmentEnd(
  db: Kysely<Tables>,
  after: number,
  { upTo, before, events, octets }: Parameters<CutLedger['segmentEnd']>[1],
): ReturnType<CutLedger['segmentEnd']> {
  const found = await sql<{ seq: string; body: string; signature: string }>`
    with fits as (
      select max(seq) as seq from (
        select seq, sum(octet_length(body)) over (order by seq) as octets from (
          select seq, body from holdfast.events where seq > ${String(after)}::bigint order by seq limit ${events}) e) w
      where octets <= ${octets}::bigint)
    select c.seq, c.body, c.signature from holdfast.checkpoints c
    where c.seq > ${String(after)}::bigint and c.seq <= ${String(upTo)}::bigint and c.at <= ${before}
    order by c.seq <= coalesce((select seq from fits), 0) desc,
      case when c.seq <= coalesce((select seq from fits), 0) then -c.seq else c.seq end
    limit 1`.execute(db);
  const row = found.rows[0];
  return row === undefined ? null : { seq: Number(row.seq), text: row.body, signature: row.signature };
}

export async function readUpTo(db: Kysely<Tables>, sink: string | null): Promise<number> {
  const found = await sql<{ seq: string }>`
    select least(
      coalesce((select seq from holdfast.oversight_cursor limit 1), 0),
      ${sink === null ? sql`9223372036854775807` : sql`coalesce((select seq from holdfast.sinks where name = ${sink}), 0)`}
    ) as seq`.execute(db);
  return Number(found.rows[0]!.seq);
}

export async function keepLinks(
  db: Kysely<Tables>,
  links: readonly KeptLink[],
  first: Pick<KeptLink, 'previous' | 'seq'>,
): Promise<void> {
  const isKept = links.some(({ seq }) => seq === first.seq);
  const rows = [
    ...links.map(({ seq, previous, checkpoint, path }) => ({ seq, previous, checkpoint, path, kept: true })),
    ...(isKept ? [] : [{ ...first, checkpoint: null, path: [] as string[], kept: false }]),
  ].map(({ seq, previous, checkpoint, path, kept }) => ({
    ...{ seq: String(seq), previous, kept, path: path.join(' ') },
    checkpoint: checkpoint === null ? null : String(checkpoint),
  }));
  for (let from = 0; from < rows.length; from += AT_ONCE) {
    const some = rows.slice(from, from + AT_ONCE);
    await db
      .insertInto('holdfast.links')
      .values(some)
      .onConflict((conflict) => conflict.column('seq').doNothing())
      .execute();
    const there = await sql<{ there: string }>`
      select count(*) as there from holdfast.links where seq = any(${some.map(({ seq }) => seq)}::bigint[])
        and (kept or (${!isKept}::boolean and seq = ${String(first.seq)}::bigint))`.execute(db);
    // What has no link is deleted, and so is what somebody else's link would not keep.
    requireTaken('links', Number(there.rows[0]!.there), some.length);
  }
}

/** Links that one statement writes. */
const AT_ONCE = 500;

export async function readLink(db: Kysely<Tables>, seq: number): Promise<KeptLink | null> {
  const row = await db
    .selectFrom('holdfast.links')
    .selectAll()
    .where('seq', '=', String(seq))
    .where('kept', '=', true)
    .executeTakeFirst();
  if (row === undefined) return null;
  const checkpoint = row.checkpoint === null ? null : Number(row.checkpoint);
  return { seq, previous: row.previous, checkpoint, path: row.path === '' ? [] : row.path.split(' ') };
}

export async function removeCut(
  db: Kysely<Tables>,
  { n, to }: Pick<KnownCut, 'n' | 'to'>,
  after: number,
  most: number,
): ReturnType<CutLedger['removeCut']> {
  const found = await sql<{ removed: string; last: string | null }>`
    select removed, last
    from holdfast.cut_events(${String(n)}::bigint, ${String(to)}::bigint, ${String(after)}::bigint, ${most}::integer)`.execute(
    db,
  );
  const { removed, last } = found.rows[0]!;
  return { removed: Number(removed), last: last === null ? null : Number(last) };
}

/** With what the deleted rows took, until the database gives it back or fills it again. */
export async function logOctets(db: Kysely<Tables>): Promise<number> {
  const found = await sql<{ octets: string }>`
    select pg_total_relation_size('holdfast.events') + pg_total_relation_size('holdfast.checkpoints')
      + pg_total_relation_size('holdfast.phrases') as octets`.execute(db);
  return Number(found.rows[0]!.octets);
}

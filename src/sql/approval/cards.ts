import { createHash } from 'node:crypto';
import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { CardRecord, Seals, Store } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { asNotTaken, takenWhole } from '../connection/taken-whole.ts';
import { eventRow, insertEvents, LOGGED, type LoggedPart, rememberLogged, writeEvents } from '../log/events.ts';
import type { CardTable } from '../table/approval-tables.ts';
import type { Tables } from '../table/tables.ts';
import { isSilent } from './presence.ts';

/** Seconds after which Slack is first asked whether a card is still there. */
const FIRST_LOOK = 30;
/** The most seconds between two looks; a look comes when the card is twice as old as at the one before. */
const LAST_LOOK = 600;

export async function readCard(db: Kysely<Tables>, approval: string): Promise<CardRecord | null> {
  const row = await db.selectFrom('holdfast.cards').selectAll().where('approval_id', '=', approval).executeTakeFirst();
  return row ? cardOf(row) : null;
}

function cardOf(row: Selectable<CardTable>): CardRecord {
  return {
    approval: row.approval_id,
    channel: row.channel,
    ts: row.ts,
    revision: row.revision,
    digest: row.digest,
    postedAt: row.posted_at,
    ...(row.told_freeze === null ? {} : { freeze: row.told_freeze }),
  };
}

/** The columns of card `c` that say where it is and what it shows. */
const CARD = sql.raw('c.approval_id, c.channel, c.ts, c.revision, c.digest, c.posted_at, c.told_freeze');

/**
 * Takes the card for one run. One statement: the row is the lock, and it records the intent to post, so that a post
 * whose answer was lost is looked for.
 */
export async function claimCard(
  db: Kysely<Tables>,
  approval: string,
  run: { id: string; replica: string; ms: number },
): ReturnType<Store['claimCard']> {
  const until = sql`clock_timestamp() + make_interval(secs => ${run.ms / 1_000}::double precision)`;
  const claimed = await sql<Selectable<CardTable> & { fresh: boolean }>`${KEPT_PLAN}
    insert into holdfast.cards as c (approval_id, channel, revision, digest, run, run_by, run_until)
    values (${approval}, '', 0, '', ${run.id}, ${run.replica}, ${until})
    on conflict (approval_id) do update set run = excluded.run, run_by = excluded.run_by, run_until = excluded.run_until
      where c.run is null or c.run_until < clock_timestamp() or ${isSilent(sql`c.run_by`)}
    returning ${CARD}, c.xmax = 0 as fresh`.execute(db);
  const row = claimed.rows[0];
  return row === undefined ? false : { card: row.fresh ? null : cardOf(row) };
}

/** Changes nothing once the run has let go of it, or another has it. */
export async function renewCard(db: Kysely<Tables>, approval: string, run: string, ms: number): Promise<void> {
  await sql`
    update holdfast.cards set run_until = clock_timestamp() + make_interval(secs => ${ms / 1_000}::double precision)
    where approval_id = ${approval} and run = ${run}`.execute(db);
}

export async function releaseCard(db: Kysely<Tables>, approval: string, run: string, unposted = false): Promise<void> {
  if (unposted) {
    await sql`delete from holdfast.cards where approval_id = ${approval} and run = ${run} and ts is null`.execute(db);
    return;
  }
  await sql`${KEPT_PLAN} update holdfast.cards set run = null where approval_id = ${approval} and run = ${run}`.execute(
    db,
  );
}

/**
 * Of these approvals, those whose card nobody can see: it was not posted, and they were created by `before` or their
 * channel takes nothing; with why it takes nothing.
 */
export async function unpostedCards(
  db: Kysely<Tables>,
  ids: readonly string[],
  before: Date,
): Promise<ReadonlyMap<string, string | null>> {
  const found = await sql<{ id: string; refused: string | null }>`
    select a.id, c.refused from holdfast.approvals a left join holdfast.cards c on c.approval_id = a.id
    where a.id = any(${ids}::text[])
      and ((c.ts is null and a.created_at <= ${before}) or c.refused is not null)`.execute(db);
  return new Map(found.rows.map((row) => [row.id, row.refused]));
}

/** Its channel takes nothing. True where that is news, which the event tells then. */
export async function refuseCard(
  db: Kysely<Tables>,
  seals: Seals,
  approval: string,
  why: string,
  event: NewEvent,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const changed = await sql`
      update holdfast.cards set refused = ${why} where approval_id = ${approval} and refused is distinct from ${why}
      returning 1`.execute(trx);
    if (changed.rows.length > 0) await writeEvents(trx, seals, [event]);
    return changed.rows.length > 0;
  });
}

/** Pending approvals whose cards are to be looked at now; each is taken by one replica, and comes again later. */
export async function cardsToLookAt(db: Kysely<Tables>, limit: number): Promise<string[]> {
  const found = await sql<{ approval_id: string }>`
    update holdfast.cards c
    set look_at = clock_timestamp() + least(interval '${sql.raw(String(LAST_LOOK))} s', greatest(
      interval '${sql.raw(String(FIRST_LOOK))} s', clock_timestamp() - c.posted_at))
    where c.approval_id in (
      select k.approval_id from holdfast.approvals a join holdfast.cards k on k.approval_id = a.id
      where a.state = 'pending' and k.ts is not null
        and coalesce(k.look_at, k.posted_at + interval '${sql.raw(String(FIRST_LOOK))} s') <= clock_timestamp()
      order by k.look_at nulls first limit ${limit} for update of k skip locked)
    returning c.approval_id`.execute(db);
  return found.rows.map((row) => row.approval_id);
}

/** Remembers where the card is and what it shows. An earlier revision never overwrites a later one. */
export async function saveCard(
  db: Kysely<Tables>,
  seals: Seals,
  card: CardRecord,
  event: NewEvent | null,
  content?: string,
  run?: string,
): Promise<number | null> {
  const kept = content === undefined || content.length > LONGEST_CARD ? null : content;
  const rows = event === null ? [] : [eventRow(seals, event)];
  const saving = sql<{ revision: number | null } & LoggedPart>`${KEPT_PLAN}
    with saved as (
      insert into holdfast.cards as c (approval_id, channel, ts, revision, digest, posted_at, told_freeze)
      values (${card.approval}, ${card.channel}, ${card.ts}, ${card.revision}, ${card.digest}, ${card.postedAt},
        ${card.freeze ?? null})
      on conflict (approval_id) do update set channel = excluded.channel, ts = coalesce(excluded.ts, c.ts),
        refused = null, look_at = clock_timestamp() + interval '${sql.raw(String(FIRST_LOOK))} s',
        revision = greatest(c.revision, excluded.revision),
        digest = case when excluded.revision >= c.revision then excluded.digest else c.digest end,
        told_freeze = case when excluded.revision >= c.revision then excluded.told_freeze else c.told_freeze end,
        posted_at = coalesce(c.posted_at, excluded.posted_at)
        ${run === undefined ? sql`` : sql`, run = nullif(c.run, ${run})`}
      returning c.approval_id
    ), shown as (
      update holdfast.approvals set shown = greatest(shown, ${card.revision}) where id = ${card.approval} returning revision
    ), ${kept === null ? sql`kept as (select 1)` : keepContent(card.approval, kept)},
    logged as (${rows.length === 0 ? sql`select 0 as n where false` : sql`${insertEvents(rows, sql`saved`)} returning n`})
    select (select revision from shown) as revision, ${LOGGED}, ${takenWhole('cards', sql`select count(*) from saved`, sql`select 1`)},
      ${takenWhole('card_contents', sql`select count(*) from kept`, sql`select 1`)},
      ${takenWhole('events', sql`select count(*) from logged`, sql`select ${rows.length}::int`)}`;
  const saved = await saving.execute(db).catch((error: unknown) => {
    throw asNotTaken(error);
  });
  if (saved.rows[0] !== undefined) rememberLogged(db, rows, saved.rows[0]);
  return saved.rows[0]?.revision ?? null;
}

/** Characters of a card that is kept: many times what Slack accepts. */
const LONGEST_CARD = 200_000;
/** Cards of one approval that are kept. */
const MOST_CARDS = 500;

/**
 * Parts of a statement: kept with the event that names it, so that whatever the log says was shown can be shown again. `kept`
 * has one row: it is kept now, or was before, or there are enough.
 */
function keepContent(approval: string, content: string): RawBuilder<unknown> {
  const digest = createHash('sha256').update(content).digest('hex');
  return sql`due as (
      select not exists (select 1 from holdfast.card_contents where digest = ${digest}::text)
        and (select count(*) from holdfast.card_contents where approval_id = ${approval}::text) < ${MOST_CARDS}::int as is_new
    ), added as (
      insert into holdfast.card_contents (digest, approval_id, content, kept_at)
      select ${digest}::text, ${approval}::text, ${content}::text, clock_timestamp() from due where is_new
      on conflict (digest) do nothing returning 1
    ), kept as (select 1 from due where not is_new union all select 1 from added)`;
}

/** What these cards showed, by digest. */
export async function cardContents(
  db: Kysely<Tables>,
  digests: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (digests.length === 0) return new Map();
  const found = await db
    .selectFrom('holdfast.card_contents')
    .select(['digest', 'content'])
    .where('digest', 'in', digests)
    .execute();
  return new Map(found.map((row) => [row.digest, row.content]));
}

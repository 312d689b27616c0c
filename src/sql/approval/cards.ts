import { createHash } from 'node:crypto';
import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { CardRecord, Store } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { tookAll } from '../connection/not-taken.ts';
import { eventRow, insertEvents, LOGGED, type LoggedPart, rememberLogged, writeEvents } from '../log/events.ts';
import type { Tables } from '../table/tables.ts';
import {
  CARD_ROW,
  type CardRow,
  type CardTrust,
  type KnownCard,
  knownCard,
  loggedCard,
  saysWhatWasShown,
} from './card-row.ts';
import { packCard, unpackCard } from './packed-card.ts';
import { isSilent } from './presence.ts';

/** Seconds after which Slack is first asked whether a card is still there. */
const FIRST_LOOK = 30;
/** The most seconds between two looks; a look comes when the card is twice as old as at the one before. */
const LAST_LOOK = 600;

export async function readCard(db: Kysely<Tables>, trust: CardTrust, approval: string): Promise<CardRecord | null> {
  return (await knownCard(db, trust, approval)).record;
}

/** Seconds that a claim may still last. One that would last longer is none of ours, or the clock was set back. */
const LONGEST_CLAIM = 90;

/**
 * Takes the card for one run. The row is the lock, and it records the intent to post, so that a post whose answer was lost
 * is looked for. What it says is read once it is taken: a statement that waits for a row sees what it waited for beside an
 * older log.
 */
export async function claimCard(
  db: Kysely<Tables>,
  trust: CardTrust,
  approval: string,
  run: { id: string; replica: string; ms: number },
): ReturnType<Store['claimCard']> {
  const until = (seconds: number) => sql`clock_timestamp() + make_interval(secs => ${seconds}::double precision)`;
  const row = { ...unclaimed(approval), event_seal: null };
  const claimed = await sql<{ fresh: boolean }>`${KEPT_PLAN}
    insert into holdfast.cards as c (approval_id, channel, revision, digest, run, run_by, run_until, seal)
    values (${approval}, ${row.channel}, ${row.revision}, ${row.digest}, ${run.id}, ${run.replica}, ${until(run.ms / 1_000)},
      ${trust.tables.seal('cards', row)})
    on conflict (approval_id) do update set run = excluded.run, run_by = excluded.run_by, run_until = excluded.run_until
      where c.run is null or c.run_until < clock_timestamp() or c.run_until > ${until(LONGEST_CLAIM)}
        or ${isSilent(sql`c.run_by`)}
    returning c.xmax = 0 as fresh`.execute(db);
  const [taken] = claimed.rows;
  if (taken === undefined) return false;
  if (!taken.fresh) return { card: (await knownCard(db, trust, approval)).record };
  // Its row may have been deleted: the log still says where it is.
  return { card: (await loggedCard(db, trust, approval)) ?? null };
}

/** A row that says nothing of a card yet. */
function unclaimed(approval: string) {
  const nothing = { ts: null, posted_at: null, told_freeze: null, refused: null };
  return { approval_id: approval, channel: '', revision: 0, digest: '', ...nothing };
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
  { tables }: CardTrust,
  ids: readonly string[],
  before: Date,
): Promise<ReadonlyMap<string, string | null>> {
  const found = await sql<CardRow & { id: string; late: boolean }>`
    select a.id, a.created_at <= ${before} as late, ${CARD_ROW}
    from holdfast.approvals a left join holdfast.cards c on c.approval_id = a.id
    where a.id = any(${ids}::text[])`.execute(db);
  const unposted = new Map<string, string | null>();
  for (const { id, late, ...row } of found.rows) {
    const known = row.approval_id !== null && tables.believes('cards', row);
    const refused = known ? row.refused : null;
    if ((late && (!known || row.ts === null)) || refused !== null) unposted.set(id, refused);
  }
  return unposted;
}

/** Its channel takes nothing. True where that is news, which the event tells then. */
export async function refuseCard(
  db: Kysely<Tables>,
  trust: CardTrust,
  approval: string,
  why: string,
  event: NewEvent,
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const known = await lockCard(trx, trust, approval);
    if (known.record === null || known.refused === why) return false;
    const { tables } = trust;
    const row = { ...rowOf(known.record), refused: why, event_seal: known.eventSeal };
    await upsert(row, tables.seal('cards', row), sql`c.look_at`).execute(trx);
    await writeEvents(trx, trust.seals, [event]);
    return true;
  });
}

/** Keeps others from changing what is known of the card until the transaction ends. */
async function lockCard(trx: Transaction<Tables>, trust: CardTrust, approval: string): Promise<KnownCard> {
  await sql`select 1 from holdfast.cards where approval_id = ${approval} for update`.execute(trx);
  return knownCard(trx, trust, approval);
}

/** The columns that a record fills. */
function rowOf(card: CardRecord): Omit<CardRow, 'event_seal' | 'refused' | 'seal'> {
  const { approval, channel, ts, revision, digest, postedAt, freeze = null } = card;
  return { approval_id: approval, channel, ts, revision, digest, posted_at: postedAt, told_freeze: freeze };
}

/** A statement, up to the last column that it sets. */
function upsert(row: Omit<CardRow, 'seal'>, seal: string, lookAt: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    insert into holdfast.cards as c (approval_id, channel, ts, revision, digest, posted_at, told_freeze, refused, event_seal, seal)
    values (${row.approval_id}, ${row.channel}, ${row.ts}, ${row.revision}, ${row.digest}, ${row.posted_at},
      ${row.told_freeze}, ${row.refused}, ${row.event_seal}, ${seal})
    on conflict (approval_id) do update set channel = excluded.channel, ts = excluded.ts, revision = excluded.revision,
      digest = excluded.digest, posted_at = excluded.posted_at, told_freeze = excluded.told_freeze,
      refused = excluded.refused, event_seal = excluded.event_seal, seal = excluded.seal, look_at = ${lookAt}`;
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
        and (coalesce(k.look_at, k.posted_at + interval '${sql.raw(String(FIRST_LOOK))} s') <= clock_timestamp()
          or k.look_at > clock_timestamp() + 2 * interval '${sql.raw(String(LAST_LOOK))} s')
      order by k.look_at nulls first limit ${limit} for update of k skip locked)
    returning c.approval_id`.execute(db);
  return found.rows.map((row) => row.approval_id);
}

/**
 * Remembers where the card is and what it shows. An earlier revision never overwrites a later one. `run` lets go of the card.
 * Returns the approval's revision; null: it is gone.
 */
export async function saveCard(
  db: Kysely<Tables>,
  trust: CardTrust,
  card: CardRecord,
  event: NewEvent | null,
  content?: string,
  run?: string,
): Promise<number | null> {
  const kept = content === undefined || content.length > LONGEST_CARD ? null : content;
  const rows = event === null ? [] : [eventRow(trust.seals, event)];
  const soon = sql`clock_timestamp() + interval '${sql.raw(String(FIRST_LOOK))} s'`;
  return db.transaction().execute(async (trx) => {
    const { record, eventSeal } = await lockCard(trx, trust, card.approval);
    const shown = rows.find(({ type }) => saysWhatWasShown(type));
    const row = { ...rowOf(merged(record, card)), refused: null, event_seal: shown?.seal ?? eventSeal };
    const saved = await sql<{ revision: number | null } & LoggedPart>`${KEPT_PLAN}
      with saved as (
        ${upsert(row, trust.tables.seal('cards', row), soon)} ${run === undefined ? sql`` : sql`, run = nullif(c.run, ${run})`}
        returning c.approval_id
      ), shown as (
        update holdfast.approvals set shown = greatest(shown, ${card.revision}) where id = ${card.approval} returning revision
      ), ${kept === null ? sql`kept as (select 1)` : keepContent(card.approval, kept)},
      logged as (${rows.length === 0 ? sql`select 0 as n where false` : sql`${insertEvents(rows, sql`saved`)} returning n`})
      select (select revision from shown) as revision, ${LOGGED}, ${tookAll('cards', sql`select count(*) from saved`, 1)},
        ${tookAll('card_contents', sql`select count(*) from kept`, 1)},
        ${tookAll('events', sql`select count(*) from logged`, rows.length)}`.execute(trx);
    if (saved.rows[0] !== undefined) rememberLogged(trx, rows, saved.rows[0]);
    return saved.rows[0]?.revision ?? null;
  });
}

function merged(known: CardRecord | null, card: CardRecord): CardRecord {
  if (known === null) return card;
  const { revision, digest, freeze = null } = card.revision >= known.revision ? card : known;
  const { approval, channel } = card;
  const [ts, postedAt] = [card.ts ?? known.ts, known.postedAt ?? card.postedAt];
  return { approval, channel, ts, postedAt, revision, digest, freeze };
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
      insert into holdfast.card_contents (digest, approval_id, content, packed, kept_at)
      select ${digest}::text, ${approval}::text, '', ${packCard(content)}::bytea, clock_timestamp() from due where is_new
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
    .select(['digest', 'content', 'packed'])
    .where('digest', 'in', digests)
    .execute();
  const contents = new Map<string, string>();
  for (const { digest, content, packed } of found) {
    const text = packed === null ? content : unpackCard(packed);
    if (text !== null) contents.set(digest, text);
  }
  return contents;
}

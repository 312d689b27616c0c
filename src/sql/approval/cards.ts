import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { CardRecord } from '../../ports.ts';
import { WITH_THE_NEXT } from '../connection/joined-statements.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { writeEvents } from '../log/events.ts';
import type { Tables } from '../table/tables.ts';
import { CARD_ROW, type CardRow, type CardTrust, type KnownCard, knownCard } from './card-row.ts';
import { unpackCard } from './packed-card.ts';

/** Seconds after which Slack is first asked whether a card is still there. */
export const FIRST_LOOK = 30;
/** The most seconds between two looks; a look comes when the card is twice as old as at the one before. */
const LAST_LOOK = 600;

export async function readCard(db: Kysely<Tables>, trust: CardTrust, approval: string): Promise<CardRecord | null> {
  return (await knownCard(db, trust, approval)).record;
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
    const row = { ...rowOfCard(known.record), refused: why, event_seal: known.eventSeal };
    await upsert(row, tables.seal('cards', row), sql`c.look_at`).execute(trx);
    await writeEvents(trx, trust.seals, [event]);
    return true;
  });
}

/** Keeps others from changing what is known of the card until the transaction ends. */
async function lockCard(trx: Transaction<Tables>, trust: CardTrust, approval: string): Promise<KnownCard> {
  await sql`${WITH_THE_NEXT} select 1 from holdfast.cards where approval_id = ${approval} for update`.execute(trx);
  return knownCard(trx, trust, approval);
}

/** The columns that a record fills. */
export function rowOfCard(card: CardRecord): Omit<CardRow, 'event_seal' | 'refused' | 'seal'> {
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

/** An earlier revision never overwrites a later one. */
export function mergedCard(known: CardRecord | null, card: CardRecord): CardRecord {
  if (known === null) return card;
  const { revision, digest, freeze = null } = card.revision >= known.revision ? card : known;
  const { approval, channel } = card;
  const [ts, postedAt] = [card.ts ?? known.ts, known.postedAt ?? card.postedAt];
  return { approval, channel, ts, postedAt, revision, digest, freeze };
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

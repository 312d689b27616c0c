import { createHash } from 'node:crypto';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { CardRecord } from '../../ports.ts';
import {
  CARD_ROW,
  type CardRow,
  type CardTrust,
  judgedCard,
  lastEventSeal,
  saysWhatWasShown,
} from '../approval/card-row.ts';
import { FIRST_LOOK, mergedCard, rowOfCard } from '../approval/cards.ts';
import { EVENT_COLUMNS } from '../approval/opening-row.ts';
import { packCard } from '../approval/packed-card.ts';
import { ALONE, gatheredStatements, orAlone } from '../connection/gathered-statements.ts';
import { THEN_COMMIT, WITH_THE_NEXT } from '../connection/joined-statements.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { tookAll } from '../connection/not-taken.ts';
import { eventRow, type LoggedPart, rememberLogged } from '../log/events.ts';
import type { Tables } from '../table/tables.ts';

/** Cards that one statement remembers at most, and the characters of what they showed. */
const MOST_SAVES = 50;
const MOST_CHARACTERS = 1_000_000;
/** Milliseconds after which others no longer wait for a statement: a row that it needs is locked. */
const PATIENCE_MS = 100;
/** Characters of a card that is kept: many times what Slack accepts. */
const LONGEST_CARD = 200_000;
/** Cards of one approval that are kept. */
const MOST_CARDS = 500;

/** A card that was shown, as `Store.saveCard` is told. */
interface CardSave {
  readonly card: CardRecord;
  readonly event: NewEvent | null;
  readonly content: string | undefined;
  readonly run: string | undefined;
}

/** The approval's revision; null: it is gone. */
type Saved = number | null;

/**
 * Remembers where cards are and what they show; those that come together by one statement. An earlier revision never overwrites a later
 * one. A card whose row is locked is waited for by itself: the others are remembered.
 */
export function cardSaves(db: Kysely<Tables>, trust: CardTrust): (save: CardSave) => Promise<Saved> {
  const together = gatheredStatements<CardSave, Saved | typeof ALONE>({
    most: MOST_SAVES,
    patienceMs: PATIENCE_MS,
    keyOf: ({ card }) => card.approval,
    alone: async (save) => (await saveAll(db, trust, [save], 'free'))[0]!,
    several: async (saves) => {
      const some = saves.slice(0, countThatFits(saves));
      const saved = await saveAll(db, trust, some, 'free');
      return saves.map((_, at) => (at < some.length ? { answer: saved[at]! } : null));
    },
  });
  return orAlone(together, async (save) => (await saveAll(db, trust, [save], 'any'))[0] as Saved);
}

/** How many of the first may be remembered at once; at least one. */
function countThatFits(saves: readonly CardSave[]): number {
  let characters = 0;
  const tooMany = saves.findIndex(({ content }, at) => {
    characters += content?.length ?? 0;
    return at > 0 && characters > MOST_CHARACTERS;
  });
  return tooMany < 0 ? saves.length : tooMany;
}

const COLUMNS = [
  ['id', 'text'],
  ['channel', 'text'],
  ['ts', 'text'],
  ['revision', 'int'],
  ['digest', 'text'],
  ['posted_at', 'timestamptz'],
  ['told_freeze', 'text'],
  ['event_seal', 'text'],
  ['seal', 'text'],
  ['shows', 'int'],
  ['run', 'text'],
  ['packed', 'text'],
  ['content_digest', 'text'],
  ['events', 'json'],
] as const;

const of = (columns: readonly (readonly [string, string])[]) => sql.raw(columns.map((one) => one.join(' ')).join(', '));
const names = (columns: readonly (readonly [string, string])[]) => sql.raw(columns.map(([name]) => name).join(', '));

/**
 * Two messages: what is known of the cards is read once their rows are locked, and each is written with its own event, which names
 * what it showed. What it showed is kept with the event, so that whatever the log says was shown can be shown again: it is kept
 * now, or was before, or there are enough. Of `free` ones those whose row is locked are left to be remembered alone; `any` are waited for.
 */
async function saveAll(
  db: Kysely<Tables>,
  trust: CardTrust,
  saves: readonly CardSave[],
  which: 'any' | 'free',
): Promise<(Saved | typeof ALONE)[]> {
  return db.transaction().execute(async (trx) => {
    const found = await lockedRows(trx, trust, saves, which);
    const rows = found.filter((row) => row !== ALONE);
    if (rows.length === 0) return found.map(() => ALONE);
    const saved = await writeAll(trx, rows);
    return found.map((row) => (row === ALONE ? ALONE : saved.get(row.id)!));
  });
}

/** The revisions of their approvals. */
async function writeAll(trx: Transaction<Tables>, rows: readonly SavedRow[]): Promise<ReadonlyMap<string, Saved>> {
  const events = rows.flatMap((row) => row.events);
  const found = await sql<LoggedPart & { id: string; revision: number | null }>`${THEN_COMMIT}
      with asked as materialized (
        select * from rows from (json_to_recordset(${asJson(rows)}::json) as (${of(COLUMNS)})) with ordinality as r(${names(COLUMNS)}, nth)
        limit ${sql.lit(rows.length)}
      ), saved as (
        insert into holdfast.cards as c (approval_id, channel, ts, revision, digest, posted_at, told_freeze, refused, event_seal, seal)
        select id, channel, ts, revision, digest, posted_at, told_freeze, null, event_seal, seal from asked order by id
        on conflict (approval_id) do update set channel = excluded.channel, ts = excluded.ts, revision = excluded.revision,
          digest = excluded.digest, posted_at = excluded.posted_at, told_freeze = excluded.told_freeze, refused = null,
          event_seal = excluded.event_seal, seal = excluded.seal,
          look_at = clock_timestamp() + interval '${sql.raw(String(FIRST_LOOK))} s',
          run = nullif(c.run, (select q.run from asked q where q.id = c.approval_id))
        returning c.approval_id as id
      ), locked as materialized (
        select a.id, q.shows from asked q join holdfast.approvals a on a.id = q.id order by a.id for no key update of a
      ), shown as (
        update holdfast.approvals a set shown = greatest(a.shown, l.shows) from locked l where a.id = l.id
        returning a.id, a.revision
      ), due as materialized (
        select d.*, not exists (select 1 from holdfast.card_contents k where k.digest = d.content_digest)
          and (select count(*) from holdfast.card_contents k where k.approval_id = d.id) < ${sql.lit(MOST_CARDS)} as is_new
        from (select distinct on (content_digest) id, packed, content_digest from asked where packed is not null
          order by content_digest, nth) d
      ), added as (
        insert into holdfast.card_contents (digest, approval_id, content, packed, kept_at)
        select content_digest, id, '', decode(packed, 'hex'), clock_timestamp() from due where is_new order by content_digest
        on conflict (digest) do nothing returning 1
      ), kept as (select 1 from due where not is_new union all select 1 from added),
      told as materialized (
        select q.nth, e.* from asked q join saved s on s.id = q.id
        cross join lateral rows from (json_to_recordset(q.events) as (${of(EVENT_COLUMNS)}))
          with ordinality as e(${names(EVENT_COLUMNS)}, place)
      ), logged as (
        insert into holdfast.events (${names(EVENT_COLUMNS)})
        select ${names(EVENT_COLUMNS)} from told order by nth, place returning n
      )
      select q.id, s.revision, case when q.nth = 1 then (select json_agg(w.n order by w.n) from logged w) end as logged,
        pg_current_xact_id()::text as xid,
        ${tookAll('cards', sql`select count(*) from saved`, rows.length)},
        ${tookAll('card_contents', sql`select count(*) from kept`, sql`select count(*) from due`)},
        ${tookAll('events', sql`select count(*) from logged`, events.length)}
      from asked q left join shown s on s.id = q.id order by q.nth`.execute(trx);
  rememberLogged(trx, events, found.rows[0]!);
  return new Map(found.rows.map(({ id, revision }) => [id, revision]));
}

type SavedRow = ReturnType<typeof rowOfSave>;

/**
 * What is to be written of each: by what is known of its card, which nobody else changes until the transaction ends. A row that is there and
 * bears no lock of this transaction is somebody else's. The plans that it makes are for tables that grow, however empty those are by now.
 */
async function lockedRows(
  trx: Transaction<Tables>,
  trust: CardTrust,
  saves: readonly CardSave[],
  which: 'any' | 'free',
): Promise<readonly (SavedRow | typeof ALONE)[]> {
  const ids = JSON.stringify(saves.map(({ card }) => card.approval));
  await sql`${WITH_THE_NEXT} select set_config('enable_seqscan', 'off', true), (select count(*) from (
    select 1 from holdfast.cards c where c.approval_id in (select json_array_elements_text(${ids}::json) limit ${sql.lit(saves.length)})
    order by c.approval_id for update ${which === 'free' ? sql`skip locked` : sql``}) l)`.execute(trx);
  const found = await sql<CardRow & { id: string; last: string | null; ours: boolean | null }>`${KEPT_PLAN}
    select q.id, ${CARD_ROW}, c.ours, ${lastEventSeal(sql`q.id`)} as last
    from json_array_elements_text(${ids}::json) with ordinality as q(id, nth)
      left join lateral (select k.*, k.xmax = pg_current_xact_id()::xid as ours from holdfast.cards k
        where k.approval_id = q.id limit 1) c on true order by q.nth`.execute(trx);
  const rows: (SavedRow | typeof ALONE)[] = [];
  for (const [at, { id, last, ours, ...row }] of found.rows.entries()) {
    if (which === 'free' && ours === false) {
      rows.push(ALONE);
      continue;
    }
    const known = await judgedCard(trx, trust, id, row.approval_id === null ? null : row, last);
    rows.push(rowOfSave(trust, saves[at]!, known));
  }
  return rows;
}

function rowOfSave(
  trust: CardTrust,
  { card, event, content, run }: CardSave,
  known: Awaited<ReturnType<typeof judgedCard>>,
) {
  const events = event === null ? [] : [eventRow(trust.seals, event)];
  const shown = events.find(({ type }) => saysWhatWasShown(type));
  const row = {
    ...rowOfCard(mergedCard(known.record, card)),
    refused: null,
    event_seal: shown?.seal ?? known.eventSeal,
  };
  const kept = content === undefined || content.length > LONGEST_CARD ? null : content;
  const { approval_id: id, refused: _, ...columns } = row;
  return {
    ...columns,
    id,
    seal: trust.tables.seal('cards', row),
    shows: card.revision,
    run: run ?? null,
    packed: kept === null ? null : Buffer.from(packCard(kept)).toString('hex'),
    content_digest: kept === null ? null : createHash('sha256').update(kept).digest('hex'),
    events,
  };
}

/** Half of a character is no text for the database: it is written as everywhere. */
function asJson(rows: readonly object[]): string {
  return JSON.stringify(rows, (_, value) => (typeof value === 'string' ? value.toWellFormed() : value));
}

import { type RawBuilder, sql } from 'kysely';
import { isObject, type Json, type JsonObject, member } from '../../domain/json/json.ts';
import type { CardRecord, Seals } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { isAbout } from '../log/about.ts';
import type { SealedTables } from '../table/sealed-tables.ts';
import type { Db } from '../table/tables.ts';

/** What is read of a card's row: all that its seal covers. */
export interface CardRow {
  readonly approval_id: string;
  readonly channel: string;
  readonly ts: string | null;
  readonly revision: number;
  readonly digest: string;
  readonly posted_at: Date | null;
  readonly told_freeze: string | null;
  readonly refused: string | null;
  readonly event_seal: string | null;
  readonly seal: string | null;
}

/** The columns of `CardRow`, of a card `c`. */
export const CARD_ROW: RawBuilder<unknown> = sql.raw(
  'c.approval_id, c.channel, c.ts, c.revision, c.digest, c.posted_at, c.told_freeze, c.refused, c.event_seal, c.seal',
);

/** Events that say what a card showed, and where. */
const SHOWN: readonly string[] = ['card.posted', 'card.updated'];

/** Whether the text of event `e` says that it is one of these. It ends with its type; no pattern is looked for in all of it. */
const SAYS_WHAT_WAS_SHOWN = sql.raw(
  `(${SHOWN.map((type) => `"type":"${type}"}`)
    .map((end) => `right(e.body, ${end.length}) = '${end}'`)
    .join(' or ')})`,
);

export function saysWhatWasShown(type: string): boolean {
  return SHOWN.includes(type);
}

/** Such events of one card that are looked through for one that a gateway wrote. */
const MOST_EVENTS = 500;

/** The seal of the last event that says what the card of this approval showed; null: there is none. */
export function lastEventSeal(approval: string | RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`(select coalesce(e.seal, '') from holdfast.events e where ${isAbout(approval)} and ${SAYS_WHAT_WAS_SHOWN}
    order by e.n desc limit 1)`;
}

const GONE = 'is gone';

/** What is known of a card. */
export interface KnownCard {
  /** Null: no run has begun with it. */
  readonly record: CardRecord | null;
  /** Why its channel takes nothing. */
  readonly refused: string | null;
  /** Of the last event that says what it showed; null: there is none. */
  readonly eventSeal: string | null;
}

/**
 * What is known of a card: its row, if a gateway wrote that and it is the last one; else what the log says. An event and the
 * row that names it are written together, so in one statement's snapshot they agree.
 *
 * | row | the last event of a gateway | known |
 * |---|---|---|
 * | fits its seal | is the one that the row names; or there is none | the row |
 * | fits its seal | is another | what the event says: the row is from before, and this is told |
 * | does not fit, or has no seal | says what was shown | what the event says; a seal that does not fit is told |
 * | the same | there is none | nothing of it: the message is looked for before one is posted |
 * | is gone | says what was shown | what the event says, and this is told |
 * | is gone | there is none | no run has begun with it |
 *
 * `last`: `lastEventSeal` in the snapshot of the row.
 */
export async function judgedCard(
  db: Db,
  { seals, tables }: CardTrust,
  approval: string,
  row: CardRow | null,
  last: string | null,
): Promise<KnownCard> {
  const fits = row !== null && tables.believes('cards', row);
  if (fits && last === row.event_seal) return knownRow(row);
  const event = last === null ? null : await lastEvent(db, seals, approval);
  if (fits && (event === null || event.seal === row.event_seal)) return knownRow(row);
  if (row === null && event === null) return { record: null, refused: null, eventSeal: null };
  if (row === null) tables.tell('cards', approval, GONE);
  else if (fits) tables.tell('cards', approval, 'is one of an earlier time');
  const record = event === null ? NOTHING_KNOWN(approval) : event.record;
  return { record, refused: null, eventSeal: event?.seal ?? null };
}

/** What cards' rows are judged by. */
export interface CardTrust {
  readonly seals: Seals;
  readonly tables: SealedTables;
}

function cardOf(row: CardRow): CardRecord {
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

function knownRow(row: CardRow): KnownCard {
  return { record: cardOf(row), refused: row.refused, eventSeal: row.event_seal };
}

/** It may have been posted, and where is not known. */
const NOTHING_KNOWN = (approval: string): CardRecord => ({
  ...{ approval, channel: '', ts: null, revision: 0, digest: '', postedAt: null },
  restored: true,
});

/** Reads what is known of a card, in one statement where its row is the last one. */
export async function knownCard(db: Db, trust: CardTrust, approval: string): Promise<KnownCard> {
  const found = await sql<CardRow & { last: string | null }>`${KEPT_PLAN}
    select ${CARD_ROW}, ${lastEventSeal(approval)} as last
    from (select 1) as one left join holdfast.cards c on c.approval_id = ${approval}`.execute(db);
  const { last, ...row } = found.rows[0]!;
  return judgedCard(db, trust, approval, row.approval_id === null ? null : row, last);
}

/** Of a card whose row is gone, or new: what the log says of it, and then it is told that the row is gone; null: nothing. */
export async function loggedCard(db: Db, { seals, tables }: CardTrust, approval: string): Promise<CardRecord | null> {
  const event = await lastEvent(db, seals, approval);
  if (event !== null) tables.tell('cards', approval, GONE);
  return event?.record ?? null;
}

/** What the last event that a gateway wrote says of the card; null: none does. */
async function lastEvent(
  db: Db,
  seals: Seals,
  approval: string,
): Promise<{ readonly record: CardRecord; readonly seal: string } | null> {
  const found = await sql<{ body: string; seal: string | null }>`
    select e.body, e.seal from holdfast.events e where ${isAbout(approval)} and ${SAYS_WHAT_WAS_SHOWN}
    order by e.n desc limit ${MOST_EVENTS}`.execute(db);
  for (const { body, seal } of found.rows) {
    if (seal === null || !seals.fits('event', body, seal)) continue;
    const event = JSON.parse(body) as Json;
    const data = member(event, 'data');
    // One about no approval may name it in its data.
    if (member(event, 'approval') !== approval || !isObject(data)) continue;
    const record = cardIn(approval, data, new Date(String(member(event, 'at'))));
    if (record !== null) return { record, seal };
  }
  return null;
}

function cardIn(approval: string, data: JsonObject, at: Date): CardRecord | null {
  const { channel, ts, digest, revision, freeze } = data;
  if (typeof channel !== 'string' || typeof ts !== 'string' || typeof digest !== 'string') return null;
  if (typeof revision !== 'number') return null;
  const told = typeof freeze === 'string' ? { freeze } : {};
  return { approval, channel, ts, digest, revision, postedAt: at, ...told, restored: true };
}

import { type Kysely, sql } from 'kysely';
import { GENESIS } from '../../domain/log/chain.ts';
import { LONGEST_STORY } from '../../domain/log/decision-evidence.ts';
import type { ChainLook, ProvenEvent, Seals } from '../../ports.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import type { Tables } from '../table/tables.ts';
import { isAbout } from './about.ts';
import { LINK, type LinkRow } from './chained.ts';
import { lastCut } from './cuts.ts';
import { eventOf } from './events.ts';
import { MOST_KEY_EVENTS } from './keys.ts';
import { IN_ORDER, portionOf } from './portion.ts';
import { chainHash } from './seal.ts';

/** What a hash is computed again from. */
interface ChainRow {
  seq: string | null;
  hash: string | null;
  body: string;
  /** The hash of the event before it in the chain. */
  previous: string | null;
}

type ProofRow = LinkRow & ChainRow;

const WITH_PREVIOUS = sql`
  select ${LINK}, coalesce(p.hash, l.previous) as previous
  from holdfast.events e left join holdfast.events p on p.seq = e.seq - 1
  left join holdfast.links l on l.seq = e.seq and p.seq is null`;

/** One event, with its hash computed again. */
export async function proveEvent(db: Kysely<Tables>, seals: Seals | null, n: number): Promise<ProvenEvent | null> {
  const found = await sql<ProofRow>`${WITH_PREVIOUS} where e.n = ${String(n)}`.execute(db);
  return found.rows[0] ? proven(seals, found.rows[0]) : null;
}

/** What decides of an approval. An agent that leaves and comes again for long enough must not push it out of the story. */
const DECIDING = sql.raw(
  [
    ...['approval.requested', 'approval.decided', 'approval.changed', 'approval.taken_back', 'allowance.used'],
    ...['approval.expired', 'approval.withdrawn', 'approval.lapsed', 'card.posted', 'call.dispatched', 'call.returned'],
    ...['call.succeeded', 'call.failed', 'call.unknown'],
  ]
    .map((type) => `'${type}'`)
    .join(),
);

/** The events of one approval, oldest first: by what their texts say, whatever their columns do. Beyond the bound, those that decide come first. */
export async function approvalStory(db: Kysely<Tables>, seals: Seals | null, approval: string): Promise<ProvenEvent[]> {
  const found = await sql<ProofRow>`
    ${WITH_PREVIOUS} where ${isAbout(approval)} order by (e.type in (${DECIDING})) desc, e.n limit ${LONGEST_STORY}`.execute(
    db,
  );
  const rows = found.rows.toSorted((a, b) => Number(a.n) - Number(b.n));
  const events = await mapInTurns(rows, (row) => proven(seals, row));
  return events.filter((event) => event.approval === approval);
}

/** Events that say which keys sign: the log's beginning, and one for each change. What no gateway wrote says nothing. */
export async function keyStory(db: Kysely<Tables>, seals: Seals | null): Promise<ProvenEvent[]> {
  const found = await sql<ProofRow>`
    ${WITH_PREVIOUS} where e.type in ('seals.began', 'key.changed') and e.seq is not null
    order by e.seq limit ${MOST_KEY_EVENTS}`.execute(db);
  const events = await mapInTurns(found.rows, (row) => proven(seals, row));
  return events.filter(({ doubt }) => doubt === undefined);
}

/** Events about passkeys that are read. */
const MOST_PASSKEY_EVENTS = 20_000;

/** What the log says of these passkeys. What no gateway wrote says nothing. */
export async function passkeyStory(
  db: Kysely<Tables>,
  seals: Seals | null,
  keys: readonly string[],
): Promise<ProvenEvent[]> {
  if (keys.length === 0) return [];
  const found = await sql<ProofRow>`
    ${WITH_PREVIOUS} where e.type in ('key.requested', 'key.registered', 'key.revoked', 'key.suspended')
    and e.seq is not null order by e.seq limit ${MOST_PASSKEY_EVENTS}`.execute(db);
  const events = await mapInTurns(found.rows, (row) => proven(seals, row));
  return events.filter(({ doubt, data }) => doubt === undefined && keys.includes(String(data.key)));
}

function proven(seals: Seals | null, row: ProofRow): ProvenEvent {
  const event = { ...eventOf(seals, row), text: row.body };
  if (row.seq === null) return { ...event, fits: null, previous: null };
  return { ...event, fits: fits(row), previous: beforeOf(row) };
}

function fits({ seq, hash, body, previous }: ChainRow): boolean {
  const before = beforeOf({ seq, previous });
  return before !== null && chainHash(before, Number(seq), body) === hash;
}

function beforeOf({ seq, previous }: Pick<ChainRow, 'previous' | 'seq'>): string | null {
  return Number(seq) === 1 ? GENESIS : previous;
}

/** Where the chain stands, and whether its newest links hold. The oldest of them is compared with the one before it. */
export async function lookAtChain(db: Kysely<Tables>, seals: Seals | null, newest: number): Promise<ChainLook> {
  const cut = await lastCut(db, seals);
  const events = sql`
    select * from holdfast.events e where e.seq > ${String(cut?.to ?? 0)}::bigint order by e.seq desc limit ${newest}`;
  const links = await sql<ChainRow>`
    select e.n, e.body, e.seq, e.hash, coalesce(p.hash, l.previous) as previous
    from ${portionOf(events, IN_ORDER.newestChained)} e left join holdfast.events p on p.seq = e.seq - 1
    left join holdfast.links l on l.seq = e.seq and p.seq is null
    order by e.seq desc`.execute(db);
  const open = await sql<{ unsealed: string }>`
    select count(*) as unsealed from holdfast.events where seq is null`.execute(db);
  const checkpoint = await db
    .selectFrom('holdfast.checkpoints')
    .leftJoin('holdfast.events', 'holdfast.events.seq', 'holdfast.checkpoints.seq')
    .select(['holdfast.checkpoints.seq', 'holdfast.checkpoints.at', 'holdfast.checkpoints.body', 'signature'])
    .select('holdfast.events.hash as hashNow')
    .orderBy('holdfast.checkpoints.seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const head = links.rows[0];
  return {
    seq: Number(head?.seq ?? 0),
    hash: head?.hash ?? null,
    unsealed: Number(open.rows[0]?.unsealed ?? 0),
    checked: links.rows.length,
    misfit: firstMisfit(links.rows.toReversed()),
    checkpoint: checkpoint === undefined ? null : checkpointOf(checkpoint),
    ...(cut !== null && {
      cut: { to: cut.to, until: new Date(cut.until), segment: cut.segment, kept: cut.head !== null },
    }),
  };
}

function checkpointOf(row: { seq: string; at: Date; body: string; signature: string; hashNow: string | null }) {
  const { at, body, signature, hashNow } = row;
  return { seq: Number(row.seq), at, signed: { text: body, signature }, hashNow };
}

/** The place of the first link that does not fit, of these in the chain's order; null: all of them fit. */
function firstMisfit(links: readonly ChainRow[]): number | null {
  for (const [index, link] of links.entries()) {
    const expected = index === 0 ? Number(link.seq) : Number(links[index - 1]!.seq) + 1;
    if (Number(link.seq) !== expected || !fits(link)) return Number(link.seq);
  }
  return null;
}

import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { EventType, LoggedEvent, NewEvent } from '../../domain/event.ts';
import type { JsonObject } from '../../domain/json.ts';
import { SEALER } from '../append-migration.ts';
import type { Tables } from '../table/tables.ts';
import { IN_ORDER, portionOf } from './portion.ts';

type Db = Kysely<Tables> | Transaction<Tables>;

/** One statement for all of them: their order is the order given. */
export async function writeEvents(db: Db, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  // One parameter for all of them: nothing is compiled anew for each number of events.
  await sql`
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor)
    select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor
    from rows from (json_to_recordset(${JSON.stringify(events.map(eventRow))}::json) as (body text, type text,
      at timestamptz, approval_id text, server text, tool text, grant_name text, actor text)) with ordinality
      as e(body, type, at, approval_id, server, tool, grant_name, actor, nth)
    order by e.nth`.execute(db);
}

/** An event as the table takes it. */
export function eventRow(event: NewEvent) {
  return {
    body: bodyOf(event),
    type: event.type,
    at: event.at,
    approval_id: event.approval,
    server: event.server,
    tool: event.tool,
    grant_name: event.grant,
    actor: event.actor,
  };
}

/** The canonical text (RFC 8785) that is hashed. Kept as text: what was chained is what is read. */
function bodyOf(event: NewEvent): string {
  return canonicalize({ ...event, at: event.at.toISOString() })!;
}

export async function readEvents(
  db: Db,
  filter: { after: number; limit: number; approval?: string },
): Promise<LoggedEvent[]> {
  const about = filter.approval === undefined ? sql`true` : sql`e.approval_id = ${filter.approval}`;
  const events = sql`
    select * from holdfast.events e where e.n > ${String(filter.after)}::bigint and ${about}
    order by e.n limit ${filter.limit}`;
  const found = await sql<EventRow>`
    select e.n, e.body, e.seq, e.hash from ${portionOf(events, IN_ORDER.written)} e order by e.n`.execute(db);
  return found.rows.map(eventOf);
}

export interface EventRow {
  readonly n: string;
  readonly body: string;
  readonly seq: string | null;
  readonly hash: string | null;
}

export function eventOf(row: EventRow): LoggedEvent {
  const body = JSON.parse(row.body) as JsonObject;
  return {
    n: Number(row.n),
    seq: row.seq === null ? null : Number(row.seq),
    hash: row.hash,
    type: body.type as EventType,
    at: new Date(body.at as string),
    actor: body.actor as string,
    approval: body.approval as string | null,
    server: body.server as string | null,
    tool: body.tool as string | null,
    grant: body.grant as string | null,
    data: body.data as JsonObject,
  };
}

/** The chain's beginning: what the first event's hash is made over. */
export const GENESIS = '0'.repeat(64);

/** Hash of an event: SHA-256 over the previous hash, its place, and its text. */
export function chainHash(previous: string, seq: number, body: string): string {
  return createHash('sha256').update(`${previous}\n${seq}\n${body}`).digest('hex');
}

/** Octets of events that are chained at once: their words are indexed with it, and a statement's time is bounded. */
const OCTETS_AT_ONCE = 500_000;

/**
 * Chains events that are not chained yet (those written together with a change), in order of writing. One replica at
 * a time: who does not get the lock has nothing to do. An event that becomes visible late gets a later place;
 * nothing already chained moves.
 */
export async function sealEvents(db: Kysely<Tables>, limit: number): Promise<number> {
  for (let sealed = 0; ; ) {
    const { chained, left } = await sealPortion(db, limit - sealed);
    sealed += chained;
    if (left === 0) return sealed;
  }
}

/** One transaction; `left`: how many of these `limit` were too much for it. */
function sealPortion(db: Kysely<Tables>, limit: number): Promise<{ chained: number; left: number }> {
  return db.transaction().execute(async (trx) => {
    const lock = await sql<{ got: boolean }>`select pg_try_advisory_xact_lock(${SEALER}) as got`.execute(trx);
    if (!lock.rows[0]?.got) return { chained: 0, left: 0 };
    const open = await sql<{ n: string; body: string; found: string }>`
      select n, body, found from (
        select n, body, count(*) over () as found, sum(octet_length(body)) over (order by n) - octet_length(body) as before
        from (select n, body from holdfast.events where seq is null order by n limit ${limit}) as open
      ) as portion where before < ${OCTETS_AT_ONCE} order by n`.execute(trx);
    if (open.rows.length === 0) return { chained: 0, left: 0 };
    const head = await sql<{ seq: string; hash: string }>`
      select seq, hash from holdfast.events where seq is not null order by seq desc limit 1`.execute(trx);
    let seq = Number(head.rows[0]?.seq ?? 0);
    let hash = head.rows[0]?.hash ?? GENESIS;
    const places = open.rows.map((row) => {
      seq += 1;
      hash = chainHash(hash, seq, row.body);
      return { n: String(row.n), seq: String(seq), hash };
    });
    await sql`
      update holdfast.events e set seq = p.seq, hash = p.hash
      from unnest(${places.map((p) => p.n)}::bigint[], ${places.map((p) => p.seq)}::bigint[], ${places.map((p) => p.hash)}::text[])
        as p(n, seq, hash)
      where e.n = p.n`.execute(trx);
    return { chained: places.length, left: Number(open.rows[0]!.found) - places.length };
  });
}

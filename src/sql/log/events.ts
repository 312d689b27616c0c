import { type RawBuilder, sql } from 'kysely';
import { canonical } from '../../domain/json/canonical.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import type { EventType, LoggedEvent, NewEvent } from '../../domain/log/event.ts';
import type { Seals } from '../../ports.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import { standBack } from '../../time/stand-back.ts';
import type { Db } from '../table/tables.ts';
import { isAbout } from './about.ts';
import { columnsAgree, LINK, type LinkRow } from './chained.ts';
import { IN_ORDER, portionOf } from './portion.ts';

/** An event's body from this many UTF-16 units on takes some milliseconds to be written, and to be sent. */
const LARGE_BODY = 256 * 1024;

/** Writes events in the order given, in one statement. They are chained later, by the sealer. */
export async function writeEvents(db: Db, seals: Seals, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const [only] = events;
  if (events.length === 1 && mayBeLarge(only!)) return writeOne(db, seals, only!);
  // One parameter for all of them, so that Kysely compiles one statement whatever their number.
  await sql`
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal)
    select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.seal
    from rows from (json_to_recordset(${JSON.stringify(events.map((event) => eventRow(seals, event)))}::json) as (body text,
      type text, at timestamptz, approval_id text, server text, tool text, grant_name text, actor text, seal text))
      with ordinality as e(body, type, at, approval_id, server, tool, grant_name, actor, seal, nth)
    order by e.nth`.execute(db);
}

/** The only event that says what a call's arguments are; everything else in an event is bounded. */
function mayBeLarge({ type }: NewEvent): boolean {
  return type === 'approval.requested';
}

/** Without quoting it once more as JSON, here and in the database. */
async function writeOne(db: Db, seals: Seals, event: NewEvent): Promise<void> {
  const { body, seal, type, at, approval_id, server, tool, grant_name, actor } = eventRow(seals, event);
  if (body.length >= LARGE_BODY) await standBack();
  await sql`
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal)
    values (${body}, ${type}, ${at}, ${approval_id}, ${server}, ${tool}, ${grant_name}, ${actor}, ${seal})`.execute(db);
}

/** The same as a part of a statement, for each row of `when`: what it tells happens in that statement. */
export function insertEvents(
  seals: Seals,
  events: readonly NewEvent[],
  when: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return insertEventRows(
    events.map((event) => eventRow(seals, event)),
    when,
  );
}

/** The same for whoever needs their seals. */
export function insertEventRows(
  sealed: readonly ReturnType<typeof eventRow>[],
  when: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const rows = sealed.map((row, nth) => {
    return sql`(${sql.lit(nth)}, ${row.body}::text, ${row.type}::text, ${row.at}::timestamptz, ${row.approval_id}::text, ${row.server}::text,
      ${row.tool}::text, ${row.grant_name}::text, ${row.actor}::text, ${row.seal}::text)`;
  });
  return sql`
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal)
    select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.seal
    from ${when}, (values ${sql.join(rows)}) as e(nth, body, type, at, approval_id, server, tool, grant_name, actor, seal)
    order by e.nth`;
}

/** An event as a row of the table. */
export function eventRow(seals: Seals, event: NewEvent) {
  const body = bodyOf(event);
  return {
    body,
    seal: seals.sealOnce('event', body),
    type: event.type,
    at: event.at,
    approval_id: event.approval,
    server: event.server,
    tool: event.tool,
    grant_name: event.grant,
    actor: event.actor,
  };
}

/**
 * The canonical text (RFC 8785) that is hashed. It is kept as text, so that what is read is exactly what was chained.
 */
function bodyOf(event: NewEvent): string {
  return canonical({ ...event, at: event.at.toISOString() });
}

/** Events after `after`, in order of writing, as many as are not too heavy together. */
export async function readEvents(
  db: Db,
  seals: Seals,
  filter: { after: number; limit: number; approval?: string },
): Promise<LoggedEvent[]> {
  const approval = filter.approval === undefined ? sql`true` : isAbout(filter.approval);
  const events = sql`
    select * from holdfast.events e where e.n > ${String(filter.after)}::bigint and ${approval}
    order by e.n limit ${filter.limit}`;
  const found = await sql<LinkRow>`select ${LINK} from ${portionOf(events, IN_ORDER.written)} e order by e.n`.execute(
    db,
  );
  return mapInTurns(found.rows, (row) => eventOf(seals, row));
}

/** An event as its text says it. `seals`: null where nobody can tell whether a gateway wrote it. */
export function eventOf(seals: Seals | null, row: LinkRow): LoggedEvent {
  const body = JSON.parse(row.body) as JsonObject;
  const doubt = doubtOf(seals, row);
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
    ...(doubt === null ? {} : { doubt }),
  };
}

function doubtOf(seals: Seals | null, row: LinkRow): 'body' | 'columns' | null {
  const { seal, seq, body } = row;
  // A chained one without a seal is from before there were any, or the signer finds it.
  const isUnsealed = seal === null && seq !== null;
  const mayFit = seals === null || isUnsealed || seals.maker(seal) === 'retired' || seals.fits('event', body, seal);
  if (!mayFit) return 'body';
  return columnsAgree(row) ? null : 'columns';
}

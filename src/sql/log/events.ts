import { type RawBuilder, sql } from 'kysely';
import { canonical } from '../../domain/json/canonical.ts';
import { isObject, member } from '../../domain/json/json.ts';
import type { EventType, LoggedEvent, NewEvent } from '../../domain/log/event.ts';
import type { Seals } from '../../ports.ts';
import { mapInTurns } from '../../time/map-in-turns.ts';
import { standBack } from '../../time/stand-back.ts';
import { tookAll } from '../connection/not-taken.ts';
import type { Db } from '../table/tables.ts';
import { isAbout } from './about.ts';
import { columnsAgree, LINK, type LinkRow } from './chained.ts';
import { eventTextOf } from './deciding.ts';
import { IN_ORDER, portionOf } from './portion.ts';
import { writtenTo } from './written.ts';

/** An event's body from this many UTF-16 units on takes some milliseconds to be written, and to be sent. */
const LARGE_BODY = 256 * 1024;

/** Writes events in the order given, in one statement. They are chained later, by the sealer. Throws `NotTaken`. */
export async function writeEvents(db: Db, seals: Seals, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const [only] = events;
  if (events.length === 1 && mayBeLarge(only!)) return writeOne(db, seals, only!);
  const rows = events.map((event) => eventRow(seals, event));
  // One parameter for all of them, so that Kysely compiles one statement whatever their number.
  await sendEvents(
    db,
    rows,
    sql`select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.seal
    from rows from (json_to_recordset(${JSON.stringify(rows)}::json) as (body text,
      type text, at timestamptz, approval_id text, server text, tool text, grant_name text, actor text, seal text))
      with ordinality as e(body, type, at, approval_id, server, tool, grant_name, actor, seal, nth)
    order by e.nth`,
  );
}

/** The only event that says what a call's arguments are; everything else in an event is bounded. */
function mayBeLarge({ type }: NewEvent): boolean {
  return type === 'approval.requested';
}

/** Without quoting it once more as JSON, here and in the database. */
async function writeOne(db: Db, seals: Seals, event: NewEvent): Promise<void> {
  const body = bodyOf(event);
  if (body.length >= LARGE_BODY) await standBack();
  const row = rowOf(seals, event, body);
  const { seal, type, at, approval_id, server, tool, grant_name, actor } = row;
  if (body.length >= LARGE_BODY) await standBack();
  await sendEvents(
    db,
    [row],
    sql`values (${body}, ${type}, ${at}::timestamptz, ${approval_id}, ${server}, ${tool}, ${grant_name}, ${actor}, ${seal})`,
  );
}

/** What a statement says of the events that it wrote. */
export interface LoggedPart {
  /** Their cursors, in their order. */
  readonly logged: readonly (number | string)[] | null;
  /** The transaction. */
  readonly xid: string;
}

/** The columns of a `LoggedPart`, where `logged` is the part that inserted them and returned their `n`. */
export const LOGGED: RawBuilder<unknown> = sql`(select json_agg(w.n order by w.n) from logged w) as logged,
  pg_current_xact_id()::text as xid`;

/** The same; the statement fails if that is not all of it. */
export function loggedAll(sent: number): RawBuilder<unknown> {
  return sql`${LOGGED}, ${tookAll('events', sql`select count(*) from logged`, sent)} as took`;
}

async function sendEvents(
  db: Db,
  rows: readonly { readonly seal: string }[],
  source: RawBuilder<unknown>,
): Promise<void> {
  const written = await sql<LoggedPart>`
    with logged as (
      insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal)
      ${source} returning n
    ) select ${loggedAll(rows.length)}`.execute(db);
  rememberLogged(db, rows, written.rows[0]!);
}

/** What was logged is remembered until it is in the chain. */
export function rememberLogged(db: Db, rows: readonly { readonly seal: string }[], { logged, xid }: LoggedPart): void {
  writtenTo(db).remember(
    logged ?? [],
    rows.map(({ seal }) => seal),
    xid,
  );
}

/** The same as a part of a statement, for each row of `when`: what it tells happens in that statement. */
export function insertEvents(
  events: readonly ReturnType<typeof eventRow>[],
  when: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const rows = events.map(
    (
      row,
      nth,
    ) => sql`(${sql.lit(nth)}, ${row.body}::text, ${row.type}::text, ${row.at}::timestamptz, ${row.approval_id}::text, ${row.server}::text,
      ${row.tool}::text, ${row.grant_name}::text, ${row.actor}::text, ${row.seal}::text)`,
  );
  return sql`
    insert into holdfast.events (body, type, at, approval_id, server, tool, grant_name, actor, seal)
    select e.body, e.type, e.at, e.approval_id, e.server, e.tool, e.grant_name, e.actor, e.seal
    from ${when}, (values ${sql.join(rows)}) as e(nth, body, type, at, approval_id, server, tool, grant_name, actor, seal)
    order by e.nth`;
}

/** An event as a row of the table. */
export function eventRow(seals: Seals, event: NewEvent) {
  return rowOf(seals, event, bodyOf(event));
}

function rowOf(seals: Seals, event: NewEvent, body: string) {
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

/**
 * An event as its text says it; what that does not say, because somebody wrote what is no event, its columns do. `seals`:
 * null where nobody can tell whether a gateway wrote it.
 */
export function eventOf(seals: Seals | null, row: LinkRow): LoggedEvent {
  const body = eventTextOf(row);
  const doubt = doubtOf(seals, row);
  const at = new Date(String(member(body, 'at')));
  const data = member(body, 'data');
  const textIn = (name: string): string | null => {
    const value = member(body, name);
    return typeof value === 'string' ? value : null;
  };
  return {
    n: Number(row.n),
    seq: row.seq === null ? null : Number(row.seq),
    hash: row.hash,
    type: (textIn('type') ?? row.type) as EventType,
    at: Number.isNaN(at.getTime()) ? new Date(Number(row.ms)) : at,
    actor: textIn('actor') ?? row.actor,
    approval: textIn('approval'),
    server: textIn('server'),
    tool: textIn('tool'),
    grant: textIn('grant'),
    data: isObject(data) ? data : {},
    ...(doubt === null ? {} : { doubt }),
  };
}

function doubtOf(seals: Seals | null, row: LinkRow): NonNullable<LoggedEvent['doubt']> | null {
  const { seal, seq, body } = row;
  const isUnsealed = seal === null && seq !== null && seals?.mayLack(Number(seq)) === true;
  if (seals !== null && !isUnsealed && !seals.fits('event', body, seal)) {
    if (seals.maker(seal) !== 'retired') return 'body';
    if (seq === null || !seals.wasGood(seal, Number(seq))) return 'secret';
  }
  return columnsAgree(row) ? null : 'columns';
}

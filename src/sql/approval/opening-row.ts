import { type RawBuilder, sql } from 'kysely';
import type { NewEvent } from '../../domain/log/event.ts';
import type { NewApproval, NewJoiner, Seals } from '../../ports.ts';
import { eventRow } from '../log/events.ts';
import { APPROVAL_COLUMNS, approvalValues, newShownNow } from './insert.ts';

/** A new approval with its caller and its event, sealed and written as a row that `OPENING_ROWS` reads. */
export interface OpeningRow {
  /** As JSON. */
  readonly text: string;
  /** The event's. */
  readonly seal: string;
  /** It brings a key. */
  readonly keyed: boolean;
}

/** The columns of an event; a row brings each behind `event_`. */
export const EVENT_COLUMNS = [
  ['body', 'text'],
  ['type', 'text'],
  ['at', 'timestamptz'],
  ['approval_id', 'text'],
  ['server', 'text'],
  ['tool', 'text'],
  ['grant_name', 'text'],
  ['actor', 'text'],
  ['seal', 'text'],
] as const;

/** JSON goes as text, so that it stays what was sealed. */
function sentAs(type: string): string {
  return type === 'json' || type === 'jsonb' ? 'text' : type;
}

/** Writes the row; takes some tenths of a millisecond. */
export function openingRow(seals: Seals, request: NewApproval, joiner: NewJoiner, event: NewEvent): OpeningRow {
  const values = approvalValues(seals, request, newShownNow(seals, request), null);
  const logged = eventRow(seals, event);
  const row: Record<string, unknown> = {
    ...values,
    request: `\\x${Buffer.from(request.request).toString('hex')}`,
    fingerprints: [request.approval.fingerprint, ...request.olderFingerprints],
    joiner: joiner.id,
    session: joiner.session,
    request_id: joiner.requestId,
    replica: joiner.replica,
    erasable: request.erasable === undefined ? null : Buffer.from(request.erasable).toString('hex'),
  };
  for (const [name] of EVENT_COLUMNS) row[`event_${name}`] = logged[name];
  for (const [name, value] of Object.entries(row)) if (typeof value === 'string') row[name] = value.toWellFormed();
  return { text: JSON.stringify(row), seal: logged.seal, keyed: request.erasable !== undefined };
}

/** The rows of these texts, as `nth` and their columns. */
export function openingRows(rows: readonly OpeningRow[]): RawBuilder<unknown> {
  return sql`
    select * from rows from (json_to_recordset(${`[${rows.map(({ text }) => text).join(',')}]`}::json) as (${OF_TEXT}))
      with ordinality as r(${NAMES}, nth)`;
}

const COLUMNS: readonly (readonly [name: string, type: string])[] = [
  ...APPROVAL_COLUMNS.map(([name, type]) => [name, sentAs(type)] as const),
  ['fingerprints', 'text[]'],
  ['joiner', 'text'],
  ['session', 'text'],
  ['request_id', 'text'],
  ['replica', 'text'],
  ['erasable', 'text'],
  ...EVENT_COLUMNS.map(([name, type]) => [`event_${name}`, type] as const),
];
const OF_TEXT = sql.raw(COLUMNS.map((column) => column.join(' ')).join(', '));
const NAMES = sql.raw(COLUMNS.map(([name]) => name).join(', '));

function names(columns: readonly (readonly [string, string])[]): string {
  return columns.map(([name]) => name).join(', ');
}

/** Statements that insert what the rows of `from` bring, each with what it returns. */
export const insertFrom = {
  /** After the last opening that `load` found. */
  openings: (from: string) => sql`
    insert into holdfast.openings (id, grant_name, kind, seq, total)
    select c.id, c.grant_name, 'approval', l.seq + row_number() over (order by c.nth),
      l.total + sum(octet_length(c.request::bytea)) over (order by c.nth)
    from ${sql.raw(from)} c cross join load l order by c.nth returning 1`,
  approvals: (from: string) => sql`
    insert into holdfast.approvals (${sql.raw(names(APPROVAL_COLUMNS))})
    select ${sql.raw(APPROVAL_COLUMNS.map(([name, type]) => (sentAs(type) === type ? name : `${name}::${type}`)).join(', '))}
    from ${sql.raw(from)} returning *`,
  keys: (from: string, seals: Pick<Seals, 'prefix'>) => sql`
    insert into holdfast.erasable_keys (approval_id, key, secret)
    select id, decode(erasable, 'hex'), ${seals.prefix}::text from ${sql.raw(from)} where erasable is not null returning 1`,
  joiners: (from: string) => sql`
    insert into holdfast.joiners (id, approval_id, session, request_id, replica, joined_at)
    select joiner, id, session, request_id, replica, created_at from ${sql.raw(from)} returning 1`,
  events: (from: string) => sql`
    insert into holdfast.events (${sql.raw(names(EVENT_COLUMNS))})
    select ${sql.raw(EVENT_COLUMNS.map(([name]) => `event_${name}`).join(', '))} from ${sql.raw(from)}
    order by nth returning n`,
} as const;

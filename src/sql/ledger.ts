import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Backlog, ChainedEvent, Ledger } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { readCheckpoints, saveCheckpoint, unsignedHead } from './log/checkpoints.ts';
import { misphrased } from './log/phrase-check.ts';
import { IN_ORDER, portionOf } from './log/portion.ts';
import type { Tables } from './table/tables.ts';

/** The log as a chain, on Kysely. */
export function sqlLedger(db: Kysely<Tables>): Ledger {
  return guarded<Ledger>({
    chain: (after, limit, look = { phrases: true }) =>
      links(db, sql`e.seq > ${String(after)}::bigint`, IN_ORDER.chained, limit, look.phrases),
    unsealed: (after, limit) =>
      links(db, sql`e.seq is null and e.n > ${String(after)}::bigint`, IN_ORDER.written, limit),
    ends: () => ends(db),
    unsigned: () => unsignedHead(db),
    saveCheckpoint: (signed, event) => saveCheckpoint(db, signed, event),
    checkpoints: (after, upTo) => readCheckpoints(db, after, upTo),
    sinkCursor: (name) => sinkCursor(db, name),
    moveSink: (name, from, to, failures) => moveSink(db, name, from, to, failures),
    backlog: () => backlog(db),
  });
}

interface LinkRow {
  n: string;
  seq: string | null;
  hash: string | null;
  body: string;
  type: string;
  /** Milliseconds since the epoch. */
  ms: number;
  actor: string;
  approval_id: string | null;
  server: string | null;
  tool: string | null;
  grant_name: string | null;
  phrase: string | null;
}

const NONE: ReadonlySet<string> = new Set();

/** Times as numbers: to parse them as dates would cost as much as all the rest. */
async function links(
  db: Kysely<Tables>,
  which: RawBuilder<unknown>,
  order: RawBuilder<unknown>,
  limit: number,
  phrases = true,
): Promise<ChainedEvent[]> {
  const events = sql`select * from holdfast.events e where ${which} order by ${order} limit ${limit}`;
  const found = await sql<LinkRow>`
    select e.n, e.seq, e.hash, e.body, e.type, date_part('epoch', e.at) * 1000 as ms, e.actor, e.approval_id, e.server,
      e.tool, e.grant_name, e.phrase::text
    from ${portionOf(events, order)} e order by ${order}`.execute(db);
  const wrong = phrases ? await misphrased(db, found.rows) : NONE;
  return found.rows.map((row) => ({
    n: Number(row.n),
    seq: row.seq === null ? null : Number(row.seq),
    hash: row.hash,
    text: row.body,
    agrees: agrees(row) && !wrong.has(row.n),
  }));
}

/**
 * Whether the columns that searches go by say what the text says. The text is canonical, so its members stand in one
 * order and `data` in their middle; what is around it is written again from the columns and compared.
 */
function agrees(row: LinkRow): boolean {
  const { body } = row;
  const head = `{"actor":${quoted(row.actor)},"approval":${quoted(row.approval_id)},"at":"${new Date(Math.round(row.ms)).toISOString()}","data":{`;
  const tail = `,"server":${quoted(row.server)},"tool":${quoted(row.tool)},"type":${quoted(row.type)}}`;
  if (!body.startsWith(head) || !body.endsWith(tail)) return false;
  let end = body.length - tail.length;
  // The replica has no column.
  const replica = body.lastIndexOf(',"replica":"', end);
  if (replica !== -1 && body.indexOf('"', replica + 12) === end - 1) end = replica;
  return body.endsWith(`},"grant":${quoted(row.grant_name)}`, end);
}

/** RFC 8785 writes a string as JSON.stringify does. */
function quoted(text: string | null): string {
  return JSON.stringify(text);
}

async function ends(db: Kysely<Tables>): ReturnType<Ledger['ends']> {
  const found = await sql<{ head: string; checkpoint: string }>`
    select coalesce((select max(seq) from holdfast.events), 0) as head,
      coalesce((select max(seq) from holdfast.checkpoints), 0) as checkpoint`.execute(db);
  return { head: Number(found.rows[0]!.head), checkpoint: Number(found.rows[0]!.checkpoint) };
}

async function sinkCursor(db: Kysely<Tables>, name: string): ReturnType<Ledger['sinkCursor']> {
  const row = await db.selectFrom('holdfast.sinks').selectAll().where('name', '=', name).executeTakeFirst();
  return { seq: Number(row?.seq ?? 0), failures: row?.failures ?? 0 };
}

/** Compared by where it stood, so that of two replicas that delivered the same events one moves it. */
async function moveSink(
  db: Kysely<Tables>,
  name: string,
  from: number,
  to: number,
  failures: number,
): Promise<boolean> {
  const moved = await sql`
    insert into holdfast.sinks as s (name, seq, failures, updated_at)
    values (${name}, ${String(to)}::bigint, ${failures}, clock_timestamp())
    on conflict (name) do update
      set seq = excluded.seq, failures = excluded.failures, updated_at = excluded.updated_at
      where s.seq = ${String(from)}::bigint`.execute(db);
  return moved.numAffectedRows === 1n;
}

async function backlog(db: Kysely<Tables>): Promise<Backlog> {
  const found = await sql<{ [name in keyof Backlog]: string | number }>`
    select
      (select count(*) from holdfast.approvals where state = 'pending') as pending,
      (select count(*) from holdfast.approvals where state = 'approved') as approved,
      (select count(*) from holdfast.approvals where state = 'dispatched') as dispatched,
      coalesce((select max(seq) from holdfast.events), 0) as head,
      coalesce((select max(seq) from holdfast.checkpoints), 0) as covered,
      (select count(*) from holdfast.events where seq is null) as unsealed,
      ${ageOf(sql`select at from holdfast.events where seq is null order by n limit 1`)} as "unsealedAge",
      (select count(*) from holdfast.approvals where shown < revision) as "staleCards",
      ${ageOf(sql`select updated_at from holdfast.approvals where shown < revision order by id limit 1`)}
        as "staleCardAge",
      ${ageOf(sql`select min(expires_at) from holdfast.approvals
        where state = 'pending' and expires_at <= clock_timestamp()`)} as "overdueAge"`.execute(db);
  const numbers = Object.entries(found.rows[0]!).map(([name, value]) => [name, Number(value)]);
  return Object.fromEntries(numbers) as Backlog;
}

/** Seconds since the instant that the query finds; 0 when it finds none. */
function ageOf(instant: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`greatest(0, coalesce(extract(epoch from clock_timestamp() - (${instant})), 0))::float8`;
}

import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { successionOf } from '../../domain/log/key-change.ts';
import type { Seals, SealsBeginning, SealsBegun } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import type { EpochTable } from '../table/log-tables.ts';
import type { Db, Tables } from '../table/tables.ts';
import { writeEvents } from './events.ts';
import { readKeyEvents } from './keys.ts';
import { chainEvents, chainOwn } from './seal.ts';

type Trx = Transaction<Tables>;

/** Seconds for which a replica counts as alive after it last said so. */
const ALIVE_S = 15;
/** The lock of those who begin: "seal" in letters. */
const BEGIN_LOCK = 0x73_65_61_6c;

/**
 * Reads when seals began, or begins them: once in a database's life, however many replicas start at the same time.
 *
 * | database | seals |
 * |---|---|
 * | empty | begin at place 0 |
 * | of a release without seals, nobody else alive | begin at the chain's end, which is chained to its last event first; open questions end |
 * | of a release without seals, another replica alive | do not begin |
 * | has its row, which fits its seal and names the log that the chain names | have begun |
 * | the same, and a replica is alive that saves cards without seals | are waited with until it has stopped |
 * | has its row, by a secret that is not listed | an alarm; if an operator says that the secret is lost, they begin anew at the chain's end |
 * | its row does not fit, or is gone while any row has a seal or a witness knows a log here | an alarm: whoever removed it wants rows without seals to be believed |
 */
export async function openEpoch(db: Kysely<Tables>, seals: Seals, begin: SealsBeginning): Promise<SealsBegun> {
  const begun = await readOrBegin(db, seals, begin);
  if ('epoch' in begun) seals.mayLackUntil(begun.epoch.head);
  // No event is believed without a seal then.
  if (begun.kind === 'forged' || begun.kind === 'unlisted') seals.mayLackUntil(0);
  return begun;
}

async function readOrBegin(db: Kysely<Tables>, seals: Seals, begin: SealsBeginning): Promise<SealsBegun> {
  const known = await readEpoch(db, seals);
  if (known?.kind === 'known' && (await isBusy(db, begin.replica, 'unsealed cards'))) return { kind: 'busy' };
  if (known !== null && (known.kind !== 'unlisted' || begin.lost === null)) return known;
  const elsewhere = known === null ? await begin.known() : [];
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${BEGIN_LOCK})`.execute(trx);
    const meanwhile = await readEpoch(trx, seals);
    if (meanwhile !== null && meanwhile.kind !== 'unlisted') return meanwhile;
    if (await isBusy(trx, begin.replica, 'anybody')) return { kind: 'busy' };
    if (meanwhile !== null) return beginAnew(trx, seals, begin);
    if (await beganBefore(trx, elsewhere.length > 0)) {
      if (!(await isNamed(trx, seals))) seals.bind(elsewhere[0] ?? '');
      return { kind: 'forged' };
    }
    await chainEvents(trx);
    const head = await chainHead(trx);
    seals.bind(begin.log);
    const asked = await endOpen(trx, seals, begin);
    const row = { log: begin.log, head: String(head), at: begin.at };
    await insertEpoch(trx, { ...row, seal: seals.seal('epoch', epochText(row)) });
    await writeEvents(trx, seals, [begin.began(head)]);
    // Before anybody else writes: the first event of a new log names it.
    await chainOwn(trx, seals);
    return { kind: 'begun', epoch: { log: begin.log, head }, asked };
  });
}

/**
 * The secret is lost, so nothing that it sealed can be checked: all of it is treated like rows of a release without
 * seals. The log goes on, under a key that the key before did not vouch for.
 */
async function beginAnew(trx: Trx, seals: Seals, begin: SealsBeginning): Promise<SealsBegun> {
  const before = await trx.selectFrom('holdfast.epoch').selectAll().executeTakeFirstOrThrow();
  const { log } = before;
  const { log: named, inForce } = successionOf((await readKeyEvents(trx, null, Number.MAX_SAFE_INTEGER)).events);
  if (named !== null && named !== log) return { kind: 'forged' };
  await chainEvents(trx);
  const head = await chainHead(trx);
  const asked = await endOpen(trx, seals, begin);
  const row = { log, head: String(head), at: begin.at };
  const updated = await trx
    .updateTable('holdfast.epoch')
    .set({ head: row.head, at: row.at, seal: seals.seal('epoch', epochText(row)) })
    .executeTakeFirst();
  requireTaken('epoch', updated.numUpdatedRows, 1);
  const retired = [...new Set([...seals.earlier, before.seal.slice(0, seals.prefix.length)])];
  await writeEvents(trx, seals, [begin.lost!(log, head, inForce, retired)]);
  // What is written now is chained right after what is there.
  seals.retire(new Map(retired.map((prefix) => [prefix, head + 1])));
  await chainOwn(trx, seals);
  return { kind: 'begun', epoch: { log, head }, asked };
}

async function chainHead(trx: Trx): Promise<number> {
  const found = await sql<{ head: string }>`select coalesce(max(seq), 0) as head from holdfast.events`.execute(trx);
  return Number(found.rows[0]!.head);
}

/** What a seal looks like, whoever made it. */
const SEAL = /^1[0-9a-f]{40}$/;

async function readEpoch(db: Kysely<Tables>, seals: Seals): Promise<SealsBegun | null> {
  const row = await db.selectFrom('holdfast.epoch').selectAll().executeTakeFirst();
  const { events, retired } = await readKeyEvents(db, seals, Number.MAX_SAFE_INTEGER);
  // Whatever is wrong with the row: what the log's own events say can be read, and new ones are of the same log.
  const named = events[0]?.log ?? row?.log;
  if (named !== undefined) seals.bind(named);
  if (row === undefined) return null;
  seals.retire(retired);
  if (!seals.fits('epoch', epochText(row), row.seal)) {
    return { kind: isElsewhere(seals, row.seal) ? 'unlisted' : 'forged' };
  }
  // The row of another log under the same secret has a seal that fits.
  if (events.some(({ log }) => log !== row.log)) return { kind: 'forged' };
  if (retired.has(row.seal.slice(0, seals.prefix.length))) await resealEpoch(db, seals);
  return { kind: 'known', epoch: { log: row.log, head: Number(row.head) } };
}

/** Seals the row by the newest secret, so that it can be read when the others are no longer listed. */
export async function resealEpoch(db: Db, seals: Seals): Promise<void> {
  const row = await db.selectFrom('holdfast.epoch').selectAll().executeTakeFirst();
  if (row === undefined || !seals.fits('epoch', epochText(row), row.seal)) return;
  await db
    .updateTable('holdfast.epoch')
    .set({ seal: seals.seal('epoch', epochText(row)) })
    .where('seal', '=', row.seal)
    .execute();
}

type EpochRow = Pick<Selectable<EpochTable>, 'at' | 'head' | 'log' | 'seal'>;

function epochText({ log, head, at }: Omit<EpochRow, 'seal'>): string {
  return JSON.stringify([log, Number(head), at.getTime()]);
}

async function isNamed(trx: Trx, seals: Seals): Promise<boolean> {
  return (await readKeyEvents(trx, seals, Number.MAX_SAFE_INTEGER)).events.length > 0;
}

/**
 * An operator accepted the store: where the record of when seals began is gone, or no gateway wrote it, it is there again,
 * and the chain up to `head` may hold events without seals. One of a secret that is not listed stays as it is. False: it
 * names another log, and this user of the database may not replace it.
 */
export async function restoreEpoch(
  trx: Trx,
  seals: Seals,
  { log, head, at }: Omit<EpochRow, 'seal'>,
): Promise<boolean> {
  const made = { log, head, at, seal: seals.seal('epoch', epochText({ log, head, at })) };
  const row = await trx.selectFrom('holdfast.epoch').selectAll().executeTakeFirst();
  if (row === undefined) {
    await insertEpoch(trx, made);
    return true;
  }
  const fits = seals.fits('epoch', epochText(row), row.seal);
  if ((fits && row.log === log) || (!fits && isElsewhere(seals, row.seal))) return true;
  if (row.log === log) {
    const updated = await trx.updateTable('holdfast.epoch').set({ head, at, seal: made.seal }).executeTakeFirst();
    requireTaken('epoch', updated.numUpdatedRows, 1);
    return true;
  }
  // The gateway's own role in Postgres may not: then whoever owns the table takes the row out.
  const may = await sql<{ may: boolean }>`select has_table_privilege('holdfast.epoch', 'delete') as may`.execute(trx);
  if (may.rows[0]?.may !== true) return false;
  await trx.deleteFrom('holdfast.epoch').execute();
  await insertEpoch(trx, made);
  return true;
}

async function insertEpoch(trx: Trx, row: EpochRow): Promise<void> {
  const inserted = await trx.insertInto('holdfast.epoch').values(row).executeTakeFirst();
  requireTaken('epoch', inserted.numInsertedOrUpdatedRows, 1);
}

/** It looks like a seal, of a secret that is not listed. */
function isElsewhere(seals: Seals, seal: string): boolean {
  const maker = seals.maker(seal);
  return maker === 'retired' || (maker === 'unknown' && SEAL.test(seal));
}

/** Events whose seals are looked for in one statement. */
const LOOKED_AT_ONCE = 50_000;

/**
 * Whether seals began before and the record of it is gone. No release without seals leaves one anywhere, whatever is done
 * to the event that tells of it; and where every seal was taken out, a witness knows the log. An empty database is a new
 * one: nothing in it could be believed.
 */
async function beganBefore(trx: Trx, isKnownElsewhere: boolean): Promise<boolean> {
  const rows = await sql<{ last: string; sealed: boolean; any: boolean }>`
    select (select coalesce(max(n), 0) from holdfast.events) as last,
      exists (select 1 from holdfast.approvals) as any,
      exists (select 1 from holdfast.approvals where frozen_seal is not null or state_seal is not null)
        or exists (select 1 from holdfast.decisions where seal is not null) as sealed`.execute(trx);
  const { last, sealed, any } = rows.rows[0]!;
  if (sealed || (isKnownElsewhere && (any || Number(last) > 0))) return true;
  for (let from = 0; from < Number(last); from += LOOKED_AT_ONCE) {
    const found = await sql`
      select 1 from holdfast.events
      where n > ${String(from)}::bigint and n <= ${String(from + LOOKED_AT_ONCE)}::bigint and seal is not null
      limit 1`.execute(trx);
    if (found.rows.length > 0) return true;
  }
  return false;
}

/**
 * Whether another replica is alive: any one, or one that saves cards without seals, which would count as changed by somebody
 * else. Nobody needs to be waited for in a database that holds no approval and no event.
 */
async function isBusy(db: Db, replica: string, who: 'anybody' | 'unsealed cards'): Promise<boolean> {
  const found = await sql`
    select 1 from holdfast.replicas
    where id <> ${replica} and ${who === 'anybody' ? sql`true` : sql`not seals_cards`} and seen_at > clock_timestamp() - make_interval(secs => ${ALIVE_S})
      and (exists (select 1 from holdfast.approvals) or exists (select 1 from holdfast.events))
    limit 1`.execute(db);
  return found.rows.length > 0;
}

/**
 * Nothing unsealed ever becomes sealed: what was pending or approved ends, and is asked anew. What was under way, by a
 * replica that is gone, has an unknown outcome. So every live record without seals is forged from now on.
 */
async function endOpen(trx: Trx, seals: Seals, { at, ended }: SealsBeginning): Promise<number> {
  const over = await sql<{
    id: string;
    server: string;
    tool: string;
    grant_name: string;
    state: 'lapsed' | 'withdrawn' | 'unknown';
  }>`
    update holdfast.approvals set
      state = case state when 'approved' then 'lapsed' when 'dispatched' then 'unknown' else 'withdrawn' end,
      note = case state when 'dispatched' then ${UNDER_WAY} else ${ASKED_ANEW} end,
      revision = revision + 1, request = null, awaits = null, lease_until = null, dispatcher = null, updated_at = ${at}
    where state in ('pending', 'approved', 'dispatched') returning id, server, tool, grant_name, state`.execute(trx);
  const events = over.rows.map(({ id, server, tool, grant_name, state }) =>
    ended({ id, server, tool, grant: grant_name }, state),
  );
  for (let from = 0; from < events.length; from += 500) await writeEvents(trx, seals, events.slice(from, from + 500));
  return over.rows.filter(({ state }) => state !== 'unknown').length;
}

/** The note of a question that ended when seals began. */
export const ASKED_ANEW = 'it was opened before records were sealed; the same call is asked anew';
/** The note of a call that was under way then. */
const UNDER_WAY = 'it was sent before records were sealed, and nobody can say how it ended';

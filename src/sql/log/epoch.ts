import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { Seals, SealsBeginning, SealsBegun } from '../../ports.ts';
import type { EpochTable } from '../table/log-tables.ts';
import type { Tables } from '../table/tables.ts';
import { writeEvents } from './events.ts';
import { chainEvents } from './seal.ts';

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
 * | has its row, which fits its seal | have begun |
 * | its row does not fit, or is gone while the log tells of it | an alarm: whoever removed it wants rows without seals to be believed |
 */
export async function openEpoch(db: Kysely<Tables>, seals: Seals, begin: SealsBeginning): Promise<SealsBegun> {
  const known = await readEpoch(db, seals);
  if (known !== null) return known;
  return db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${BEGIN_LOCK})`.execute(trx);
    const meanwhile = await readEpoch(trx, seals);
    if (meanwhile !== null) return meanwhile;
    if (await toldBefore(trx, seals)) return { kind: 'forged' };
    if (await isBusy(trx, begin.replica)) return { kind: 'busy' };
    await chainEvents(trx);
    const found = await sql<{ head: string }>`select coalesce(max(seq), 0) as head from holdfast.events`.execute(trx);
    const head = Number(found.rows[0]!.head);
    const asked = await endOpen(trx, seals, begin);
    const row = { log: begin.log, head: String(head), at: begin.at };
    await trx
      .insertInto('holdfast.epoch')
      .values({ ...row, seal: seals.seal('epoch', epochText(row)) })
      .execute();
    await writeEvents(trx, seals, [begin.began(head)]);
    return { kind: 'begun', epoch: { log: begin.log, head }, asked };
  });
}

async function readEpoch(db: Kysely<Tables>, seals: Seals): Promise<SealsBegun | null> {
  const row = await db.selectFrom('holdfast.epoch').selectAll().executeTakeFirst();
  if (row === undefined) return null;
  if (!seals.fits('epoch', epochText(row), row.seal)) return { kind: 'forged' };
  return { kind: 'known', epoch: { log: row.log, head: Number(row.head) } };
}

function epochText({ log, head, at }: Pick<Selectable<EpochTable>, 'at' | 'head' | 'log'>): string {
  return JSON.stringify([log, Number(head), at.getTime()]);
}

/** Whether a gateway has written that seals began. */
async function toldBefore(trx: Trx, seals: Seals): Promise<boolean> {
  const told = await sql<{ body: string; seal: string | null }>`
    select body, seal from holdfast.events where type = 'seals.began' order by n limit 100`.execute(trx);
  return told.rows.some(({ body, seal }) => seals.fits('event', body, seal));
}

/** Nobody needs to be waited for in a database that holds no approval and no event. */
async function isBusy(trx: Trx, replica: string): Promise<boolean> {
  const found = await sql`
    select 1 from holdfast.replicas
    where id <> ${replica} and seen_at > clock_timestamp() - make_interval(secs => ${ALIVE_S})
      and (exists (select 1 from holdfast.approvals) or exists (select 1 from holdfast.events))
    limit 1`.execute(trx);
  return found.rows.length > 0;
}

/** Nothing unsealed ever becomes sealed: what was pending or approved ends, and is asked anew. */
async function endOpen(trx: Trx, seals: Seals, { at, ended }: SealsBeginning): Promise<number> {
  const over = await sql<{
    id: string;
    server: string;
    tool: string;
    grant_name: string;
    state: 'lapsed' | 'withdrawn';
  }>`
    update holdfast.approvals set state = case state when 'approved' then 'lapsed' else 'withdrawn' end,
      revision = revision + 1, note = ${ASKED_ANEW}, request = null, updated_at = ${at}
    where state in ('pending', 'approved') returning id, server, tool, grant_name, state`.execute(trx);
  const events = over.rows.map(({ id, server, tool, grant_name, state }) =>
    ended({ id, server, tool, grant: grant_name }, state),
  );
  for (let from = 0; from < events.length; from += 500) await writeEvents(trx, seals, events.slice(from, from + 500));
  return over.rows.length;
}

/** The note of a question that ended when seals began. */
export const ASKED_ANEW = 'it was opened before records were sealed; the same call is asked anew';

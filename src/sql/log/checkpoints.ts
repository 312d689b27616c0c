import { type Kysely, sql } from 'kysely';
import { readCheckpoint, type SignedCheckpoint } from '../../domain/log/checkpoint.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Ledger, Seals } from '../../ports.ts';
import { requireTaken } from '../connection/not-taken.ts';
import type { Tables } from '../table/tables.ts';
import { writeEvents } from './events.ts';
import { lockSigning } from './sign-lock.ts';

/**
 * The chain's head, if anything but checkpoints was sealed since the last checkpoint, if that is older than `before`, or
 * if it is of an event that is not there.
 */
export async function unsignedHead(db: Kysely<Tables>, before: Date | null): ReturnType<Ledger['unsigned']> {
  const found = await sql<{ seq: string; hash: string; body: string | null; signature: string | null }>`
    with last as (select seq, at, body, signature from holdfast.checkpoints order by seq desc limit 1)
    select e.seq, e.hash, (select body from last) as body, (select signature from last) as signature
    from holdfast.events e
    where e.seq is not null and (
      (select at from last) < ${before?.toISOString() ?? null}::timestamptz
      -- A row that no gateway wrote must not make the log look signed for ever.
      or (select seq from last) > (select max(seq) from holdfast.events)
      or exists (
        -- In order: else Postgres, who does not know the last place when it plans, looks through the log from its beginning.
        select from (
          select n.seq from holdfast.events n
          where n.seq > coalesce((select seq from last), 0) and n.type <> 'checkpoint.signed' order by n.seq limit 1
        ) as fresh))
    order by e.seq desc limit 1`.execute(db);
  const row = found.rows[0];
  if (row === undefined) return null;
  const last = row.body === null || row.signature === null ? null : { text: row.body, signature: row.signature };
  return { seq: Number(row.seq), hash: row.hash, last };
}

/**
 * Saves a checkpoint with its event, if the checkpoint that it names as the previous one is still the last. Of two
 * replicas that sign at the same time one commits; the other gets false and has nothing to do.
 */
export async function saveCheckpoint(
  db: Kysely<Tables>,
  seals: Seals,
  signed: SignedCheckpoint,
  event: NewEvent,
): Promise<boolean> {
  const checkpoint = readCheckpoint(signed.text);
  if (checkpoint === null) throw new Error('not a checkpoint');
  return db.transaction().execute(async (trx) => {
    await lockSigning(trx);
    const last = await sql<{ digest: string }>`
      select encode(sha256(convert_to(body, 'UTF8')), 'hex') as digest
      from holdfast.checkpoints order by seq desc limit 1`.execute(trx);
    if ((last.rows[0]?.digest ?? null) !== checkpoint.previous) return false;
    const saved = await trx
      .insertInto('holdfast.checkpoints')
      .values({
        seq: String(checkpoint.seq),
        hash: checkpoint.hash,
        at: new Date(checkpoint.at),
        body: signed.text,
        signature: signed.signature,
      })
      .executeTakeFirst();
    requireTaken('checkpoints', saved.numInsertedOrUpdatedRows, 1);
    await writeEvents(trx, seals, [event]);
    return true;
  });
}

export async function readCheckpoints(
  db: Kysely<Tables>,
  after: number,
  upTo: number,
): ReturnType<Ledger['checkpoints']> {
  const rows = await db
    .selectFrom('holdfast.checkpoints')
    .select(['seq', 'body', 'signature'])
    .where('seq', '>', String(after))
    .where('seq', '<=', String(upTo))
    .orderBy('seq')
    .execute();
  return rows.map(({ seq, body, signature }) => ({ seq: Number(seq), text: body, signature }));
}

/** The first checkpoint at this place or behind it. */
export async function coveringCheckpoint(db: Kysely<Tables>, seq: number): ReturnType<Ledger['covering']> {
  const row = await db
    .selectFrom('holdfast.checkpoints')
    .select(['seq', 'body', 'signature'])
    .where('seq', '>=', String(seq))
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : { seq: Number(row.seq), text: row.body, signature: row.signature };
}

export async function chainHashes(db: Kysely<Tables>, after: number, upTo: number): Promise<string[]> {
  const rows = await db
    .selectFrom('holdfast.events')
    .select('hash')
    .where('seq', '>', String(after))
    .where('seq', '<=', String(upTo))
    .orderBy('seq')
    .execute();
  return rows.map(({ hash }) => hash!);
}

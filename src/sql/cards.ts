import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../domain/event.ts';
import type { CardRecord } from '../ports.ts';
import { writeEvents } from './events.ts';
import type { Tables } from './schema.ts';

export async function readCard(db: Kysely<Tables>, approval: string): Promise<CardRecord | null> {
  const row = await db.selectFrom('holdfast.cards').selectAll().where('approval_id', '=', approval).executeTakeFirst();
  if (!row) return null;
  return {
    approval: row.approval_id,
    channel: row.channel,
    ts: row.ts,
    revision: row.revision,
    digest: row.digest,
    postedAt: row.posted_at,
  };
}

/** Remembers where the card is and what it shows. A later revision is never overwritten by an earlier one. */
export async function saveCard(db: Kysely<Tables>, card: CardRecord, event: NewEvent | null): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`
      insert into holdfast.cards as c (approval_id, channel, ts, revision, digest, posted_at)
      values (${card.approval}, ${card.channel}, ${card.ts}, ${card.revision}, ${card.digest}, ${card.postedAt})
      on conflict (approval_id) do update set channel = excluded.channel, ts = coalesce(excluded.ts, c.ts),
        revision = greatest(c.revision, excluded.revision),
        digest = case when excluded.revision >= c.revision then excluded.digest else c.digest end,
        posted_at = coalesce(c.posted_at, excluded.posted_at)`.execute(trx);
    await sql`
      update holdfast.approvals set shown = greatest(shown, ${card.revision}) where id = ${card.approval}`.execute(trx);
    if (event) await writeEvents(trx, [event]);
  });
}

import { type Kysely, sql } from 'kysely';
import type { NewEvent } from '../domain/event.ts';
import type { TaskStore } from '../ports.ts';
import { writeEvents } from './events.ts';
import type { Tables } from './schema.ts';

type Remember = Parameters<TaskStore['rememberContinuation']>[0];
type Take = Parameters<TaskStore['takeContinuation']>[0];

export async function rememberContinuation(db: Kysely<Tables>, one: Remember): Promise<void> {
  await sql`
    insert into holdfast.continuations (digest, grant_name, server, fingerprint, approval_id, expires_at)
    values (${one.digest}, ${one.grant}, ${one.server}, ${one.fingerprint}, ${one.approval}, ${one.expiresAt})
    on conflict (digest, grant_name, server, fingerprint) do update
      set approval_id = excluded.approval_id, expires_at = excluded.expires_at`.execute(db);
}

/** P2: the row is deleted with its event, before anything is sent; whoever deletes it sends. */
export async function takeContinuation(
  db: Kysely<Tables>,
  one: Take,
  event: (approval: string) => NewEvent,
): Promise<string | null> {
  return db.transaction().execute(async (trx) => {
    const taken = await sql<{ approval_id: string }>`
      delete from holdfast.continuations
      where digest = ${one.digest} and grant_name = ${one.grant} and server = ${one.server}
        and fingerprint = any(${one.fingerprints}::text[]) and expires_at > ${one.now}
      returning approval_id`.execute(trx);
    const approval = taken.rows[0]?.approval_id;
    if (approval === undefined) return null;
    await writeEvents(trx, [event(approval)]);
    return approval;
  });
}

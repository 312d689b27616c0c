import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import type { GivenAnswer } from '../../domain/approval/answer.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { NewEvent } from '../../domain/log/event.ts';
import type { Seals, TaskStore } from '../../ports.ts';
import { Altered, awaitsAnswer, goesOn, lockSealed, readBack, withAnswer } from '../approval/legs.ts';
import { seatAgain } from '../approval/seats.ts';
import { writeRows } from '../connection/not-taken.ts';
import { writeEvents } from '../log/events.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { SealedTables } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';
import type { ContinuationTable } from '../table/task-tables.ts';

type NewContinuation = Parameters<TaskStore['rememberContinuation']>[0];
type ReturnedState = Parameters<TaskStore['takeContinuation']>[0];
type Continued = Awaited<ReturnType<TaskStore['takeContinuation']>>;

/** Thrown inside the transaction to roll it back; never leaves this file. */
class NotAwaited extends Error {}

export async function rememberContinuation(
  db: Kysely<Tables>,
  tables: SealedTables,
  continuation: NewContinuation,
): Promise<void> {
  const { digest, grant, server, fingerprint, approval, expiresAt } = continuation;
  const seal = tables.seal('continuations', { digest, grant_name: grant, server, fingerprint, approval_id: approval });
  const insert = sql`
    insert into holdfast.continuations (digest, grant_name, server, fingerprint, approval_id, expires_at, seal)
    values (${digest}, ${grant}, ${server}, ${fingerprint}, ${approval}, ${expiresAt}, ${seal})
    on conflict (digest, grant_name, server, fingerprint) do update
      set approval_id = excluded.approval_id, expires_at = excluded.expires_at, seal = excluded.seal`;
  await writeRows(db, 'continuations', 1, insert);
}

/**
 * P2: the row is deleted, with its event and the approval's change, before anything is sent. Only the one who deletes
 * it sends.
 */
export async function spendContinuation(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Beliefs,
  returned: ReturnedState,
  given: GivenAnswer,
  events: (approval: string) => readonly NewEvent[],
): Promise<Continued> {
  const spending = () =>
    db
      .transaction()
      .execute((trx) => spend(trx, seals, beliefs, returned, given, events))
      .catch((error: unknown) => {
        if (error instanceof NotAwaited || error instanceof Altered) return null;
        throw error;
      });
  return beliefs.freezes.attempt(spending, (continued) => continued === null);
}

async function spend(
  trx: Transaction<Tables>,
  seals: Seals,
  { tables, freezes }: Beliefs,
  returned: ReturnedState,
  given: GivenAnswer,
  events: (approval: string) => readonly NewEvent[],
): Promise<Continued> {
  const { digests, grant, server, fingerprints, now, dispatcher, until } = returned;
  const deleted = await sql<Selectable<ContinuationTable>>`
    delete from holdfast.continuations
    where digest = any(${digests}::text[]) and grant_name = ${grant} and server = ${server}
      and fingerprint = any(${fingerprints}::text[]) and expires_at > ${now} and ${freezes.unless({ server, grant })}
    returning digest, grant_name, server, fingerprint, approval_id, expires_at, seal`.execute(trx);
  if (deleted.rows.length === 0) return null;
  const row = deleted.rows.find((one) => tables.believes('continuations', one));
  if (row === undefined) throw new NotAwaited();
  const id = row.approval_id;
  const awaited = await lockSealed(trx, seals, id);
  if (awaited === null || !awaitsAnswer(awaited, now)) throw new NotAwaited();
  const next = goesOn(seals, awaited);
  const goOn = sql`
    update holdfast.approvals set dispatcher = ${dispatcher}, lease_until = ${until}, ${next.columns},
      answers = ${withAnswer(seals, id, given)}, revision = revision + 1, updated_at = clock_timestamp()
    where id = ${id}`;
  await writeRows(trx, 'approvals', 1, goOn);
  const joiner = await seatAgain(trx, id, returned.joiner, now);
  await writeEvents(trx, seals, events(id));
  const approval = await readBack(trx, seals, awaited, next.seal);
  return { approval, joiner, round: awaited.questions, stood: awaited.leaseUntil! };
}

/** The approval that the state would continue. */
export async function findContinuation(
  db: Kysely<Tables>,
  seals: Seals,
  tables: SealedTables,
  { digests, grant, server, fingerprints, now }: Parameters<TaskStore['findContinuation']>[0],
): Promise<Approval | null> {
  const found = await sql<ApprovalRow & { c_digest: string; c_fingerprint: string; c_seal: string | null }>`
    select ${APPROVAL}, c.digest as c_digest, c.fingerprint as c_fingerprint, c.seal as c_seal
    from holdfast.continuations c join holdfast.approvals a on a.id = c.approval_id
    where c.digest = any(${digests}::text[]) and c.grant_name = ${grant} and c.server = ${server}
      and c.fingerprint = any(${fingerprints}::text[]) and c.expires_at > ${now}
      and a.state = 'dispatched' and a.awaits = 'input'`.execute(db);
  const [row] = found.rows;
  if (row === undefined) return null;
  const { c_digest: digest, c_fingerprint: fingerprint, c_seal: seal } = row;
  const believed = { digest, grant_name: grant, server, fingerprint, approval_id: row.id, seal };
  return tables.believes('continuations', believed) ? approvalOf(seals, row) : null;
}

import { sql, type Transaction } from 'kysely';
import { type GivenAnswer, MOST_GIVEN } from '../../domain/approval/answer.ts';
import type { Approval } from '../../domain/approval/approval.ts';
import type { ContinuedParent, Continuing, NewApproval, Seals } from '../../ports.ts';
import { writeRows } from '../connection/not-taken.ts';
import { writeEvents } from '../log/events.ts';
import { changeSet } from '../log/sealed-set.ts';
import { ASKED_ROW, ASKED_SET, type AskedSetRow, askedText } from '../sets/asked-set.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import { lockSet } from '../sets/set-table.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { SealedAnswer } from '../table/believed-answers.ts';
import { answerText, stateText } from '../table/sealed-rows.ts';
import type { Tables } from '../table/tables.ts';
import { hasNotEnded } from './history.ts';
import { seatAgain } from './seats.ts';

type Trx = Transaction<Tables>;

/** Thrown inside a transaction to roll it back: the server no longer waits for this answer. Never leaves the store. */
export class Unasked extends Error {}

/**
 * Thrown inside a transaction to roll it back: a row came back otherwise than it was written, so that something else writes
 * while we do. Never leaves the store.
 */
export class Altered extends Error {}

/** The latest answers, with this one, sealed, at the end: the column `answers` of the approval `id`. */
export function withAnswer(seals: Seals, id: string, given: GivenAnswer) {
  const kept = { ...given, text: given.text.toWellFormed() };
  const sealed: SealedAnswer = { ...kept, seal: seals.seal('answer', answerText(id, kept)) };
  return sql`(case when jsonb_array_length(answers) >= ${MOST_GIVEN}::int then answers - 0 else answers end)
    || ${JSON.stringify([sealed])}::text::jsonb`;
}

/**
 * The call whose server asked waits until a person can have decided about the answer, and so does its question. Locks
 * the call. Throws `Unasked`.
 */
export async function waitForLeg(trx: Trx, { approval, leg }: NewApproval): Promise<void> {
  const { answersTo, asked } = approval;
  if (answersTo === null || asked === null || leg === undefined) return;
  if (asked.kind === 'request') {
    const open = await sql`
      update holdfast.approvals a set revision = revision + 1, updated_at = clock_timestamp()
      where a.id = ${answersTo} and a.state = 'dispatched' and exists (select 1 from holdfast.asked_requests q
        where q.n = ${asked.n} and q.approval_id = a.id and q.answered_at is null)
      returning 1`.execute(trx);
    if (open.rows.length === 0) throw new Unasked();
    return;
  }
  const waits = await sql`
    update holdfast.approvals set lease_until = greatest(lease_until, ${leg.until}::timestamptz),
      revision = revision + 1, updated_at = clock_timestamp()
    where id = ${answersTo} and state = 'dispatched' and awaits = 'input' and questions = ${asked.n}
      and lease_until > ${leg.now}
    returning 1`.execute(trx);
  if (waits.rows.length === 0) throw new Unasked();
  await sql`
    update holdfast.continuations set expires_at = greatest(expires_at, ${leg.until}::timestamptz)
    where approval_id = ${answersTo}`.execute(trx);
}

/**
 * The call goes on with the answer. Whoever commits this, with the change of the leg, is the only one that answers the
 * question: the call awaits nothing any more, and no state of its server's admits another answer (P2). Throws `Unasked`, `Altered`.
 */
export async function continueParent(
  trx: Trx,
  seals: Seals,
  beliefs: Beliefs,
  continuing: Continuing,
): Promise<ContinuedParent> {
  const { parent, asked, given, dispatch, events, now } = continuing;
  const found = await lockSealed(trx, seals, parent);
  if (found === null || found.state !== 'dispatched') throw new Unasked();
  if (asked.kind === 'result' && !(awaitsAnswer(found, now) && found.questions === asked.n)) throw new Unasked();
  if (asked.kind === 'request') await markAnswered(trx, seals, beliefs, asked.n, now);
  else await sql`delete from holdfast.continuations where approval_id = ${parent}`.execute(trx);
  const next = dispatch === null ? null : goesOn(seals, found);
  const goOn = sql`
    update holdfast.approvals set answers = ${withAnswer(seals, parent, given)}, revision = revision + 1,
      updated_at = clock_timestamp()
      ${dispatch === null || next === null ? sql`` : sql`, dispatcher = ${dispatch.by}, lease_until = ${dispatch.until}, ${next.columns}`}
    where id = ${parent}`;
  await writeRows(trx, 'approvals', 1, goOn);
  const joiner = dispatch?.joiner ? await seatAgain(trx, parent, dispatch.joiner, now) : null;
  await writeEvents(trx, seals, events);
  return {
    approval: await readBack(trx, seals, found, next?.seal ?? null),
    joiner,
    round: found.questions,
    stood: dispatch === null ? null : (found.leaseUntil ?? now),
  };
}

/**
 * The approval, locked; null where it is gone, does not fit its seals, or has ended as the log says. Nothing of that goes
 * on (P1, P2).
 */
export async function lockSealed(trx: Trx, seals: Seals, id: string): Promise<Approval | null> {
  const locked = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a where a.id = ${id} and ${hasNotEnded(id)} for update of a`.execute(
    trx,
  );
  const approval = locked.rows[0] === undefined ? null : approvalOf(seals, locked.rows[0]);
  return approval === null || approval.broken !== null ? null : approval;
}

/** Whether the call goes on with an answer that comes now. */
export function awaitsAnswer({ state, awaits, leaseUntil }: Approval, now: Date): boolean {
  return state === 'dispatched' && awaits === 'input' && leaseUntil !== null && leaseUntil > now;
}

/** The columns of a dispatched call that awaits nothing any more, together with `revision = revision + 1`, and its state's seal. */
export function goesOn(seals: Seals, { id, revision, questions, pickupUntil }: Approval) {
  const terms = { pickupUntil, awaits: null, questions };
  const seal = seals.seal('state', stateText(id, 'dispatched', revision + 1, terms));
  return { seal, columns: sql`awaits = null, note = null, state_revision = ${revision + 1}, state_seal = ${seal}` };
}

/**
 * Each request that a gateway kept is answered once: it leaves the set of unanswered ones, in which it must be found, and
 * which must be whole. A row that somebody opened again is in no such set. Throws `Unasked`.
 */
export async function markAnswered(trx: Trx, seals: Seals, beliefs: Beliefs, n: number, now: Date): Promise<void> {
  await lockSet(trx, ASKED_SET.name);
  const waiting = await beliefs.wholeRows(ASKED_SET, trx);
  const known = waiting?.find((one) => Number(one.n) === n);
  if (known === undefined) throw new Unasked();
  const marked = await sql<AskedSetRow>`
    update holdfast.asked_requests set answered_at = ${now} where n = ${n} and answered_at is null
    returning ${ASKED_ROW}`.execute(trx);
  const row = marked.rows[0];
  if (row === undefined || askedText(row) !== askedText(known)) throw new Unasked();
  await changeSet(trx, seals, ASKED_SET.name, { removed: [askedText(known)] });
}

/**
 * The row as this transaction has just left it. `before`: as it was judged; `seal`: of the state that was written, null: the
 * state is as it was. Throws `Altered`.
 */
export async function readBack(trx: Trx, seals: Seals, before: Approval, seal: string | null): Promise<Approval> {
  const after = await readOne(trx, seals, before.id);
  const [frozen, state] = before.seal.split(' ');
  const isOurs = after.broken === null && after.revision === before.revision + 1;
  if (!isOurs || after.seal !== `${frozen} ${seal ?? state}`) throw new Altered();
  return after;
}

export async function readOne(trx: Trx, seals: Seals, id: string): Promise<Approval> {
  const found = await sql<ApprovalRow>`select ${APPROVAL} from holdfast.approvals a where a.id = ${id}`.execute(trx);
  return approvalOf(seals, found.rows[0]!);
}

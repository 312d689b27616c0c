import { type Kysely, type RawBuilder, sql, type Transaction } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import { digestMarkIn } from '../../domain/approval/burst.ts';
import { type ErasedRow, erasedCall } from '../../domain/approval/erase.ts';
import { cardNamed } from '../../domain/approval/seen-card.ts';
import type { Erasure } from '../../domain/call/erasure.ts';
import type { Json } from '../../domain/json/json.ts';
import { ERASABLE_TYPES, enclosedIn, erasablePart } from '../../domain/log/enclosed.ts';
import type { ErasedData, EraseOrder, EraseOutcome, Seals } from '../../ports.ts';
import { hasNotEnded } from '../approval/history.ts';
import { writeRows } from '../connection/not-taken.ts';
import { isAbout } from '../log/about.ts';
import { LINK, type LinkRow } from '../log/chained.ts';
import { eventOf, writeEvents } from '../log/events.ts';
import { APPROVAL, type ApprovalRow, approvalOf, frozenOf } from '../table/approval-row.ts';
import { frozenText, reasonsText, shownDigest } from '../table/sealed-rows.ts';
import type { Tables } from '../table/tables.ts';
import { keysOf, sealedErasure } from './keys.ts';

type Trx = Transaction<Tables>;

/** Events of one approval whose cards and texts are looked at. */
const MOST_EVENTS = 10_000;

/**
 * Destroys the key of an approval, and what else says what its call was, with the event, in one transaction: either all of it is
 * done and logged, or nothing.
 *
 * | race | who wins |
 * |---|---|
 * | two erasures | the first that locks the approval's row; the other finds it erased |
 * | a card that is being written | it would keep what it shows: refused until its run is over; a run that begins later reads what is left |
 * | the outcome of an unknown call that comes late | its row is another revision: it is read again, and changes nothing of this |
 * | death at any point | nothing was done, or all |
 */
export async function eraseApproval(db: Kysely<Tables>, seals: Seals, order: EraseOrder): Promise<EraseOutcome> {
  return db.transaction().execute(async (trx): Promise<EraseOutcome> => {
    const { approval: id, erasure } = order;
    // What is read with the row is read once it is locked.
    await sql`select id from holdfast.approvals where id = ${id} for update`.execute(trx);
    const found = await sql<ApprovalRow & { result_until: Date | null }>`
      select ${APPROVAL}, a.result_until from holdfast.approvals a where a.id = ${id}`.execute(trx);
    const row = found.rows[0] ?? null;
    const approval = row === null ? null : approvalOf(seals, row);
    const known = (await keysOf(trx, seals, [id])).get(id);
    // Somebody put it back since.
    if (known?.erasure && known.key !== null) await destroyKey(trx, seals, id, known.erasure);
    if (approval !== null) {
      const beside = await besides(trx, id, row!.result_until);
      const logged = known?.erasure !== undefined && known.erasure !== null;
      const unended = approval.broken !== null && (await hasEventsAndNoEnd(trx, id));
      const why = order.judge(approval, { ...beside, logged, unended });
      if (why !== null) return { kind: 'refused', why };
    }
    // A record that was put back is erased once more.
    if (known?.erasure && approval === null) return { kind: 'refused', why: 'erased' };
    const { digests, enclosed, clear } = await told(trx, seals, id);
    // Row and events may be in an archive by now.
    if (approval === null && known === undefined && enclosed + clear === 0) return { kind: 'not_found' };
    // First: where rights are few, the rest is allowed because of it.
    await destroyKey(trx, seals, id, erasure);
    const gone = await sql`
      delete from holdfast.card_contents where approval_id = ${id} or digest = any(${digests}::text[])
        or approval_id in (${ofItsMessage(id)})`.execute(trx);
    await sql`
      delete from holdfast.questions where task_id in (select id from holdfast.tasks where approval_id = ${id})`.execute(
      trx,
    );
    await sql`delete from holdfast.tasks where approval_id = ${id}`.execute(trx);
    const data: ErasedData = { cards: Number(gone.numAffectedRows ?? 0), enclosed, clear };
    if (row !== null) await eraseRow(trx, seals, row, approval!, order);
    await writeEvents(trx, seals, [order.event(approval, data)]);
    const after = row === null ? null : await readAgain(trx, seals, id);
    return { kind: 'erased', data, approval: after };
  });
}

/**
 * Those that one message tells together with this one: every later version of it has its line, whichever call it was kept with.
 */
function ofItsMessage(id: string): RawBuilder<unknown> {
  return sql`select c.approval_id from holdfast.cards o join holdfast.cards c
    on starts_with(c.digest, 'digest:' || split_part(o.digest, ':', 2) || ':')
    where o.approval_id = ${id} and starts_with(o.digest, 'digest:')`;
}

async function hasEventsAndNoEnd(trx: Trx, id: string): Promise<boolean> {
  const found = await sql<{ so: boolean }>`
    select exists (select 1 from holdfast.events e where ${isAbout(id)}) and ${hasNotEnded(id)} as so`.execute(trx);
  return found.rows[0]!.so;
}

async function destroyKey(trx: Trx, seals: Seals, id: string, erasure: Erasure): Promise<void> {
  const record = sealedErasure(seals, id, erasure);
  await writeRows(
    trx,
    'erasable_keys',
    1,
    sql`
      insert into holdfast.erasable_keys as k (approval_id, key, erased, secret)
      values (${id}, null, ${record}, ${seals.prefix})
      on conflict (approval_id) do update set key = null, erased = excluded.erased, secret = excluded.secret`,
  );
}

/** What is judged besides the approval. Its card's row, and that of the message that tells several calls, are locked. */
async function besides(trx: Trx, id: string, resultUntil: Date | null): Promise<ErasedRow> {
  const cards = await sql<{ digest: string; runs: boolean }>`
    select digest, run is not null and run_until > clock_timestamp() as runs
    from holdfast.cards where approval_id = ${id} for update`.execute(trx);
  const leader = digestMarkIn(cards.rows[0]?.digest)?.leader;
  const led =
    leader === undefined || leader === id
      ? []
      : (
          await sql<{ runs: boolean }>`
            select run is not null and run_until > clock_timestamp() as runs
            from holdfast.cards where approval_id = ${leader} for update`.execute(trx)
        ).rows;
  const tasks = await sql<{ until: Date | null }>`
    select max(expires_at) as until from holdfast.tasks where approval_id = ${id} and fetched_at is null`.execute(trx);
  return {
    owedUntil: resultUntil,
    taskUntil: tasks.rows[0]?.until ?? null,
    cardRuns: [...cards.rows, ...led].some(({ runs }) => runs),
  };
}

/** What the log tells of the call: the digests of its cards, and how many events say what it was, readable or not. */
async function told(
  trx: Trx,
  seals: Seals,
  id: string,
): Promise<{ readonly digests: readonly string[]; readonly enclosed: number; readonly clear: number }> {
  const types = [...ERASABLE_TYPES, 'card.posted', 'card.updated'];
  const found = await sql<LinkRow>`
    select ${LINK} from holdfast.events e where ${isAbout(id)} and e.type = any(${types}::text[])
    order by e.n limit ${MOST_EVENTS}`.execute(trx);
  const digests = new Set<string>();
  let enclosed = 0;
  let clear = 0;
  for (const row of found.rows) {
    const event = eventOf(seals, row);
    // Only of what a gateway wrote: a forged event could name another call's card.
    if (event.approval !== id || event.doubt === 'body') continue;
    if (enclosedIn(event.data) !== null) enclosed += 1;
    else if (erasablePart(event.type, event.data) !== null) clear += 1;
    const digest = cardNamed(row.body);
    if (digest !== null) digests.add(digest);
  }
  return { digests: [...digests], enclosed, clear };
}

/**
 * The row without what it says of the call. A row of which all fits its seals is sealed anew; one that does not, no gateway
 * wrote, and it must not become one that a gateway did.
 */
async function eraseRow(
  trx: Trx,
  seals: Seals,
  row: ApprovalRow,
  approval: Approval,
  { erasure }: EraseOrder,
): Promise<void> {
  const left = erasedCall(approval, erasure);
  const texts = {
    arguments: JSON.stringify(left.arguments),
    sent: JSON.stringify(left.sent),
    hidden: row.hidden,
    trace: JSON.stringify(left.trace),
  };
  const asked = left.asked === null ? null : JSON.stringify(left.asked);
  const counterOf = left.counterOf === undefined ? null : JSON.stringify(left.counterOf).toWellFormed();
  const shown = approval.broken === null ? shownDigest(seals, texts) : null;
  const frozen =
    shown === null
      ? null
      : frozenText({
          ...frozenOf(row, shown),
          asked: asked === null ? null : (JSON.parse(asked) as Json),
          statedReason: null,
          counterOf,
        });
  await writeRows(
    trx,
    'approvals',
    1,
    sql`
      update holdfast.approvals set
        arguments = ${texts.arguments}::json, sent = ${texts.sent}::json, trace = ${texts.trace}::json,
        stated_reason = null, later_reasons = '[]'::jsonb, asked = ${asked}::jsonb, answers = '[]'::jsonb,
        counter_of = ${counterOf}, request = null, result = null, facts = null, particulars = null,
        shown_digest = ${shown}, frozen_seal = ${frozen === null ? null : seals.seal('approval', frozen)},
        state_seal = case when ${shown}::text is null then null else state_seal end,
        reasons_seal = ${shown === null ? null : seals.seal('reasons', reasonsText(row.id, []))},
        revision = revision + 1, updated_at = ${new Date(erasure.at)}
      where id = ${row.id}`,
  );
}

async function readAgain(trx: Trx, seals: Seals, id: string): Promise<Approval> {
  const found = await sql<ApprovalRow>`select ${APPROVAL} from holdfast.approvals a where a.id = ${id}`.execute(trx);
  return approvalOf(seals, found.rows[0]!);
}

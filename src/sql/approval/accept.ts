import { type Kysely, sql, type Transaction } from 'kysely';
import { endedUnsent, type State } from '../../domain/approval/approval.ts';
import { isForged } from '../../domain/approval/forged.ts';
import { NOTHING_HIDDEN, NOTHING_MORE } from '../../domain/call/sent.ts';
import type { SpentPass } from '../../domain/log/witness-entry.ts';
import type { AcceptedStore, AcceptPlan, NamedLoss, Seals } from '../../ports.ts';
import { requireTaken, writeRows } from '../connection/not-taken.ts';
import { restoreEpoch } from '../log/epoch.ts';
import { writeEvents } from '../log/events.ts';
import type { RebasedSet } from '../sets/set-table.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import { frozenText, reasonsText, shownDigest, stateText } from '../table/sealed-rows.ts';
import { disownRow } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';
import { addNextAcceptance, lastAcceptance } from './acceptances.ts';

type Trx = Transaction<Tables>;

/** The lock of those who accept: "acpt" in letters. */
const ACCEPT_LOCK = 0x61_63_70_74;
/** Live approvals whose seals are looked at in one statement. */
const AT_ONCE = 500;
/** Where neither the store nor a witness says which log this is. */
const UNKNOWN_LOG = 'unknown';
/** Notes, for people. */
const SENT_BEFORE = 'the database went back in time: it was sent before, and nobody can say how it ended';
const LOST = 'the database lost this record: its call was sent, and nobody can say how it ended';
const ENDED_BEFORE = 'the database went back in time: this had ended, and nothing was sent';
const TWIN = 'this very call had been sent before, and the database did not know it when this was asked';
const BROKEN = 'its record was changed outside Holdfast, and an operator has ended it';

/**
 * Goes on with the store as it is, in one transaction (P2).
 *
 * | approval | becomes |
 * |---|---|
 * | sent according to a witness, which the store does not know; pending, approved, ended unsent, or asking in the store | unknown |
 * | sent according to a witness; not in the store | there again, unknown, with what the witness knows of it |
 * | ended unsent according to a witness; pending, approved or under way in the store | withdrawn, lapsed, unknown |
 * | pending or approved; of the same call as one that is unknown now, and asked without a word of it | withdrawn, or lapsed: it is asked anew |
 * | with a broken seal; pending, or approved | withdrawn, or lapsed, and without a seal, like one from before there were any |
 * | with a broken seal; under way | unknown, without a seal |
 * | with a broken seal; over | as it is, without a seal |
 *
 * Sets get their heads anew over the rows as they are, and those that the log names besides: `rebase` does that for each. Other rows that no gateway wrote lose
 * their seals: they are believed as little as before, and nobody is told again.
 */
export async function acceptStore(
  db: Kysely<Tables>,
  seals: Seals,
  plan: AcceptPlan,
  rebase: (trx: Trx) => Promise<RebasedSet>,
): Promise<AcceptedStore> {
  const accepting = db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(${ACCEPT_LOCK})`.execute(trx);
    const before = (await lastAcceptance(trx, seals, plan.log, plan.number - 1))?.number ?? 0;
    const unknown: string[] = [];
    const restored: string[] = [];
    const endedBefore: string[] = [];
    for (const pass of plan.sent) {
      const became = await settle(trx, seals, plan, pass);
      if (became === 'unknown') unknown.push(pass.approval);
      if (became === 'restored') restored.push(pass.approval);
      if (became === 'ended') endedBefore.push(pass.approval);
    }
    // After that, so that a broken record whose call was sent is unknown, and not withdrawn.
    const ended = [...endedBefore, ...(await endBroken(trx, seals, plan))];
    for (const { table, row } of plan.foreign) await disownRow(trx, table, row);
    const settled = new Set([...unknown, ...restored]);
    ended.push(...(await endTwins(trx, seals, plan, settled)));
    const { heads: sets, putBack, ...rebased } = await rebase(trx);
    const lost = [...rebased.lost];
    const inForce = await sql<{ id: string }>`select id from holdfast.freezes where lifted_at is null`.execute(trx);
    const freezes = inForce.rows.map(({ id }) => id);
    const ends = await sql<{ head: string; last: string }>`
      select coalesce((select max(seq) from holdfast.events), 0) as head,
        coalesce((select max(n) from holdfast.events), 0) as last`.execute(trx);
    const { head, last } = ends.rows[0]!;
    const row = { log: plan.log, at: plan.at, head, last_event: last };
    const number = await addNextAcceptance(trx, seals, row, Math.max(plan.number, before + 1));
    const epoch = plan.log === UNKNOWN_LOG || (await restoreEpoch(trx, seals, { log: plan.log, head, at: plan.at }));
    if (!epoch) lost.push(OTHER_EPOCH);
    const acceptance = { number, log: plan.log, head: Number(head), lastEvent: Number(last) };
    const done = { unknown, restored, ended, putBack, lost, freezes, sets, acceptance };
    await writeEvents(trx, seals, [plan.accepted(done)]);
    if (plan.dryRun === true) throw new DryRun(done);
    return done;
  });
  return accepting.catch((error: unknown) => {
    if (error instanceof DryRun) return error.done;
    throw error;
  });
}

/** Thrown inside the transaction to roll it back; never leaves this file. */
class DryRun extends Error {
  readonly done: AcceptedStore;
  constructor(done: AcceptedStore) {
    super('nothing is changed');
    this.done = done;
  }
}

/** What a role in Postgres that may not delete the row leaves as it is. */
const OTHER_EPOCH: NamedLoss = {
  table: 'epoch',
  row: null,
  about:
    'the record of when seals began names another log, and this database user may not replace it: have the role that owns ' +
    'the schema run "delete from holdfast.epoch", and accept the store again',
};

async function endBroken(trx: Trx, seals: Seals, { broken, told }: AcceptPlan): Promise<string[]> {
  const ended: string[] = [];
  const end = async (rows: readonly ApprovalRow[]): Promise<void> => {
    for (const row of rows) {
      const approval = approvalOf(seals, row);
      // A secret that was taken out too early can be listed again.
      if (!isForged(approval) || approval.broken === 'secret') continue;
      const to = endOf(row.state);
      await writeRows(
        trx,
        'approvals',
        1,
        sql`
        update holdfast.approvals set state = ${to ?? row.state}, revision = revision + 1, updated_at = clock_timestamp(),
          note = case when ${to !== null} then ${BROKEN} else note end,
          request = case when ${to !== null} then null else request end,
          awaits = case when ${to !== null} then null else awaits end,
          lease_until = case when ${to !== null} then null else lease_until end,
          frozen_seal = null, state_seal = null, reasons_seal = null, shown_digest = null
        where id = ${row.id}`,
      );
      if (to !== null) await writeEvents(trx, seals, [told(approval, to, 'changed')]);
      ended.push(row.id);
    }
  };
  for (let after = ''; ; ) {
    const live = await sql<ApprovalRow>`
      select ${APPROVAL} from holdfast.approvals a where a.state in ('pending', 'approved', 'dispatched') and a.id > ${after}
      order by a.id limit ${AT_ONCE} for update of a`.execute(trx);
    await end(live.rows);
    if (live.rows.length < AT_ONCE) break;
    after = live.rows.at(-1)!.id;
  }
  const named = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a where a.id = any(${[...broken]}::text[]) for update of a`.execute(trx);
  await end(named.rows);
  return ended;
}

/** What a live record becomes; null: it is over. */
function endOf(state: State): 'withdrawn' | 'lapsed' | 'unknown' | null {
  if (state === 'dispatched') return 'unknown';
  return state === 'pending' ? 'withdrawn' : state === 'approved' ? 'lapsed' : null;
}

/** Nobody who was asked knew that the call may have run: the next identical call is asked with a word of it. */
async function endTwins(trx: Trx, seals: Seals, plan: AcceptPlan, settled: ReadonlySet<string>): Promise<string[]> {
  const prints = plan.sent.filter(({ approval }) => settled.has(approval)).map(({ fingerprint }) => fingerprint);
  if (prints.length === 0) return [];
  const twins = await sql<ApprovalRow>`
    select ${APPROVAL} from holdfast.approvals a
    where a.state in ('pending', 'approved') and a.fingerprint = any(${prints}::text[]) for update of a`.execute(trx);
  for (const { id, state, revision } of twins.rows) {
    const to = state === 'pending' ? 'withdrawn' : 'lapsed';
    const terms = { pickupUntil: null, awaits: null, questions: 0 };
    const state_seal = seals.seal('state', stateText(id, to, revision + 1, terms));
    await writeRows(
      trx,
      'approvals',
      1,
      sql`
      update holdfast.approvals set state = ${to}, revision = ${revision + 1}, state_revision = ${revision + 1},
        state_seal = ${state_seal}, note = ${TWIN}, request = null, updated_at = clock_timestamp()
      where id = ${id}`,
    );
  }
  for (const row of twins.rows) {
    const approval = approvalOf(seals, row);
    await writeEvents(trx, seals, [plan.told(approval, row.state === 'pending' ? 'withdrawn' : 'lapsed', 'twin')]);
  }
  return twins.rows.map(({ id }) => id);
}

async function settle(
  trx: Trx,
  seals: Seals,
  plan: AcceptPlan,
  pass: SpentPass,
): Promise<'unknown' | 'restored' | 'ended' | null> {
  const id = pass.approval;
  const found = await sql<{ state: State; revision: number }>`
    select state, revision from holdfast.approvals where id = ${id} for update`.execute(trx);
  const row = found.rows[0];
  const revision = Math.max(row?.revision ?? 0, pass.revision) + 1;
  if (pass.ended !== undefined) return endAgain(trx, seals, plan, pass, { state: row?.state ?? 'lapsed', revision });
  const state_seal = seals.seal(
    'state',
    stateText(id, 'unknown', revision, { pickupUntil: null, awaits: null, questions: 0 }),
  );
  if (row === undefined) {
    await restore(trx, seals, pass, revision, state_seal, plan.at);
  } else {
    const open = row.state === 'pending' || row.state === 'approved' || endedUnsent(row.state);
    const asking = row.state === 'dispatched' && row.revision < pass.revision;
    if (!open && !asking) return null;
    await writeRows(
      trx,
      'approvals',
      1,
      sql`
      update holdfast.approvals set state = 'unknown', revision = ${revision}, state_revision = ${revision},
        state_seal = ${state_seal}, note = ${SENT_BEFORE}, request = null, awaits = null, lease_until = null,
        dispatcher = null, updated_at = clock_timestamp()
      where id = ${id}`,
    );
  }
  await writeEvents(trx, seals, [plan.told({ ...pass, id }, 'unknown', 'sent')]);
  return row === undefined ? 'restored' : 'unknown';
}

/** It had ended, and nothing was sent: that is so again. Of one that is under way nobody can say. */
async function endAgain(
  trx: Trx,
  seals: Seals,
  plan: AcceptPlan,
  pass: SpentPass,
  { state, revision }: { readonly state: State; readonly revision: number },
): Promise<'ended' | null> {
  const { approval: id, ended } = pass;
  const to = endOf(state);
  if (to === null) return null;
  const state_seal = seals.seal(
    'state',
    stateText(id, to, revision, { pickupUntil: null, awaits: null, questions: 0 }),
  );
  await sql`
    update holdfast.approvals set state = ${to}, revision = ${revision}, state_revision = ${revision},
      state_seal = ${state_seal}, note = ${`${ENDED_BEFORE} (${ended})`}, request = null, awaits = null,
      lease_until = null, dispatcher = null, updated_at = clock_timestamp()
    where id = ${id}`.execute(trx);
  await writeEvents(trx, seals, [plan.told({ ...pass, id }, to, 'ended')]);
  return 'ended';
}

/** Of the call itself the witness keeps the fingerprint only: by it the next identical call is told of this one. */
async function restore(trx: Trx, seals: Seals, pass: SpentPass, revision: number, state_seal: string, now: Date) {
  const { approval: id, server, tool, grant, fingerprint, at } = pass;
  const requirement = JSON.stringify({
    ...{ groups: [], people: [], userGroups: [], admin: false, quorum: 1 },
    ...{ denyReason: 'optional', remindMs: null, escalate: null },
  });
  const texts = {
    arguments: '{}',
    sent: JSON.stringify(NOTHING_MORE),
    hidden: JSON.stringify(NOTHING_HIDDEN),
    trace: JSON.stringify({ rule: 'default', risk: null, severity: null, reason: null, steps: [] }),
  };
  const shown = shownDigest(seals, texts);
  const frozen = frozenText({
    ...{ id, server, tool, grant, owner: null, selfApproval: false, fingerprint, requirement, answersTo: null },
    ...{
      asked: null,
      statedReason: null,
      previousUnknown: null,
      counterOf: null,
      policyDigest: '',
      createdAt: at,
      expiresAt: at,
      shown,
    },
  });
  const added = await trx
    .insertInto('holdfast.approvals')
    .values({
      ...{ id, state: 'unknown', revision, server, tool, grant_name: grant, owner: null, self_approval: false },
      ...{ fingerprint, requirement, ...texts, answers_to: null, asked: null, stated_reason: null },
      ...{ previous_unknown: null, policy_digest: '', request: null, created_at: at, expires_at: at },
      ...{ pickup_until: null, lease_until: null, note: LOST, shown_digest: shown, updated_at: now },
      frozen_seal: seals.seal('approval', frozen),
      state_revision: revision,
      state_seal,
      reasons_seal: seals.seal('reasons', reasonsText(id, [])),
    })
    .executeTakeFirst();
  requireTaken('approvals', added.numInsertedOrUpdatedRows, 1);
}

import { type Kysely, type RawBuilder, sql } from 'kysely';
import { type Approval, type Decision, isOver, mayFollow } from '../../domain/approval/approval.ts';
import type { VoteKey } from '../../domain/approval/vote-signature.ts';
import { tokenMark } from '../../domain/log/marks.ts';
import type { CardRecord, Change, Committed, CommittedTogether, Seals } from '../../ports.ts';
import { KEPT_PLAN } from '../connection/kept-plan.ts';
import { tookAll } from '../connection/not-taken.ts';
import { giveBack, NoRoom, takeAll } from '../limit/counters.ts';
import { eventRow, insertEvents, type LoggedPart, loggedAll, rememberLogged } from '../log/events.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import { isFrozen } from '../sets/believed-freezes.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import { decisionText, offersText, rightsText, signatureColumn, stateText } from '../table/sealed-rows.ts';
import type { Db, Tables } from '../table/tables.ts';
import { CounterChanges, ForeignCounter, NoCounter } from './counter.ts';
import { hasNotEnded, sendingsAre, sendingsIfReturned, wasNeverSent } from './history.ts';
import { CrowdedInAdvance, InAdvanceChanges, OutsideAllowance } from './in-advance.ts';
import { Altered, continueParent, Unasked, withAnswer } from './legs.ts';

/** Thrown inside the transaction to roll it back; never leaves the store. */
class Overtaken extends Error {}

/** Postgres' code when one person votes a second time. */
const UNIQUE_VIOLATION = '23505';

/**
 * The only way an approval changes state. State and revision are compared in the `where`. Vote, events and change are
 * one statement, and with counters one transaction: all or nothing, and in as few round trips as possible, because an
 * agent waits. The update locks the row, so two committers cannot both see its old state.
 */
export async function commitChange(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Beliefs,
  change: Change,
): Promise<Committed> {
  return commitMove(db, seals, beliefs, moveOf(change));
}

/** The change as one of its row. Throws where no state leads from the one to the other. */
export function moveOf(change: Change): Move {
  assertAllowed(change);
  return { ...change, next: change.revision + 1 };
}

/**
 * Two changes as one update of the row, so that nobody sees the state in between. Revision, events and columns are
 * those of one change after the other.
 */
export function bothAsOne(first: Change, second: Change): Move {
  for (const change of [first, second]) assertAllowed(change);
  const follows = second.id === first.id && second.from === first.to && second.revision === first.revision + 1;
  if (!follows || second.decision) throw new Error(`${first.to} is not followed by this change to ${second.to}`);
  if (first.takes || first.gives || first.joiner || first.dispatcher) throw new Error('only a decision comes first');
  return {
    ...second,
    ...(first.decision ? { decision: first.decision } : {}),
    ...(first.instead ? { instead: first.instead } : {}),
    ...(first.allows ? { allows: first.allows } : {}),
    ...(first.card ? { card: first.card } : {}),
    ...(first.signers || second.signers ? { signers: [...(first.signers ?? []), ...(second.signers ?? [])] } : {}),
    ...(first.believed === undefined ? {} : { believed: first.believed }),
    from: first.from,
    revision: first.revision,
    next: second.revision + 1,
    patch: { ...first.patch, ...second.patch },
    events: [...first.events, ...second.events],
  };
}

/**
 * Decisions about several approvals in one transaction, their rows locked in the order of their ids: two that overlap wait
 * for each other one way only, and the later one finds another revision.
 */
export async function commitTogether(
  db: Kysely<Tables>,
  seals: Seals,
  changes: readonly Change[],
): Promise<CommittedTogether> {
  for (const change of changes) {
    assertAllowed(change);
    const { decision, takes, gives, allows, denies, under, continues, unlessFrozen, counters, countered } = change;
    const more = [takes, gives, allows, denies, under, continues, unlessFrozen, counters, countered];
    const isPlain = more.every((part) => part === undefined);
    if (!decision || !isPlain) throw new Error('only plain decisions are made together');
  }
  const inOrder = [...changes].sort((one, other) => (one.id < other.id ? -1 : 1));
  let at: Move | null = null;
  try {
    const made = await db.transaction().execute(async (trx) => {
      const approvals = new Map<string, Approval>();
      for (const change of inOrder) {
        at = { ...change, next: change.revision + 1 };
        const approval = await move(trx, seals, at, null);
        if (approval === null) throw new Overtaken();
        approvals.set(approval.id, approval);
      }
      at = null;
      return approvals;
    });
    return { kind: 'committed', approvals: changes.map(({ id }) => made.get(id)!) };
  } catch (error) {
    const stopped = at as Move | null;
    if (stopped === null) throw error;
    const none = (why: 'altered' | 'conflict' | 'spent') => ({ kind: 'none', id: stopped.id, why }) as const;
    if (error instanceof Overtaken) {
      return none((await overtaken(db, stopped)).kind === 'spent' ? 'spent' : 'conflict');
    }
    if (error instanceof Altered) return none('altered');
    if ((error as { code?: string }).code === UNIQUE_VIOLATION) return none('conflict');
    throw error;
  }
}

function assertAllowed({ from, to }: Change): void {
  if (from !== to && !mayFollow(from, to)) throw new Error(`an approval cannot go from ${from} to ${to}`);
}

/** A change of one row; `next` is the revision it gets. */
export interface Move extends Change {
  readonly next: number;
  /** Of a pass that was spent and came back: the events by which that was judged. */
  readonly returned?: string;
}

/** By itself; once more where the freezes have changed since they were judged. */
export async function commitMove(db: Kysely<Tables>, seals: Seals, beliefs: Beliefs, change: Move): Promise<Committed> {
  const { unlessFrozen } = change;
  const { freezes } = beliefs;
  if (unlessFrozen === undefined) return commitThawed(db, seals, beliefs, change, null);
  const commit = () => commitThawed(db, seals, beliefs, change, freezes.unless(unlessFrozen));
  return freezes.attempt(commit, ({ kind }) => kind === 'conflict');
}

/** `thawed`: what must hold for what a freeze may stop; null: none can. */
async function commitThawed(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Beliefs,
  change: Move,
  thawed: RawBuilder<unknown> | null,
): Promise<Committed> {
  const committed = await tryMove(db, seals, beliefs, change, thawed);
  if (committed.kind !== 'spent' || !isSpending(change)) return committed;
  const returned = await sendingsIfReturned(db, seals, change.id);
  return returned === null ? committed : tryMove(db, seals, beliefs, { ...change, returned }, thawed);
}

async function tryMove(
  db: Kysely<Tables>,
  seals: Seals,
  beliefs: Beliefs,
  change: Move,
  thawed: RawBuilder<unknown> | null,
): Promise<Committed> {
  const { takes = [], gives = [], continues } = change;
  const inAdvance = new InAdvanceChanges(seals, beliefs, change);
  const counter = new CounterChanges(seals, beliefs, change);
  try {
    if (takes.length === 0 && gives.length === 0 && continues === undefined && inAdvance.isNone && counter.isNone) {
      const approval = await move(db, seals, change, thawed);
      return approval === null ? overtaken(db, change) : { kind: 'committed', approval, taken: [] };
    }
    return await db.transaction().execute(async (trx) => {
      // The call before its leg, as everywhere, so that no two transactions wait for each other.
      const parent = continues === undefined ? null : await continueParent(trx, seals, beliefs, continues);
      // What was given in advance takes turns at its set before the row of any approval is locked.
      await counter.begin(trx);
      await inAdvance.begin(trx);
      const approval = await move(trx, seals, change, thawed);
      if (approval === null) throw new Overtaken();
      await inAdvance.write(trx);
      const vote = await counter.write(trx);
      if (vote !== null && (await move(trx, seals, { ...vote, next: vote.revision + 1 }, null)) === null) {
        throw new Overtaken();
      }
      if (parent !== null) return { kind: 'committed', approval, taken: [], parent };
      await giveBack(trx, gives);
      return { kind: 'committed', approval, taken: await takeAll(trx, takes) };
    });
  } catch (error) {
    if (error instanceof Overtaken) return overtaken(db, change);
    if (error instanceof Unasked) return { kind: 'unasked' };
    // Outside a transaction it stands in the row, whatever that is now; nothing is sent of it.
    if (error instanceof Altered) return { kind: 'altered' };
    if (error instanceof NoCounter) return { kind: 'no_counter', why: error.why };
    if (error instanceof ForeignCounter) return { kind: 'outside' };
    if (error instanceof OutsideAllowance) return { kind: 'outside' };
    if (error instanceof CrowdedInAdvance) return { kind: 'crowded' };
    if (error instanceof NoRoom) return { kind: 'full', full: error.full };
    if (change.decision && (error as { code?: string }).code === UNIQUE_VIOLATION) return { kind: 'conflict' };
    throw error;
  }
}

/** Why nothing changed: the caller has left, or the pass was spent before, which are final; a freeze; or anything else. */
async function overtaken(db: Db, change: Move): Promise<Committed> {
  const { id, from, revision, joiner, unlessFrozen } = change;
  if (joiner !== undefined) {
    const found = await sql`select 1 where ${hasNotLeft(joiner)}`.execute(db);
    if (found.rows.length === 0) return { kind: 'left' };
  }
  if (unlessFrozen !== undefined) {
    const found = await sql`select 1 where ${isFrozen(unlessFrozen)}`.execute(db);
    if (found.rows.length > 0) return { kind: 'frozen' };
  }
  const logged = isAsLogged(change);
  if (logged === null) return { kind: 'conflict' };
  const same = await sql`
    select 1 from holdfast.approvals
    where id = ${id} and state = ${from} and revision = ${revision} and not (${logged})`.execute(db);
  return { kind: same.rows.length > 0 ? 'spent' : 'conflict' };
}

/** Leaving bumps the revision, so that a caller that leaves and a change on its behalf cannot miss each other. */
function hasNotLeft(joiner: string): RawBuilder<unknown> {
  return sql`exists (select 1 from holdfast.joiners j where j.id = ${joiner} and j.left_at is null
    and j.gave_up_at is null)`;
}

/** One that was put back from the log has the token's mark only. */
function isNotRevoked(token: string): RawBuilder<unknown> {
  return sql`not exists (select 1 from holdfast.revocations r where r.token_sha256 in (${token}, ${tokenMark(token)}))`;
}

/** Whatever happened to them since they were judged; what was judged is what the set's seals said. */
function areRegistered(signers: readonly VoteKey[]): RawBuilder<unknown> {
  const keys = new Map(signers.map(({ key, publicKey }) => [key, publicKey]));
  return sql`(select count(*) from holdfast.person_keys k
    join unnest(${[...keys.keys()]}::text[], ${[...keys.values()]}::text[]) as s(id, public_key)
      on k.id = s.id and k.public_key = s.public_key
    where k.registered_at is not null and k.ended_at is null) = ${keys.size}::int`;
}

function isCardOf({ approval, channel, ts, revision, digest }: CardRecord): RawBuilder<unknown> {
  return sql`exists (select 1 from holdfast.cards c where c.approval_id = ${approval} and c.channel = ${channel}
    and c.ts is not distinct from ${ts}::text and c.revision = ${revision} and c.digest = ${digest})`;
}

/** What the log must say of a change that a vote or a pass brings, or by which a call goes on. */
function isAsLogged({ id, from, to, decision, votes = [], patch, returned }: Move): RawBuilder<unknown> | null {
  if (isSpending({ from, to })) {
    return sql`${returned === undefined ? wasNeverSent(id) : sendingsAre(id, returned)} and ${hasNotEnded(id)}`;
  }
  const goesOn = to === 'dispatched' && typeof patch?.dispatcher === 'string';
  return decision === undefined && votes.length === 0 && !goesOn ? null : hasNotEnded(id);
}

export function isSpending({ from, to }: Pick<Change, 'from' | 'to'>): boolean {
  return to === 'dispatched' && from !== 'dispatched';
}

/**
 * null: overtaken, and nothing was written. The statement returns the votes before it; its own is added. Throws `Altered`
 * where the row is not what was written: a trigger wrote into it.
 */
async function move(db: Db, seals: Seals, change: Move, thawed: RawBuilder<unknown> | null): Promise<Approval | null> {
  const logged = isAsLogged(change);
  const seal = stateSeal(seals, change);
  const rows = change.events.map((event) => eventRow(seals, event));
  const moved = await sql<ApprovalRow & LoggedPart>`${KEPT_PLAN}
    with moved as (
      update holdfast.approvals set ${columnsOf(seals, change, seal)}
      where id = ${change.id} and state = ${change.from} and revision = ${change.revision}
        ${change.joiner === undefined ? sql`` : sql`and ${hasNotLeft(change.joiner)}`}
        ${change.token === undefined ? sql`` : sql`and ${isNotRevoked(change.token)}`}
        ${thawed === null ? sql`` : sql`and ${thawed}`}
        ${change.card === undefined ? sql`` : sql`and ${isCardOf(change.card)}`}
        ${change.believed === undefined ? sql`` : sql`and coalesce(frozen_seal, '') || ' ' || coalesce(state_seal, '') = ${change.believed}`}
        ${logged === null ? sql`` : sql`and ${logged}`}
        ${change.signers === undefined || change.signers.length === 0 ? sql`` : sql`and ${areRegistered(change.signers)}`}
        ${change.dispatcher === undefined ? sql`` : sql`and dispatcher = ${change.dispatcher}`}
      returning *
    )${voteSql(seals, change)}, logged as (${eventsSql(rows)})
    select ${APPROVAL}, ${loggedAll(rows.length)}${votedSql(change)} from moved a`.execute(db);
  const row = moved.rows[0];
  if (row === undefined) return null;
  rememberLogged(db, rows, row);
  const approval = approvalOf(seals, row, votesOfChange(change));
  if (!isAsWritten(change, seal, row, approval)) throw new Altered();
  return approval;
}

/** What follows from a change is done by what was judged and written, never by what somebody put into the row meanwhile. */
export function isAsWritten(change: Move, seal: string | null, row: ApprovalRow, { broken }: Approval): boolean {
  const { id, to, next, believed, patch } = change;
  if (row.id !== id || row.state !== to || row.revision !== next) return false;
  if (seal !== null && (row.state_seal !== seal || row.state_revision !== next)) return false;
  if (believed !== undefined && (row.frozen_seal ?? '') !== believed.split(' ')[0]) return false;
  const isSent = to === 'dispatched' && typeof patch?.dispatcher === 'string';
  // What is broken may still end.
  return broken === null || (votesOfChange(change).length === 0 && !isSent);
}

function columnsOf(seals: Seals, change: Move, seal: string | null): RawBuilder<unknown> {
  const { patch = {} } = change;
  const columns: RawBuilder<unknown>[] = [
    sql`state = ${change.to}`,
    sql`revision = ${change.next}`,
    sql`updated_at = clock_timestamp()`,
  ];
  const begins = change.to === 'dispatched' && change.from !== 'dispatched';
  if (seal !== null) columns.push(sql`state_revision = ${change.next}`, sql`state_seal = ${seal}`);
  // A pass that was given back was of a call whose server had not asked.
  if (begins) columns.push(sql`awaits = null`, sql`questions = 0`);
  if (patch.pickupUntil !== undefined) columns.push(sql`pickup_until = ${patch.pickupUntil}::timestamptz`);
  if (patch.leaseUntil !== undefined) columns.push(sql`lease_until = ${patch.leaseUntil}::timestamptz`);
  if (patch.dispatcher !== undefined) columns.push(sql`dispatcher = ${patch.dispatcher}::text`);
  if (!begins && patch.awaits !== undefined) columns.push(sql`awaits = ${patch.awaits}::text`);
  if (patch.remindedAt !== undefined) columns.push(sql`reminded_at = ${patch.remindedAt}::timestamptz`);
  if (patch.escalatedAt !== undefined) columns.push(sql`escalated_at = ${patch.escalatedAt}::timestamptz`);
  if (patch.note !== undefined) columns.push(sql`note = ${patch.note}::text`);
  if (!begins && patch.questions !== undefined) columns.push(sql`questions = ${patch.questions}::int`);
  if (patch.result !== undefined) columns.push(sql`result = ${patch.result}::bytea`);
  if (patch.resultUntil !== undefined) columns.push(sql`result_until = ${patch.resultUntil}::timestamptz`);
  if (change.given !== undefined) columns.push(sql`answers = ${withAnswer(seals, change.id, change.given)}`);
  // The request is needed until it was sent or never will be.
  if (isOver(change.to)) columns.push(sql`request = null`);
  return sql.join(columns);
}

/** The seal of the state that this change brings; null: it is as it was. */
export function stateSeal(seals: Seals, { id, from, to, next, patch = {} }: Move): string | null {
  if (to === from && patch.awaits === undefined) return null;
  const { pickupUntil, awaits = null } = patch;
  const questions = from === 'dispatched' ? patch.questions : 0;
  const isGood = to === 'approved' || to === 'dispatched';
  if (isGood && pickupUntil === undefined) throw new Error('a pass is good until an instant');
  if (to === 'dispatched' && questions === undefined) throw new Error('the questions of a server are counted');
  const terms = { pickupUntil: pickupUntil ?? null, awaits, questions: questions ?? 0 };
  return seals.seal('state', stateText(id, to, next, terms));
}

/** Votes that this change records. */
export function votesOfChange({ decision, votes = [] }: Change): readonly Decision[] {
  return decision === undefined ? votes : [...votes, decision];
}

/** The primary key allows one vote per person; a second one is a conflict like any other, unless it takes its place. */
function voteSql(seals: Seals, change: Change): RawBuilder<unknown> {
  const { id, decision, instead } = change;
  const votes = votesOfChange(change);
  if (votes.length === 0) return sql``;
  if (decision !== undefined && instead !== undefined) {
    return sql`, voted as (
      update holdfast.decisions d set choice = ${decision.choice}::text, reason = ${decision.reason}::text,
        via = ${decision.via}::text, self = ${decision.self}::boolean, user_group = ${decision.userGroup}::text,
        person = ${decision.person ?? null}::text, rights = ${rightsColumn(decision)}::text, signature = ${signatureColumn(decision)}::text, at = ${decision.at}::timestamptz,
        offers = ${offersText(decision)}::text, counter = ${decision.counter ?? null}::text, seal = ${seals.seal('decision', decisionText(id, decision))}::text
      from moved where d.approval_id = moved.id and d.approver = ${decision.approver}::text
        and d.choice = ${instead}::text
      returning 1)`;
  }
  const rows = votes.map((vote) => {
    const { approver, choice, reason, via, self, userGroup, person, allowance, counter, at } = vote;
    const seal = seals.seal('decision', decisionText(id, vote));
    return sql`(${approver}::text, ${choice}::text, ${reason}::text, ${via}::text, ${self}::boolean, ${userGroup}::text,
      ${person ?? null}::text, ${rightsColumn(vote)}::text, ${signatureColumn(vote)}::text, ${offersText(vote)}::text, ${allowance ?? null}::text, ${counter ?? null}::text, ${at}::timestamptz, ${seal}::text)`;
  });
  return sql`, voted as (
    insert into holdfast.decisions
      (approval_id, approver, choice, reason, via, self, user_group, person, rights, signature, offers, allowance, counter, at, seal)
    select moved.id, v.* from moved, (values ${sql.join(rows)}) v
    returning 1)`;
}

/** The statement fails where a vote was not taken. */
function votedSql(change: Change): RawBuilder<unknown> {
  const { length } = votesOfChange(change);
  return length === 0 ? sql`` : sql`, ${tookAll('decisions', sql`select count(*) from voted`, length)} as vote_took`;
}

export function rightsColumn({ rights }: NonNullable<Change['decision']>): string | null {
  return rights === undefined ? null : rightsText(rights);
}

function eventsSql(events: readonly ReturnType<typeof eventRow>[]): RawBuilder<unknown> {
  if (events.length === 0) return sql`select 0 as n where false`;
  return sql`${insertEvents(events, sql`moved`)} returning n`;
}

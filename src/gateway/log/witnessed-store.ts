import { type Approval, endedUnsent, isOver, type UnsentEnd } from '../../domain/approval/approval.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { SpentPass } from '../../domain/log/witness-entry.ts';
import {
  type Change,
  type Committed,
  type CommittedTogether,
  type Store,
  Swallowed,
  type TaskStore,
  Unavailable,
} from '../../ports.ts';
import { endOf, mayBeForgotten, type PassTerms, passOf, questionUntil } from './pass-of.ts';
import type { StoreWatch } from './store-watch.ts';
import type { Witnessed } from './witness-board.ts';

type Took = Extract<Committed, { kind: 'committed' }>;

export interface WitnessedStoreParts extends PassTerms {
  readonly store: Store;
  readonly tasks: TaskStore;
  readonly watch: StoreWatch;
}

/**
 * The same store, in which nothing is dispatched but what a witness remembers (P2): every commit after which a gated call
 * may be sent passes here, whoever makes it, and returns only once it is remembered outside the database. The order is
 * commit, witness, bytes. So does every commit after which a pass is no more: commit, witness, answer (decision 0041).
 * What a witness is told is what was judged and written, not what is in the row afterwards.
 *
 * | commit | witness | what is returned |
 * |---|---|---|
 * | a pass is spent: by a waiting caller, a task, a decision that has a caller, a leg | takes it | committed |
 * | the same | none can be written | held back: the pass is given back, with its quota |
 * | the same | knows that it was sent | held back: unknown, and the alarm `went_back` |
 * | the same | knows that it had ended | held back: the pass is given back, with its quota, and the alarm `went_back` |
 * | a call goes on with an answer that needs no yes | takes it | committed |
 * | the same | none, or knows it | `Unavailable('witness')`; the question stands again, or the outcome is unknown |
 * | a pass is spent, and a connection broke since it was asked whether anything may be sent: it may be in an older database | is compared first | committed; held back where an alarm stands then, or nothing can be compared |
 * | a pass is spent that is over by this machine's clock, for longer than any witness keeps it | is not asked | held back |
 * | a pass is given back | told before the commit | committed |
 * | a question or a pass ends unsent | takes it | committed |
 * | the same | none can be written | committed, and told later; where a person is promised it, `Unavailable('witness')` |
 * | the same | knows that it was sent | spent, and the alarm `went_back` |
 * | a person ends several together | takes each of them | committed |
 * | the same | none can be written for one, or knows that it was sent | all are committed; `Unavailable('witness')`, and for what was sent the alarm |
 * | a person ends it, and something else keeps that from the row | takes it | altered, and an alarm |
 * | a person ends it, and something keeps its row or event out of the database | takes it | `Swallowed`: told as not kept, and nothing is sent |
 */
export function witnessedStore(parts: WitnessedStoreParts): { readonly store: Store; readonly tasks: TaskStore } {
  const { store, tasks, watch } = parts;
  return {
    store: {
      ...store,
      commit: async (change) => {
        if (!dispatches(change)) {
          await returned(parts, change);
          const { to } = change;
          const made = await store.commit(change).catch(async (error: unknown) => {
            if (error instanceof Swallowed && endedUnsent(to)) await endedInSpite(parts, change, to);
            throw error;
          });
          if (made.kind === 'committed' && isOver(change.to)) watch.board.over(change.id);
          if (!endedUnsent(change.to)) return made;
          if (made.kind === 'altered') await endedInSpite(parts, change, change.to);
          return made.kind === 'committed' ? ended(parts, change, change.to, made) : made;
        }
        if (!(await watch.mayCommit())) return withheld(parts, change);
        const committed = await store.commit(change);
        return committed.kind === 'committed' ? witnessed(parts, change, committed) : committed;
      },
      commitTogether: async (changes) => {
        const made = await store.commitTogether(changes);
        return made.kind === 'committed' ? endedTogether(parts, changes, made) : made;
      },
      commitBoth: async (first, second) => {
        if (!dispatches(second)) return store.commitBoth(first, second);
        // The decision is then committed alone, and its caller finds out why.
        if (!(await watch.mayCommit())) return { kind: 'left' };
        const committed = await store.commitBoth(first, second);
        return committed.kind === 'committed' ? witnessed(parts, second, committed) : committed;
      },
    },
    tasks: {
      ...tasks,
      takeContinuation: async (one, given, events) => {
        if (!(await watch.mayCommit())) throw unwitnessed(watch, 'an alarm stands');
        const taken = await tasks.takeContinuation(one, given, events);
        if (taken === null) return null;
        const { approval, round, stood } = taken;
        const end = await remember(parts, [passOf(parts, approval, round)]);
        if (end.kind === 'recorded') return taken;
        if (end.kind === 'known') return endUnknown(parts, approval, one.dispatcher, end);
        const [digest, fingerprint] = [one.digests[0]!, one.fingerprints[0]!];
        const { grant, server } = one;
        await tasks.rememberContinuation({
          digest,
          grant,
          server,
          fingerprint,
          approval: approval.id,
          expiresAt: stood,
        });
        await askAgain(parts, { ...approval, questions: round }, one.dispatcher, stood, end.why);
        throw unwitnessed(watch, end.why);
      },
    },
  };
}

/** Whether a gated call is sent after this. */
function dispatches({ to, patch }: Change): boolean {
  return to === 'dispatched' && typeof patch?.dispatcher === 'string';
}

/** Nothing was committed, because an alarm stands or nothing outside the database can be written. */
async function withheld({ store, watch }: WitnessedStoreParts, change: Change): Promise<Committed> {
  if (change.from === 'approved') {
    const { isAway, trouble } = watch.board;
    const approval = isAway ? await store.find(change.id) : null;
    // Whoever spends a pass looks at the alarms again, and would otherwise try for ever.
    if (approval === null) return { kind: 'conflict' };
    return { kind: 'held_back', approval, why: `nothing outside the database could record it (${trouble})` };
  }
  throw new Unavailable('witness', 'an alarm stands, or nothing outside the database can record what is sent');
}

function unwitnessed({ board }: StoreWatch, why: string): Unavailable {
  return new Unavailable('witness', `what is sent cannot be recorded outside the database (${board.trouble ?? why})`);
}

const FORGOTTEN: Witnessed = {
  kind: 'unrecorded',
  why: "by this machine's clock the yes was over long ago, so what was sent before may be forgotten: set the clock that is wrong, here or at the database",
};

async function witnessed(parts: WitnessedStoreParts, change: Change, committed: Took): Promise<Committed> {
  const { approval, parent } = committed;
  const round = change.from === 'approved' ? 0 : roundOf(change);
  const passes = [passOf(parts, approval, round)];
  if (change.continues?.dispatch && parent !== undefined) passes.push(passOf(parts, parent.approval, parent.round));
  const end = round === 0 && mayBeForgotten(parts, approval) ? FORGOTTEN : await rememberIfSure(parts, passes);
  if (end.kind === 'recorded') return committed;
  const by = change.patch!.dispatcher!;
  if (round > 0) {
    if (end.kind === 'known') return endUnknown(parts, approval, by, end);
    await askAgain(parts, { ...approval, questions: round }, by, questionUntil(parts), end.why);
    throw unwitnessed(parts.watch, end.why);
  }
  const { continues } = change;
  if (continues !== undefined && parent !== undefined) {
    const parentBy = continues.dispatch?.by;
    if (continues.asked.kind === 'request' && end.kind !== 'known') await parts.tasks.reopenRequest(continues.asked.n);
    if (parentBy !== undefined && end.kind !== 'known' && parent.stood !== null) {
      await askAgain(parts, { ...parent.approval, questions: parent.round }, parentBy, parent.stood, end.why);
    }
  }
  const why = end.kind === 'unrecorded' ? `nothing outside the database could record it (${end.why})` : wordsOf(end);
  const wasSent = end.kind === 'known' && end.pass.ended === undefined;
  return { kind: 'held_back', approval: await takeBack(parts, committed, by, wasSent, why), why };
}

/** The number of the question that this change answers, as it was judged. */
function roundOf({ id, patch }: Change): number {
  if (patch?.questions === undefined) throw new Error(`the sending of ${id} has no number`);
  return patch.questions;
}

const SENT_BEFORE = 'it was sent before, and the database had gone back in time';

function wordsOf(end: Doubted | Extract<Witnessed, { kind: 'known' }>): string {
  return end.kind === 'doubted' ? end.why : knownWords(end.pass);
}

function knownWords({ ended }: SpentPass): string {
  return ended === undefined ? SENT_BEFORE : `it had ended (${ended}), and the database had gone back in time`;
}

/**
 * The commit may have waited for others, or been tried once more on another connection (decision 0074), and that leads to the database
 * that answers by now: where one broke meanwhile, it is compared before anything is sent. Why nothing may be; null: it may.
 */
async function doubt({ watch }: WitnessedStoreParts): Promise<string | null> {
  try {
    if (await watch.mayCommit()) return null;
    return watch.board.isAway
      ? `nothing outside the database could record it (${watch.board.trouble})`
      : 'an alarm stands';
  } catch {
    return 'a connection to the database broke, and it could not be compared with what is known outside it';
  }
}

/** No witness was asked. */
interface Doubted {
  readonly kind: 'doubted';
  readonly why: string;
}

async function rememberIfSure(parts: WitnessedStoreParts, passes: readonly SpentPass[]): Promise<Doubted | Witnessed> {
  const why = await doubt(parts);
  return why === null ? remember(parts, passes) : { kind: 'doubted', why };
}

async function remember({ watch }: WitnessedStoreParts, passes: readonly SpentPass[]): Promise<Witnessed> {
  const end = await watch.board.spend(watch.log, passes);
  if (end.kind === 'known') watch.foundKnown(end.pass);
  return end;
}

/** It has ended, and nobody was told so yet. */
async function ended(
  parts: WitnessedStoreParts,
  { id, promised = false }: Change,
  end: UnsentEnd,
  committed: Took,
): Promise<Committed> {
  const { watch } = parts;
  const told = await watch.board.end(watch.log, endOf(parts, committed.approval, end));
  if (told.kind === 'known') {
    watch.foundKnown(told.pass);
    return { kind: 'spent' };
  }
  if (told.kind === 'recorded' || !promised) return committed;
  const why = `${id} is ${end} in the database, and nothing outside it could record that (${told.why}).`;
  throw new Unavailable('witness', `${why} Until something can, nothing that was approved is sent.`);
}

/** Several have ended together, and nobody was told so yet. Each is told, whatever becomes of the others. */
async function endedTogether(
  parts: WitnessedStoreParts,
  changes: readonly Change[],
  made: Extract<CommittedTogether, { kind: 'committed' }>,
): Promise<CommittedTogether> {
  const ends = changes.map(async (change, index) => {
    if (isOver(change.to)) parts.watch.board.over(change.id);
    if (!endedUnsent(change.to)) return;
    const took: Took = { kind: 'committed', approval: made.approvals[index]!, taken: [] };
    const end = await ended(parts, change, change.to, took);
    if (end.kind === 'spent') throw new Unavailable('witness', `${change.id}: ${SENT_BEFORE}`);
  });
  for (const end of await Promise.allSettled(ends)) if (end.status === 'rejected') throw end.reason;
  return made;
}

/** A person's no that something kept from the row stops the call all the same. Of the row only what people read is taken. */
async function endedInSpite(parts: WitnessedStoreParts, { id, revision, promised }: Change, end: UnsentEnd) {
  const row = promised ? await parts.store.find(id) : null;
  if (row === null) return;
  const pass = endOf(parts, { ...row, id, revision: revision + 1 }, end);
  const until = new Date(Math.max(pass.until.getTime(), questionUntil(parts).getTime()));
  await parts.watch.board.end(parts.watch.log, { ...pass, until });
}

/** approved again, with its quota; or unknown. A process that dies before this leaves a lease that runs out. */
async function takeBack(
  { store, clock, pickupMs }: WitnessedStoreParts,
  { approval, taken }: Took,
  by: string,
  sentBefore: boolean,
  why: string,
): Promise<Approval> {
  const at = clock.now();
  const data = { why, fingerprint: approval.fingerprint };
  const type = sentBefore ? 'call.unknown' : 'call.returned';
  const committed = await store.commit({
    id: approval.id,
    revision: approval.revision,
    from: 'dispatched',
    to: sentBefore ? 'unknown' : 'approved',
    patch: {
      ...{ leaseUntil: null, dispatcher: null, awaits: null, note: why },
      resultUntil: new Date(at.getTime() + pickupMs()),
      ...(sentBefore ? {} : { pickupUntil: approval.pickupUntil }),
    },
    dispatcher: by,
    gives: sentBefore ? [] : taken,
    events: [approvalEvent(approval, { type, at, actor: 'holdfast', data })],
  });
  return committed.kind === 'committed' ? committed.approval : ((await store.find(approval.id)) ?? approval);
}

/** The server's question stands again: its answer was not sent. */
async function askAgain(
  { store, clock }: WitnessedStoreParts,
  approval: Approval,
  by: string,
  leaseUntil: Date,
  why: string,
): Promise<void> {
  const data = { awaits: 'input', why, fingerprint: approval.fingerprint };
  await store.commit({
    id: approval.id,
    revision: approval.revision,
    from: 'dispatched',
    to: 'dispatched',
    patch: {
      ...{ awaits: 'input', questions: approval.questions, pickupUntil: approval.pickupUntil },
      ...{ leaseUntil, dispatcher: null },
    },
    dispatcher: by,
    events: [approvalEvent(approval, { type: 'call.deferred', at: clock.now(), actor: 'holdfast', data })],
  });
}

async function endUnknown(
  parts: WitnessedStoreParts,
  approval: Approval,
  by: string,
  { pass }: Extract<Witnessed, { kind: 'known' }>,
): Promise<never> {
  await takeBack(parts, { kind: 'committed', approval, taken: [] }, by, true, SENT_BEFORE);
  throw new Unavailable('witness', `${pass.approval}: ${SENT_BEFORE}`);
}

/**
 * A commit that says that nothing was sent: the witnesses hear of it first. If this process dies in between, the call ends
 * as unknown, and nobody spends it again.
 */
async function returned({ watch }: WitnessedStoreParts, { id, from, to, patch }: Change): Promise<void> {
  if (from !== 'dispatched') return;
  const pass = watch.board.lastOf(id);
  if (pass === null || pass.returned || pass.ended !== undefined) return;
  // A new question has a higher number than the one whose answer was sent.
  const asksAgain =
    to === 'dispatched' && patch?.awaits === 'input' && pass.round > 0 && patch.questions === pass.round;
  if (to === 'approved' || asksAgain) await watch.board.giveBack(watch.log, [pass]);
}

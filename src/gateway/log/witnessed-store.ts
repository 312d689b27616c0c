import type { Approval } from '../../domain/approval/approval.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import {
  type Change,
  type Clock,
  type Committed,
  type SpentPass,
  type Store,
  type TaskStore,
  Unavailable,
} from '../../ports.ts';
import { laterOf } from '../../time/two-clocks.ts';
import type { StoreWatch } from './store-watch.ts';
import type { Witnessed } from './witness-board.ts';

/** Milliseconds for which an entry is kept longer than its pass could be good: replicas' clocks may differ by an hour. */
const MARGIN_MS = 2 * 60 * 60_000;
/** Milliseconds after which no question that a server asked before stands any more, besides the time to pick it up. */
const QUESTION_MS = 24 * 60 * 60_000;

type Took = Extract<Committed, { kind: 'committed' }>;

export interface WitnessedStoreParts {
  readonly store: Store;
  readonly tasks: TaskStore;
  readonly watch: StoreWatch;
  readonly clock: Clock;
  /** How long a pass waits for its caller, in ms. */
  readonly pickupMs: () => number;
}

/**
 * The same store, in which nothing is dispatched but what a witness remembers (P2): every commit after which a gated call
 * may be sent passes here, whoever makes it, and returns only once it is remembered outside the database. The order is
 * commit, witness, bytes.
 *
 * | commit | witness | what is returned |
 * |---|---|---|
 * | a pass is spent: by a waiting caller, a task, a decision that has a caller, a leg | takes it | committed |
 * | the same | none can be written | held back: the pass is given back, with its quota |
 * | the same | knows that it was sent | held back: unknown, and the alarm `went_back` |
 * | a call goes on with an answer that needs no yes | takes it | committed |
 * | the same | none, or knows it | `Unavailable('witness')`; the question stands again, or the outcome is unknown |
 * | a pass is spent that is over by this machine's clock, for longer than any witness keeps it | is not asked | held back |
 * | a pass is given back | told before the commit | committed |
 */
export function witnessedStore(parts: WitnessedStoreParts): { readonly store: Store; readonly tasks: TaskStore } {
  const { store, tasks, watch } = parts;
  return {
    store: {
      ...store,
      commit: async (change) => {
        if (!dispatches(change)) {
          await returned(parts, change);
          return store.commit(change);
        }
        if (!(await watch.mayCommit())) return withheld(parts, change);
        const committed = await store.commit(change);
        return committed.kind === 'committed' ? witnessed(parts, change, committed) : committed;
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
        const { approval, stood } = taken;
        const end = await remember(parts, [passOf(parts, approval, approval.questions)]);
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
        await askAgain(parts, approval, one.dispatcher, stood, end.why);
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

async function witnessed(parts: WitnessedStoreParts, change: Change, committed: Took): Promise<Committed> {
  const { approval, parent } = committed;
  const round = change.from === 'approved' ? 0 : approval.questions;
  const passes = [passOf(parts, approval, round)];
  if (change.continues?.dispatch && parent !== undefined) {
    passes.push(passOf(parts, parent.approval, parent.approval.questions));
  }
  const end = round === 0 && mayBeForgotten(parts, approval) ? FORGOTTEN : await remember(parts, passes);
  if (end.kind === 'recorded') return committed;
  const by = change.patch!.dispatcher!;
  if (round > 0) {
    if (end.kind === 'known') return endUnknown(parts, approval, by, end);
    await askAgain(parts, approval, by, until(parts, QUESTION_MS), end.why);
    throw unwitnessed(parts.watch, end.why);
  }
  const { continues } = change;
  if (continues !== undefined && parent !== undefined) {
    const parentBy = continues.dispatch?.by;
    if (continues.asked.kind === 'request' && end.kind !== 'known') await parts.tasks.reopenRequest(continues.asked.n);
    if (parentBy !== undefined && end.kind !== 'known' && parent.stood !== null) {
      await askAgain(parts, parent.approval, parentBy, parent.stood, end.why);
    }
  }
  const why = end.kind === 'known' ? SENT_BEFORE : `nothing outside the database could record it (${end.why})`;
  return { kind: 'held_back', approval: await takeBack(parts, committed, by, end.kind === 'known', why), why };
}

const SENT_BEFORE = 'it was sent before, and the database had gone back in time';

async function remember({ watch }: WitnessedStoreParts, passes: readonly SpentPass[]): Promise<Witnessed> {
  const end = await watch.board.spend(watch.log, passes);
  if (end.kind === 'known') watch.foundSent(end.pass);
  return end;
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
    patch: { awaits: 'input', questions: approval.questions, leaseUntil, dispatcher: null },
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
  if (pass === null || pass.returned) return;
  // A new question has a higher number than the one whose answer was sent.
  const asksAgain =
    to === 'dispatched' && patch?.awaits === 'input' && pass.round > 0 && patch.questions === pass.round;
  if (to === 'approved' || asksAgain) await watch.board.giveBack(watch.log, [pass]);
}

function passOf(parts: WitnessedStoreParts, approval: Approval, round: number): SpentPass {
  const { id, revision, server, tool, grant, fingerprint } = approval;
  const at = parts.clock.now();
  const later = laterOf(parts.clock).getTime();
  const good = Math.max(goodUntil(approval), later) + parts.pickupMs() + MARGIN_MS;
  const over = new Date(round === 0 ? good : Math.max(good, later + parts.pickupMs() + QUESTION_MS));
  return { approval: id, round, revision, at, until: over, server, tool, grant, fingerprint, returned: false };
}

/**
 * An entry is forgotten once its pass is over by both clocks. A pass that is over so by this machine's clock alone could only be
 * spent because the database's was set back, and then nobody outside it can say whether it was sent before.
 */
function mayBeForgotten({ clock, pickupMs }: WitnessedStoreParts, approval: Approval): boolean {
  return goodUntil(approval) + pickupMs() + MARGIN_MS < laterOf(clock).getTime();
}

function goodUntil({ expiresAt, pickupUntil }: Approval): number {
  return Math.max(expiresAt.getTime(), pickupUntil?.getTime() ?? 0);
}

const FORGOTTEN: Witnessed = {
  kind: 'unrecorded',
  why: "by this machine's clock the yes was over long ago, so what was sent before may be forgotten: set the clock that is wrong, here or at the database",
};

function until({ clock, pickupMs }: WitnessedStoreParts, ms: number): Date {
  return new Date(clock.now().getTime() + pickupMs() + ms);
}

import { type Approval, LIVE } from '../../domain/approval/approval.ts';
import { FORGED_WORDS, isForged } from '../../domain/approval/forged.ts';
import type { Call } from '../../domain/call/call.ts';
import type { OpenSpan } from '../../ports.ts';
import { deadlineOf, due, isLate } from '../decision/due.ts';
import type { Gateway } from '../gateway.ts';
import type { InlineWait } from '../state/inline-dispatch.ts';
import type { ReadCall, Seat } from '../state/seat.ts';
import { triedBy, trying } from '../state/spending-now.ts';
import { keptResult, rememberHandedOut } from './kept-result.ts';
import { spend, spendInline } from './spend.ts';
import type { Turn } from './turn.ts';

/** Waits until `until` at most for this caller's turn. `asks`: this caller can answer what a server asks. */
export async function takeTurn(
  gateway: Pick<
    Gateway,
    | 'alarms'
    | 'allowances'
    | 'announcer'
    | 'callMemory'
    | 'cards'
    | 'clock'
    | 'erasures'
    | 'faultPoint'
    | 'fullLimits'
    | 'inline'
    | 'knownFreezes'
    | 'knownInAdvance'
    | 'leases'
    | 'log'
    | 'longResults'
    | 'queue'
    | 'replica'
    | 'rules'
    | 'store'
    | 'tracing'
    | 'uncheckedPasses'
    | 'vault'
    | 'waitingRoom'
  >,
  seat: Seat,
  readCall: ReadCall,
  until: Date,
  signal?: AbortSignal,
  asks = false,
): Promise<Turn> {
  const leave = gateway.longResults.await(seat.approval.id);
  const hold = gateway.tracing?.begin('hold', { 'holdfast.approval.id': seat.approval.id }) ?? null;
  try {
    return await turnOf(gateway, seat, readCall, until, { signal, asks, hold });
  } finally {
    hold?.end();
    leave();
  }
}

interface Waiting {
  readonly signal: AbortSignal | undefined;
  readonly asks: boolean;
  /** The span of the wait; null: none is taken. */
  readonly hold: OpenSpan | null;
}

async function turnOf(
  gateway: Parameters<typeof takeTurn>[0],
  seat: Seat,
  readCall: ReadCall,
  until: Date,
  { signal, asks, hold }: Waiting,
): Promise<Turn> {
  let approval = seat.approval;
  for (;;) {
    if (signal?.aborted) return { kind: 'gone', approval };
    if (isLate(approval, gateway.clock.now())) {
      approval = (await due(gateway, approval)) ?? approval;
    }
    if (isForged(approval)) {
      return { kind: 'unsure', approval, part: 'alarm', why: FORGED_WORDS[approval.broken ?? 'state'] };
    }
    if (approval.state === 'approved') {
      const others = triedBy(gateway.store, approval.id);
      if (others !== undefined) {
        approval = (await others) ?? approval;
        continue;
      }
      // Waiting for people is over; what comes now is a span of its own.
      hold?.end({ 'holdfast.approval.state': approval.state });
      const spent = await spendAlone(gateway, approval, seat.joiner, readCall);
      if (spent.kind === 'changed') {
        approval = spent.approval;
        continue;
      }
      if (spent.kind === 'frozen') {
        const next = await waitForThaw(gateway, spent, until, signal);
        if (next === 'over') return signal?.aborted ? { kind: 'gone', approval } : spent;
        approval = next;
        continue;
      }
      return spent;
    }
    if (!(LIVE as readonly string[]).includes(approval.state)) return ended(gateway, approval);
    const question = asks && approval.awaits === 'input' ? await keptResult(gateway, approval) : null;
    if (question !== null) await rememberHandedOut(gateway, approval);
    if (question !== null) return { kind: 'question', approval, response: question };
    const deadline = earlier(until, deadlineOf(approval));
    const inlineWait = approval.state === 'pending' ? waitInline(gateway, approval, seat, readCall) : null;
    const next = await gateway.waitingRoom.wait(approval.id, approval.revision, deadline, signal);
    // However the wait ended, a pass that was spent for this caller is this caller's to send.
    const dispatch = (await inlineWait?.leave()) ?? null;
    if (dispatch !== null) {
      hold?.end({ 'holdfast.approval.state': 'approved' });
      // It was spent with the decision, by whoever decided: how long that took is within the wait.
      gateway.tracing?.begin('dispatch', { 'holdfast.dispatch.with_decision': true })?.end();
      return { kind: 'dispatch', dispatch };
    }
    // In a closed waiting room nobody waits, not even for the approval's own deadline.
    if (next === 'timeout' && (deadline === until || !gateway.waitingRoom.open)) return { kind: 'pending', approval };
    if (next === 'alarm') {
      approval = (await gateway.store.find(approval.id)) ?? { ...approval, broken: 'older' };
      continue;
    }
    if (next === 'timeout') continue;
    if (next === 'gone') return { kind: 'gone', approval };
    approval = next;
  }
}

/** How a try ended. `changed`: the approval is another by now, and is looked at again. */
type Tried =
  | Exclude<Awaited<ReturnType<typeof spend>>, { kind: 'conflict' }>
  | { readonly kind: 'changed'; readonly approval: Approval };

/** Spends the pass for this caller, while the other callers of this process wait for what comes of it. */
function spendAlone(
  gateway: Parameters<typeof takeTurn>[0],
  approval: Approval,
  joiner: string,
  readCall: ReadCall,
): Promise<Tried> {
  const attempt = async (): Promise<Tried> => {
    const call = await readKept(gateway, approval, readCall);
    if ('revision' in call) return { kind: 'changed', approval: call };
    const spent = await spend(gateway, approval, joiner, call);
    if (spent.kind !== 'conflict') return spent;
    return { kind: 'changed', approval: (await gateway.store.find(approval.id)) ?? approval };
  };
  return trying(gateway.store, approval.id, attempt, (tried) => {
    if (tried.kind === 'changed') return tried.approval;
    return tried.kind === 'dispatch' && tried.dispatch.approval.id === approval.id ? tried.dispatch.approval : null;
  });
}

/**
 * The parked call, or the approval as it is by now: it may have ended between this caller's seat and its look at the
 * call (its yes was taken back, it was withdrawn), and the call's bytes go with it.
 */
async function readKept(
  { store }: Pick<Gateway, 'store'>,
  approval: Approval,
  readCall: ReadCall,
): Promise<Call | Approval> {
  try {
    return await readCall();
  } catch (error) {
    const now = await store.find(approval.id);
    if (now === null || now.revision === approval.revision) throw error;
    return now;
  }
}

/**
 * Waits until a frozen pass may be spent again, or changes (somebody takes it back, its time is over). `over`: this
 * caller can wait no longer, or is gone.
 */
async function waitForThaw(
  gateway: Pick<Gateway, 'clock' | 'knownFreezes' | 'waitingRoom'>,
  { approval }: Extract<Turn, { kind: 'frozen' }>,
  until: Date,
  signal: AbortSignal | undefined,
): Promise<Approval | 'over'> {
  const { clock, knownFreezes, waitingRoom } = gateway;
  if (signal?.aborted || !waitingRoom.open || clock.now() >= until) return 'over';
  const thaw = knownFreezes.thaw(approval);
  try {
    const either = signal === undefined ? thaw.signal : AbortSignal.any([signal, thaw.signal]);
    const deadline = earlier(until, deadlineOf(approval));
    const next = await waitingRoom.wait(approval.id, approval.revision, deadline, either);
    if (typeof next !== 'string') return next;
    // Aborted by the thaw, or late: looked at again. A caller that is gone is noticed there.
    return next === 'timeout' && !waitingRoom.open ? 'over' : approval;
  } finally {
    thaw.end();
  }
}

/** Lets a decision that comes during this wait spend the pass for this caller. */
function waitInline(
  gateway: Pick<
    Gateway,
    'alarms' | 'announcer' | 'callMemory' | 'clock' | 'faultPoint' | 'inline' | 'leases' | 'replica' | 'rules' | 'vault'
  >,
  approval: Approval,
  { joiner }: Seat,
  readCall: ReadCall,
): InlineWait | null {
  return gateway.inline.wait(approval, async (approved) => spendInline(gateway, approved, joiner, await readCall()));
}

/** The approval's own deadline ends the wait too, so that it is noticed even if the queue's job is late. */
function earlier(until: Date, deadline: Date | null): Date {
  return deadline !== null && deadline < until ? deadline : until;
}

async function ended(
  gateway: Pick<Gateway, 'callMemory' | 'longResults' | 'store' | 'vault'>,
  approval: Approval,
): Promise<Turn> {
  if (approval.state !== 'succeeded' && approval.state !== 'failed') return { kind: 'over', approval };
  const response = gateway.longResults.of(approval.id) ?? (await keptResult(gateway, approval));
  if (response === null) return { kind: 'over', approval };
  await rememberHandedOut(gateway, approval);
  return { kind: 'result', approval, response };
}

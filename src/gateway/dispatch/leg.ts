import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch, Outcome } from '../../domain/approval/dispatch.ts';
import type { Call } from '../../domain/call/call.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Change, ContinuedParent, Continuing } from '../../ports.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { type CallReading, conclude } from './conclude.ts';
import { continuedDispatch } from './defer.ts';
import { dispatchEvent, finish } from './finish.ts';
import { type AnswerRecord, answerEvent, recordOfAnswer } from './given.ts';

/**
 * A leg is an approval of its own: what an agent answers to what a server asked during a gated call, where policy wants
 * a yes for it. It names the call (`answersTo`) and the question (`asked`), its fingerprint is over both and over the
 * whole answer, and it takes nothing from the limits, because its call has.
 *
 * | leg | the call that it answers for (dispatched, awaits input) | next |
 * |---|---|---|
 * | opens | waits until the leg's end and pickup at least; its question with it | a person decides |
 * | denied, expired, withdrawn | goes on waiting | the agent may answer again, which opens another leg; at the end: unknown |
 * | approved, spent | goes on, in the same transaction: awaits nothing, its question admits no other answer | one sending |
 * | its sending returns | succeeded, failed, or asks the next question, recorded first | succeeded, failed |
 * | provably not sent | awaits input again, recorded first | approved again: the same answer needs no second yes |
 * | nobody knows | unknown | unknown |
 *
 * | race | who wins |
 * |---|---|
 * | two different answers | each is a leg; the first that is spent. The other ends with a note, at the latest by the sweep |
 * | the same answer twice | joins the leg |
 * | answer and the call's end (given up, expired, cancelled) | the first commit; a leg whose call no longer waits lapses |
 * | an answer that needs no yes, and a leg | the first that takes the call from `awaits input` |
 * | a new question, word for word the same | another number (`asked.n`): the leg answers the question it was made for |
 * | policy denies, or the grant is revoked, before it is spent | the leg lapses, like any approval |
 * | death between spending and the end | both leases run out: both unknown, and neither can be sent again |
 * | death of the process that holds a POST with an answer, undecided or approved | withdrawn, lapsed; the same answer, given again within 30 s, takes the seat |
 * | death between the call's end and the leg's | the call is recorded, the leg is unknown; neither can be sent again |
 */
export function continuingOf(
  gateway: Pick<Gateway, 'leases' | 'replica'>,
  leg: Approval,
  answer: AnswerRecord | null,
  { by, now, seated }: { readonly by: string; readonly now: Date; readonly seated: boolean },
): Continuing | null {
  const { id, answersTo: parent, asked, server, tool, grant } = leg;
  if (parent === null || asked === null) return null;
  if (answer === null) throw new Error(`the leg ${id} is to be spent without its answer`);
  const about = { id: parent, server, tool, grant };
  const dispatched = approvalEvent(about, {
    type: 'call.dispatched',
    at: now,
    actor: 'holdfast',
    data: { continues: parent, leg: id },
  });
  const seat = { id: newId('jo', now), session: null, requestId: '"leg"', replica: gateway.replica };
  const sentAgain = asked.kind === 'result';
  return {
    parent,
    asked,
    now,
    given: answer.given,
    events: [answerEvent(about, answer), ...(sentAgain ? [dispatched] : [])],
    dispatch: sentAgain
      ? { by: parentDispatch(by), until: gateway.leases.until(), joiner: seated ? seat : null }
      : null,
  };
}

/** What a leg answers; null: the approval is none. */
export function answerOfLeg(
  gateway: Pick<Gateway, 'clock' | 'erasures' | 'rules' | 'vault'>,
  { id, asked, answersTo }: Approval,
  call: Call,
): Promise<AnswerRecord> | null {
  if (answersTo === null || asked === null) return null;
  return recordOfAnswer(gateway, call, { kind: asked.kind, parent: answersTo, leg: id, at: gateway.clock.now() });
}

/** The dispatch of the call that the leg's dispatch continues. */
export function parentOf(
  gateway: Pick<Gateway, 'announcer' | 'leases'>,
  parent: ContinuedParent,
  by: string,
  startedAt: Date,
): Dispatch['parent'] {
  const { approval, joiner, stood } = parent;
  if (stood === null) {
    gateway.announcer.announce(approval);
    return null;
  }
  return { dispatch: continuedDispatch(gateway, approval, parentDispatch(by), startedAt, stood), joiner };
}

function parentDispatch(by: string): string {
  return `${by} parent`;
}

/** A leg and its call after the server's answer was recorded. `open`: the server asks again. */
export interface ConcludedLeg {
  readonly leg: Approval;
  readonly parent: Approval;
  readonly open: boolean;
}

/** Records the end of a leg's sending: of its call first, so that no leg reads done whose call does not. */
export async function concludeLeg(
  gateway: Parameters<typeof conclude>[0] & Parameters<typeof finish>[0],
  leg: Dispatch,
  parent: Dispatch,
  outcome: Outcome,
  reading: CallReading,
): Promise<ConcludedLeg> {
  const { approval, open } = await conclude(gateway, parent, outcome, reading);
  return { leg: await finish(gateway, leg, outcome), parent: approval, open };
}

/** Why a leg ends of which nobody has decided, or whose answer nobody can send. For people. */
const ENDS = {
  moot: 'the server no longer waits for this answer: it was answered, or its call is over',
  orphaned: 'the gateway process that held this answer has stopped, so it was not sent; the agent may give it again',
} as const;

/** Ends a leg that answers nothing any more, or that nobody can send. Does nothing if it is under way or over. */
export async function endLeg(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  found: Approval,
  why: keyof typeof ENDS,
): Promise<void> {
  const end = await changeApproval(gateway.store, found, (leg) => legEnd(gateway, leg, ENDS[why]));
  if (end.kind === 'committed') gateway.announcer.announce(end.approval);
}

function legEnd(gateway: Pick<Gateway, 'clock'>, leg: Approval, note: string): Change | null {
  const { id, revision, state } = leg;
  if (state !== 'pending' && state !== 'approved') return null;
  const [to, type] =
    state === 'pending' ? (['withdrawn', 'approval.withdrawn'] as const) : (['lapsed', 'approval.lapsed'] as const);
  const events = [dispatchEvent(gateway, leg, type, { note })];
  return { id, revision, from: state, to, patch: { note }, events };
}

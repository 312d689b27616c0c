import type { Approval, Awaits } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Json } from '../../domain/json/json.ts';
import { Unavailable } from '../../ports.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { dispatchEvent, ROW_ALTERED } from './finish.ts';
import { type AnswerRecord, answerEvent } from './given.ts';
import { record } from './record.ts';

/** How a server has answered a dispatched call without ending it. */
export type Deferral =
  /** It runs the call as a task of its own, which is stored and followed already. */
  | { readonly awaits: 'task' }
  /** It asks back. `response`: kept for callers who fetch it; null: it is kept elsewhere, or already. */
  | {
      readonly awaits: 'input';
      readonly response: Uint8Array | null;
      readonly until: Date;
      /** Why the agent's answer was not sent. */
      readonly why?: string;
    };

/**
 * Records that the call was answered but has not ended: its approval stays dispatched until its real end. So card, log
 * and agent never read "succeeded" while the call still runs, and an identical call joins instead of asking again (P2).
 *
 * | dispatched, awaits | lease | goes on with | becomes |
 * |---|---|---|---|
 * | nothing | 30 s, renewed by its sender | the response | succeeded, failed, unknown, or one of the rows below |
 * | task | none: whoever follows the task holds a lease of its own | the end of the server's task | succeeded, failed |
 * | task | | the task can no longer be followed | unknown |
 * | input | `until`, once | the agent's answer, spent by one compare-and-swap | nothing (a new dispatch of the same call) |
 * | input | past `until` | nobody answered, or the agent cancelled its task | unknown: nobody can say what it did before it asked |
 * | nothing, after input | 30 s, renewed | the answer was provably not sent | input again, for what is left of `until` |
 *
 * | race | who wins |
 * |---|---|
 * | two answers at once, or one sent twice | the first; the other joins the call and waits for its end |
 * | answer and `until` | the first commit; an answer that lost finds nothing to continue and asks again |
 * | two replicas follow one task | the first to record its end; the other finds it ended |
 * | a caller asks for the task while another follows it | the same |
 * | a late renewal of the lease | takes the longer of the two, and does nothing where there is no lease |
 * | death before this is recorded | the lease runs out: unknown; a stored task is still followed and may yet report its end |
 */
export async function defer(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'leases' | 'log' | 'store' | 'vault'>,
  dispatch: Dispatch,
  deferral: Deferral,
): Promise<Approval> {
  const { id } = dispatch.approval;
  const recorded = await record(gateway, dispatch, async () => {
    const { store } = gateway;
    const approval = await store.find(id);
    if (approval === null) throw new Error(`approval ${id} is gone`);
    if (approval.state !== 'dispatched') return approval;
    // What is read here is sealed anew.
    if (approval.broken !== null && approval.broken !== 'secret') throw new Unavailable('store', ROW_ALTERED);
    const committed = await store.commit({
      id,
      revision: approval.revision,
      from: 'dispatched',
      to: 'dispatched',
      believed: approval.seal,
      patch: patchFor(gateway, deferral, approval),
      dispatcher: dispatch.by,
      events: [dispatchEvent(gateway, approval, 'call.deferred', dataOf(deferral))],
    });
    if (committed.kind === 'committed') {
      gateway.announcer.announce(committed.approval);
      return committed.approval;
    }
    if (committed.kind === 'altered') throw new Unavailable('store', ROW_ALTERED);
    const now = await store.find(id);
    return now?.revision === approval.revision ? now : null;
  });
  // In any case this attempt is over: what continues holds a lease of its own.
  gateway.leases.delete(dispatch.by);
  return recorded;
}

function dataOf(deferral: Deferral): { [name: string]: Json } {
  const why = deferral.awaits === 'input' ? deferral.why : undefined;
  return { awaits: deferral.awaits, ...(why === undefined ? {} : { why }) };
}

function patchFor(gateway: Pick<Gateway, 'vault'>, deferral: Deferral, approval: Approval) {
  const awaits: Awaits = deferral.awaits;
  const { questions, pickupUntil } = approval;
  if (deferral.awaits === 'task') return { awaits, leaseUntil: null, questions, pickupUntil };
  const { response, until } = deferral;
  // An answer that was not sent leaves the same question open.
  const asked = { questions: questions + (deferral.why === undefined ? 1 : 0), pickupUntil };
  if (response === null) return { awaits, leaseUntil: until, ...asked };
  return {
    awaits,
    leaseUntil: until,
    ...asked,
    result: gateway.vault.seal('result', approval.id, response),
    resultUntil: until,
  };
}

/**
 * Continues a task's call after the agent answered what the server asked: the same call, under the same approval, once.
 * Null: it no longer awaits input, or is frozen.
 */
export async function resume(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'leases' | 'replica' | 'store'>,
  id: string,
  data: { [name: string]: Json },
  answer: AnswerRecord,
): Promise<Dispatch | null> {
  const { store, clock, leases } = gateway;
  const by = dispatchName(gateway);
  let startedAt = clock.now();
  const end = await changeApproval(store, id, (approval) => {
    startedAt = clock.now();
    const { questions, pickupUntil } = approval;
    if (approval.broken !== null || !awaitsInput(approval)) return null;
    if (approval.leaseUntil === null || approval.leaseUntil <= startedAt) return null;
    return {
      id,
      revision: approval.revision,
      from: 'dispatched',
      to: 'dispatched',
      believed: approval.seal,
      patch: { awaits: null, leaseUntil: leases.until(), dispatcher: by, questions, pickupUntil },
      given: answer.given,
      unlessFrozen: { server: approval.server, grant: approval.grant },
      events: [
        answerEvent(approval, answer),
        dispatchEvent(gateway, approval, 'call.dispatched', { continues: id, ...data }),
      ],
    };
  });
  if (end.kind !== 'committed') return null;
  return continuedDispatch(gateway, end.approval, by, startedAt, end.known.leaseUntil!);
}

/** Ends as unknown a call whose server will get no answer: nobody can say what it did before it asked. */
export async function giveUp(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'rules' | 'store'>,
  id: string,
  why: string,
): Promise<void> {
  const { store, clock } = gateway;
  const end = await changeApproval(store, id, (approval) => {
    if (!awaitsInput(approval)) return null;
    const resultUntil = new Date(clock.now().getTime() + gateway.rules.approval.pickupMs);
    return {
      id,
      revision: approval.revision,
      from: 'dispatched',
      to: 'unknown',
      patch: { awaits: null, leaseUntil: null, dispatcher: null, note: why, resultUntil },
      events: [dispatchEvent(gateway, approval, 'call.unknown', { why })],
    };
  });
  if (end.kind === 'committed') gateway.announcer.announce(end.approval);
}

function awaitsInput({ state, awaits }: Approval): boolean {
  return state === 'dispatched' && awaits === 'input';
}

/** A new name for each dispatch, so that the end of an earlier one is never taken for the end of this one. */
export function dispatchName(gateway: Pick<Gateway, 'clock' | 'replica'>): string {
  return `${gateway.replica} ${newId('di', gateway.clock.now())}`;
}

/** A dispatch that continues an earlier one. `until`: how long the server's question stays open. */
export function continuedDispatch(
  gateway: Pick<Gateway, 'announcer' | 'leases'>,
  approval: Approval,
  by: string,
  startedAt: Date,
  until: Date,
): Dispatch {
  gateway.leases.add({ approval, by });
  gateway.announcer.announce(approval);
  return { approval, by, taken: [], startedAt, continues: { until } };
}

import type { Approval, Awaits } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import type { Json } from '../../domain/json/json.ts';
import type { EventType } from '../../domain/log/event.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import { changeApproval } from '../commit-until.ts';
import type { Gateway } from '../gateway.ts';
import { newId } from '../id.ts';
import { record } from './record.ts';

/** The server has answered a dispatched call without ending it. */
export type Deferral =
  /** It runs it as a task of its own; a pursuit is kept already. */
  | { readonly awaits: 'task' }
  /** It asks back. `response`: kept for callers who come for it, null: it is kept elsewhere, or already. */
  | {
      readonly awaits: 'input';
      readonly response: Uint8Array | null;
      readonly until: Date;
      /** Why the agent's answer was not sent. */
      readonly why?: string;
    };

/**
 * Says that the call was answered and not ended: its approval stays dispatched until its real end, so that card, log
 * and agent never read "succeeded" of what still runs, and an identical call joins instead of asking anew (P2).
 *
 * | dispatched, awaits | lease | goes on by | becomes |
 * |---|---|---|---|
 * | nothing | 30 s, renewed by its sender | the response | succeeded, failed, unknown, or the rows below |
 * | task | none: whoever follows the task has a lease of its own | the server's task ends | succeeded, failed |
 * | task | | it cannot be followed any more | unknown |
 * | input | `until`, once | the agent's answer, spent by one compare-and-swap | nothing (a new dispatch of the same call) |
 * | input | past `until` | nobody answered, or the agent cancelled its task | unknown: what it did before it asked, nobody can say |
 * | nothing, after input | 30 s, renewed | the answer was provably not sent | input again, with what is left of `until` |
 *
 * | race | who wins |
 * |---|---|
 * | two answers at once, or one sent twice | the first; the other joins the call and waits for its end |
 * | answer and `until` | the first commit; an answer that lost finds nothing to go on with and asks anew |
 * | two replicas follow one task | the first to record its end; the other finds it ended |
 * | a caller asks after the task while another follows it | the same |
 * | a renewal of the lease that is late | takes the longer one, and does nothing where there is none |
 * | death before this is recorded | the lease: unknown; a task that is kept is followed all the same and may still tell |
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
    const committed = await store.commit({
      id,
      revision: approval.revision,
      from: 'dispatched',
      to: 'dispatched',
      patch: patchFor(gateway, deferral, approval),
      dispatcher: dispatch.by,
      events: [deferralEvent(gateway, approval, 'call.deferred', dataOf(deferral))],
    });
    if (committed.kind === 'committed') {
      gateway.announcer.tell(committed.approval);
      return committed.approval;
    }
    const now = await store.find(id);
    return now?.revision === approval.revision ? now : null;
  });
  // Whatever was found, this leg is over: what goes on has a lease of its own.
  gateway.leases.delete(dispatch.by);
  return recorded;
}

function dataOf(deferral: Deferral): { [name: string]: Json } {
  const why = deferral.awaits === 'input' ? deferral.why : undefined;
  return { awaits: deferral.awaits, ...(why === undefined ? {} : { why }) };
}

function patchFor(gateway: Pick<Gateway, 'vault'>, deferral: Deferral, { id }: Approval) {
  const awaits: Awaits = deferral.awaits;
  if (deferral.awaits === 'task') return { awaits, leaseUntil: null };
  const { response, until } = deferral;
  if (response === null) return { awaits, leaseUntil: until };
  return { awaits, leaseUntil: until, result: gateway.vault.seal('result', id, response), resultUntil: until };
}

/**
 * The agent answered what the server asked of its task: the same call goes on, under the same approval, once. null:
 * it awaits no input any more.
 */
export async function resume(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'leases' | 'replica' | 'store'>,
  id: string,
  data: { [name: string]: Json },
): Promise<Dispatch | null> {
  const { store, clock, leases } = gateway;
  const by = dispatchName(gateway);
  const end = await changeApproval(store, id, (approval) => {
    if (!awaitsInput(approval) || approval.leaseUntil === null || approval.leaseUntil <= clock.now()) return null;
    return {
      id,
      revision: approval.revision,
      from: 'dispatched',
      to: 'dispatched',
      patch: { awaits: null, leaseUntil: leases.until(), dispatcher: by },
      events: [deferralEvent(gateway, approval, 'call.dispatched', { continues: id, ...data })],
    };
  });
  if (end.kind !== 'committed') return null;
  return begun(gateway, end.approval, by, clock.now(), end.known.leaseUntil!);
}

/** Nobody will answer what the server asked: what it did before it asked, nobody can say. */
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
      events: [deferralEvent(gateway, approval, 'call.unknown', { why })],
    };
  });
  if (end.kind === 'committed') gateway.announcer.tell(end.approval);
}

function awaitsInput({ state, awaits }: Approval): boolean {
  return state === 'dispatched' && awaits === 'input';
}

/** Never the name of an earlier dispatch: its end must not be taken for the end of this one. */
export function dispatchName(gateway: Pick<Gateway, 'clock' | 'replica'>): string {
  return `${gateway.replica} ${newId('di', gateway.clock.now())}`;
}

/** A dispatch that goes on with what was sent before; `until`: for how long its question stands. */
export function begun(
  gateway: Pick<Gateway, 'announcer' | 'leases'>,
  approval: Approval,
  by: string,
  startedAt: Date,
  until: Date,
): Dispatch {
  gateway.leases.add({ approval, by });
  gateway.announcer.tell(approval);
  return { approval, by, taken: [], startedAt, continues: { until } };
}

function deferralEvent(
  gateway: Pick<Gateway, 'clock'>,
  approval: Approval,
  type: EventType,
  data: { [name: string]: Json },
) {
  const at = gateway.clock.now();
  return approvalEvent(approval, { type, at, actor: 'holdfast', data: { ...data, fingerprint: approval.fingerprint } });
}

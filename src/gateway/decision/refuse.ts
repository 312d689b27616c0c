import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { approvalEvent } from '../../domain/log/event.ts';
import type { Gateway } from '../gateway.ts';
import { actorOf } from './actor.ts';

/** Longest unknown approval id that is kept, in UTF-16 units. */
const LONGEST_ID = 64;

/** A decision that does not count. `reason`: a name from `RefusalReason`, or one of the door's own. */
export interface Refusal {
  readonly approver: Pick<Approver, 'id' | 'via'>;
  readonly reason: string;
  readonly choice: string;
}

/** Logs a decision that does not count. The only writer of `approval.refused`. */
export async function refuse(
  { store, clock }: Pick<Gateway, 'clock' | 'store'>,
  approval: Approval | { readonly unknown: string },
  { approver, reason, choice }: Refusal,
): Promise<void> {
  const base = { type: 'approval.refused', at: clock.now(), actor: actorOf(approver) } as const;
  const data = { reason, choice, via: approver.via };
  if ('unknown' in approval) {
    const nothing = { approval: null, server: null, tool: null, grant: null };
    return store.append([{ ...base, ...nothing, data: { ...data, claimed: approval.unknown.slice(0, LONGEST_ID) } }]);
  }
  const { state, fingerprint } = approval;
  await store.append([approvalEvent(approval, { ...base, data: { ...data, state, fingerprint } })]);
}

/** The same for a door, which knows the approval only by an id that may be made up. */
export async function refuseAtDoor(
  gateway: Pick<Gateway, 'clock' | 'store'>,
  id: string,
  refusal: Refusal,
): Promise<void> {
  await refuse(gateway, (await gateway.store.find(id)) ?? { unknown: id }, refusal);
}

import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { approvalEvent, type NewEvent, NO_SUBJECT } from '../../domain/log/event.ts';
import type { Gateway } from '../gateway.ts';
import { actorOf } from './actor.ts';

/** Longest approval id that is kept of a door's word, in UTF-16 units. */
const LONGEST_ID = 64;

/** A decision that does not count. `reason`: a name from `RefusalReason`, or one of the door's own. */
export interface Refusal {
  readonly approver: Pick<Approver, 'id' | 'via'>;
  readonly reason: string;
  readonly choice: string;
  /** What exactly, where the reason leaves that open. */
  readonly why?: string;
}

/** Logs a decision that does not count. Only this file writes `approval.refused`. */
export async function refuse(
  { store, clock }: Pick<Gateway, 'clock' | 'store'>,
  approval: Approval,
  refusal: Refusal,
): Promise<void> {
  await store.append([eventOf(approval, refusal, clock.now())]);
}

/** The same for a door, which knows the approval only by an id that may be made up: the event keeps it as `claimed`. */
export async function refuseAtDoor(
  { store, clock }: Pick<Gateway, 'clock' | 'store'>,
  id: string,
  refusal: Refusal,
): Promise<void> {
  const event = eventOf(await store.find(id), refusal, clock.now());
  await store.append([{ ...event, data: { ...event.data, claimed: id.slice(0, LONGEST_ID) } }]);
}

function eventOf(approval: Approval | null, { approver, reason, choice, why }: Refusal, at: Date): NewEvent {
  const base = { type: 'approval.refused', at, actor: actorOf(approver) } as const;
  const data = { reason, choice, via: approver.via, ...(why === undefined ? {} : { why }) };
  if (approval === null) return { ...base, ...NO_SUBJECT, data };
  const { state, fingerprint } = approval;
  return approvalEvent(approval, { ...base, data: { ...data, state, fingerprint } });
}

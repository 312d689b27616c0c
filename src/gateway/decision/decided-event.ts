import type { Approval, Decision } from '../../domain/approval/approval.ts';
import { rightJson } from '../../domain/approval/circle.ts';
import type { CurrentApprovers } from '../../domain/approval/current.ts';
import { withDecision } from '../../domain/approval/decide.ts';
import { isOwner } from '../../domain/approval/quorum.ts';
import type { SeenCard } from '../../domain/approval/seen-card.ts';
import { signatureJson } from '../../domain/approval/signing.ts';
import { tallyOf } from '../../domain/approval/tally.ts';
import type { JsonObject } from '../../domain/json/json.ts';
import { approvalEvent, type NewEvent } from '../../domain/log/event.ts';
import type { CardRecord } from '../../ports.ts';
import { actorOf } from './actor.ts';

/** Decisions that were made together, all or none: the same id in the event of each, and how many they are. */
export interface Batch {
  readonly id: string;
  readonly count: number;
}

/**
 * A changed mind is an event of its own; it says what the person had said before, as a yes does that takes the place of one
 * whose signature is void.
 * `batch`: it was decided together with others.
 */
export function decidedEvent(
  approval: Approval,
  { decision, instead, next }: { decision: Decision; instead: Decision | null; next: string },
  card: CardRecord | null,
  saw: SeenCard | undefined,
  current: CurrentApprovers,
  batch: Batch | null = null,
): NewEvent {
  return approvalEvent(approval, {
    type: instead === null || decision.choice === 'approve' ? 'approval.decided' : 'approval.changed',
    at: decision.at,
    actor: actorOf({ id: decision.approver }),
    data: {
      ...(decision.person === undefined ? {} : { person: decision.person }),
      choice: decision.choice,
      ...(instead === null ? {} : { instead: instead.choice, insteadAt: instead.at.toISOString() }),
      reason: decision.reason,
      via: decision.via,
      self: decision.self,
      ...(isOwner(approval, { id: decision.approver }, current) ? { owner: true } : {}),
      userGroup: decision.userGroup,
      ...(decision.rights === undefined ? {} : { rights: decision.rights.map(rightJson) }),
      ...(decision.counter === undefined ? {} : { counter: decision.counter }),
      ...(decision.offers === undefined ? {} : { allows: offersData(decision.offers) }),
      state: next,
      quorum: approval.requirement.quorum,
      ...missingAfter(approval, decision),
      waitedMs: decision.at.getTime() - approval.createdAt.getTime(),
      card: card === null ? null : { digest: card.digest, revision: card.revision, channel: card.channel, ts: card.ts },
      ...(saw === undefined ? {} : { saw: { ...saw } }),
      fingerprint: approval.fingerprint,
      ...(decision.signature === undefined ? {} : { signature: signatureJson(decision.signature) }),
      ...(batch === null ? {} : { batch: { ...batch } }),
    },
  });
}

function offersData({ minutes, calls, says }: NonNullable<Decision['offers']>) {
  return { minutes, calls, within: [...says] };
}

/** Who is missing after this vote, where groups have places. */
function missingAfter({ requirement, decisions }: Approval, decision: Decision): JsonObject {
  if (requirement.places === undefined) return {};
  const { missing } = tallyOf({ requirement, decisions: withDecision(decisions, decision) });
  return { missing: missing.map((each) => ({ ...each })) };
}

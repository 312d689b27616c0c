import type { Approval } from '../domain/approval.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { leave } from '../gateway/leave.ts';
import { sealEventId } from './event-id.ts';
import type { HeldRequest } from './held-request.ts';
import type { Manner } from './hold.ts';
import { type RequestState, type StateBinding, sealState } from './request-state.ts';
import { approvalMeta } from './words.ts';

/** Clients follow this many; on the last they are told to call again instead. */
export const MOST_LEGS = 10;

/** From this revision on a stream begins with an event id, and may be taken up by it. */
const RESUMABLE = '2025-11-25';

/** A caller that can only hold on. When its connection goes, its place is kept for it. */
export function legacyManner(gateway: Gateway, held: HeldRequest, seat: Seated, protocolVersion: string): Manner {
  const { vault } = gateway.setting;
  const place = { approval: seat.approval.id, joiner: seat.joiner, idText: held.idText };
  return {
    comeBack: async () => null,
    gone: () => gateway.errands.run(() => gateway.setting.store.away(seat.joiner, gateway.setting.replica)),
    eventId:
      protocolVersion >= RESUMABLE && held.session !== null
        ? sealEventId(vault, held.principal.grant, held.server, place)
        : null,
  };
}

export interface Seated {
  readonly approval: Approval;
  readonly joiner: string;
}

/**
 * A caller that comes back by itself (2026-07-28, MRTR): it is sent away with nothing but a state, which its client
 * brings along with the same call. When it closes its stream, it has cancelled.
 */
export function modernManner(
  gateway: Gateway,
  held: HeldRequest,
  seat: Seated,
  more: { binding: StateBinding; leg: number; foreign: RequestState['foreign'] },
): Manner {
  const { setting, rules } = gateway;
  return {
    comeBack: async (approval) => {
      if (more.leg >= MOST_LEGS) return null;
      const round = await setting.tasks.nextRound(seat.joiner);
      const now = setting.clock.now().getTime();
      const until = Math.max(approval.expiresAt.getTime(), now) + rules.approval.pickupMs;
      const { leg, foreign } = more;
      const state = { approval: approval.id, joiner: seat.joiner, round, leg, until, foreign };
      const requestState = sealState(setting.vault, more.binding, state);
      const _meta = { 'holdfast/approval': approvalMeta(approval) };
      return JSON.stringify({ resultType: 'input_required', requestState, _meta });
    },
    gone: async () => {
      const { principal, server } = held;
      const reason = 'it closed its request';
      const leaving = { joiner: seat.joiner, replica: setting.replica, grant: principal.grant, server, reason };
      await gateway.errands.run(async () => void (await leave(setting, leaving)));
    },
    eventId: null,
  };
}

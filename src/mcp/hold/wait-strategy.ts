import type { Approval } from '../../domain/approval/approval.ts';
import { leave } from '../../gateway/call/leave.ts';
import { inviteBack, leaveSeatEmpty } from '../../gateway/call/seats.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { approvalMeta } from '../protocol/tool-results.ts';
import { sealEventId } from './event-id.ts';
import type { HeldRequest } from './request.ts';
import { type RequestState, type StateBinding, sealState } from './request-state.ts';
import type { Seated } from './seated.ts';

/** How this caller can wait, beyond holding its answer open. */
export interface WaitStrategy {
  /** It can wait no longer: JSON of the result that has it come back, or null for the pending result. */
  comeBack(approval: Approval): Promise<string | null>;
  /** Nobody listens any more, and nothing was sent. */
  gone(): Promise<void>;
  /** Sent first, so that the stream can be taken up elsewhere; null: it cannot. */
  readonly eventId: string | null;
}

/** Clients follow this many; on the last they are told to call again instead. */
export const MOST_ATTEMPTS = 10;

/** From this revision on a stream begins with an event id, and may be taken up by it. */
const RESUMABLE = '2025-11-25';

/** A caller that can only hold on. When its connection goes, its place is kept for it. */
export function legacyStrategy(
  gateway: Gateway,
  held: HeldRequest,
  seat: Seated,
  protocolVersion: string,
): WaitStrategy {
  const { vault } = gateway;
  const place = { approval: seat.approval.id, joiner: seat.joiner, idText: held.idText };
  return {
    comeBack: async () => null,
    gone: () => leaveSeatEmpty(gateway, seat.joiner),
    eventId:
      protocolVersion >= RESUMABLE && held.session !== null
        ? sealEventId(vault, held.principal.grant, held.server, place)
        : null,
  };
}

/**
 * A caller that comes back by itself (2026-07-28, MRTR): it is sent away with nothing but a state, which its client
 * brings along with the same call. When it closes its stream, it has cancelled.
 */
export function modernStrategy(
  gateway: Gateway,
  held: HeldRequest,
  seat: Seated,
  more: { binding: StateBinding; leg: number; foreign: RequestState['foreign'] },
): WaitStrategy {
  return {
    comeBack: async (approval) => {
      if (more.leg >= MOST_ATTEMPTS) return null;
      const { round, until } = await inviteBack(gateway, seat.joiner, approval);
      const { leg, foreign } = more;
      const state = { approval: approval.id, joiner: seat.joiner, round, leg, until, foreign };
      const requestState = sealState(gateway.vault, more.binding, state);
      const _meta = { 'holdfast/approval': approvalMeta(approval) };
      return JSON.stringify({ resultType: 'input_required', requestState, _meta });
    },
    gone: async () => {
      const { principal, server } = held;
      const reason = 'it closed its request';
      const leaving = { joiner: seat.joiner, replica: gateway.replica, grant: principal.grant, server, reason };
      await gateway.retries.run(async () => void (await leave(gateway, leaving)));
    },
    eventId: null,
  };
}

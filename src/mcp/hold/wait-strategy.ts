import type { Approval } from '../../domain/approval/approval.ts';
import { leave } from '../../gateway/call/leave.ts';
import { inviteBack, leaveSeatEmpty } from '../../gateway/call/seats.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { approvalMeta } from '../protocol/tool-results.ts';
import { sealEventId } from './event-id.ts';
import type { HeldRequest } from './request.ts';
import { type StateBinding, sealState } from './request-state.ts';
import type { Seated } from './seated.ts';

/** How a caller of its revision can wait, besides keeping its answer open. */
export interface WaitStrategy {
  /**
   * The result for a caller that can wait no longer, as JSON text, if its client comes back by itself. Null: the model
   * is given the pending result instead.
   */
  comeBackResult(approval: Approval): Promise<string | null>;
  /** The caller has gone, and nothing was sent to the server. */
  callerGone(): Promise<void>;
  /** Sent at the beginning of the stream, so that it can be resumed elsewhere; null: it cannot be resumed. */
  readonly eventId: string | null;
}

/** How often a client is made to come back by itself. After the last attempt the model is asked to repeat the call. */
export const MOST_ATTEMPTS = 10;

/** From this revision on, a stream begins with an event id by which it can be resumed. */
const RESUMABLE = '2025-11-25';

/** A caller that can only keep its connection open (up to 2025-11-25). When the connection closes, its seat is kept. */
export function legacyStrategy(
  gateway: Gateway,
  held: HeldRequest,
  seat: Seated,
  protocolVersion: string,
): WaitStrategy {
  const { vault } = gateway;
  const resumePoint = { approval: seat.approval.id, joiner: seat.joiner, idText: held.idText };
  return {
    comeBackResult: async () => null,
    callerGone: () => leaveSeatEmpty(gateway, seat.joiner),
    eventId:
      protocolVersion >= RESUMABLE && held.session !== null
        ? sealEventId(vault, held.principal.grant, held.server, resumePoint)
        : null,
  };
}

/**
 * A caller whose client comes back by itself (2026-07-28, MRTR): it is sent away with nothing but a state, which its
 * client returns with the same call. Closing the stream cancels the call.
 */
export function modernStrategy(
  gateway: Gateway,
  held: HeldRequest,
  seat: Seated,
  { binding, attempt }: { readonly binding: StateBinding; readonly attempt: number },
): WaitStrategy {
  return {
    comeBackResult: async (approval) => {
      if (attempt >= MOST_ATTEMPTS) return null;
      const { round, until } = await inviteBack(gateway, seat.joiner, approval);
      const state = { approval: approval.id, joiner: seat.joiner, round, leg: attempt, until };
      const requestState = sealState(gateway.vault, binding, state);
      const _meta = { 'holdfast/approval': approvalMeta(approval) };
      return JSON.stringify({ resultType: 'input_required', requestState, _meta });
    },
    callerGone: async () => {
      const { principal, server } = held;
      const reason = 'it closed its request';
      const leaving = { joiner: seat.joiner, replica: gateway.replica, grant: principal.grant, server, reason };
      await gateway.retries.run(async () => void (await leave(gateway, leaving)));
    },
    eventId: null,
  };
}

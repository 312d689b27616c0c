import type { Approval } from '../../domain/approval/approval.ts';
import type { Gateway } from '../gateway.ts';
import { withdrawAbandoned } from './withdraw.ts';

/** A caller that no longer wants its call, named by its seat. */
export interface LeavingCaller {
  readonly joiner: string;
  /** The replica that it sat at: a seat taken up at another replica is left alone. Absent: at any replica. */
  readonly replica?: string;
  readonly grant: string;
  readonly server: string;
  readonly reason: string | null;
}

/**
 * The agent took back this one call: it closed a blocking request (2026-07-28) or cancelled a task. When the last
 * caller leaves, the approval ends. Returns the approval as it is then; null when the caller had already left or been
 * answered.
 */
export async function leave(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  { joiner, replica, grant, server, reason }: LeavingCaller,
): Promise<Approval | null> {
  const left = await gateway.store.leave({ joiner, ...(replica === undefined ? {} : { replica }) }, (approval) => ({
    type: 'approval.caller_left',
    at: gateway.clock.now(),
    actor: `grant:${grant}`,
    approval,
    server,
    tool: null,
    grant,
    data: { reason },
  }));
  if (left === null) return null;
  return withdrawAbandoned(gateway, left, { grant, requestId: joiner, reason });
}

import type { Approval } from '../../domain/approval/approval.ts';
import type { Gateway } from '../gateway.ts';
import { withdrawAbandoned } from './withdraw.ts';

/** One caller that wants nothing more, told by its place. */
export interface Leaving {
  readonly joiner: string;
  /** Where it sat; a place that is somebody's elsewhere by now is left alone. Absent: wherever it is. */
  readonly replica?: string;
  readonly grant: string;
  readonly server: string;
  readonly reason: string | null;
}

/**
 * The agent took back this one call: it closed a blocking modern request, or cancelled a task. With the last caller the
 * approval goes. Returns the approval as it is then; null when the caller had already left or was answered.
 */
export async function leave(
  gateway: Pick<Gateway, 'announcer' | 'clock' | 'store'>,
  { joiner, replica, grant, server, reason }: Leaving,
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

import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import { Unavailable } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import type { Gateway } from '../gateway.ts';

/**
 * Records something about a dispatch of this process. Retries until the store accepts it; the lease is renewed
 * meanwhile. If this process dies first, the sweep marks the call unknown. `attempt` returns null when another change
 * came first and it must read again. Throws what is not `Unavailable`, and anything once the process stops.
 */
export async function record(
  gateway: Pick<Gateway, 'leases' | 'log'>,
  { approval, by }: Dispatch,
  attempt: () => Promise<Approval | null>,
): Promise<Approval> {
  const { leases } = gateway;
  for (let failures = 0; ; ) {
    try {
      const recorded = await attempt();
      if (recorded !== null) return recorded;
    } catch (error) {
      // Nobody will record this end any more, so the lease is given up and the sweep marks the call unknown.
      if (!(error instanceof Unavailable) || leases.stopped) {
        leases.delete(by);
        throw error;
      }
      gateway.log.error({ err: error, approval: approval.id }, 'an outcome could not be recorded yet');
      await pause(Math.min(2_000, 100 * 2 ** failures));
      failures += 1;
    }
  }
}

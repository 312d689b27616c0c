import type { Approval } from '../../domain/approval/approval.ts';
import type { Dispatch } from '../../domain/approval/dispatch.ts';
import { Unavailable } from '../../ports.ts';
import { pause } from '../../time/pause.ts';
import type { Gateway } from '../gateway.ts';

/**
 * Records something about a dispatch of this process, and tells it. Tries until the store takes it: the lease is
 * renewed meanwhile, and should this process die first, the sweep calls it unknown. `attempt` returns null when it was
 * overtaken and is to look again.
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
      // A process that ends records nothing any more. Nobody renews what nobody will end: the sweep calls it unknown.
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

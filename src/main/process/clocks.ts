import type { Clock } from '../../ports.ts';
import type { SqlConnection } from '../../sql/connection/connection.ts';

/** The database's clock. An embedded database runs on this machine and has its clock. */
export function clockOf({ clock }: SqlConnection): Clock {
  return clock ?? { now: () => new Date() };
}

/** Only for how long something lasts: it starts at this machine's time and nobody sets it. */
export const STEADY_CLOCK: Clock = { now: () => new Date(performance.timeOrigin + performance.now()) };

import { FAULT_POINTS, type FaultPoint } from '../../gateway/fault-point.ts';

/** What tests inject into a process, through its environment. */
export interface FaultInjection {
  /** Ends the process at the fault point that the environment names; absent when it names none. */
  readonly faultPoint?: (point: FaultPoint) => void;
  /** How long a lease lasts, in ms; the gateway's own when absent. */
  readonly leaseMs?: number;
  /** How long events stay before they are archived, in ms; as the config says when absent. */
  readonly retainMs?: number;
  /** How long slow senders and readers are tolerated, in ms; the gateway's own when absent. */
  readonly patienceMs?: number;
}

/**
 * `HOLDFAST_FAULT` names a fault point at which this process kills itself, `HOLDFAST_LEASE_MS` shortens leases,
 * `HOLDFAST_PATIENCE_MS` the time that slow connections have, and `HOLDFAST_RETAIN_MS` how long events stay. All four are for tests: throws if one is set while
 * NODE_ENV is not `test`.
 */
export function faultInjection(env: Readonly<Record<string, string | undefined>>): FaultInjection {
  const { HOLDFAST_FAULT: fault, HOLDFAST_LEASE_MS: lease, HOLDFAST_PATIENCE_MS: patience, NODE_ENV } = env;
  const retain = env.HOLDFAST_RETAIN_MS;
  if ([fault, lease, patience, retain].every((value) => value === undefined)) return {};
  if (NODE_ENV !== 'test') {
    const names = 'HOLDFAST_FAULT, HOLDFAST_LEASE_MS, HOLDFAST_PATIENCE_MS and HOLDFAST_RETAIN_MS';
    throw new Error(`${names} are for tests (NODE_ENV=test). Unset them.`);
  }
  const ms = {
    ...(lease === undefined ? {} : { leaseMs: Number(lease) }),
    ...(patience === undefined ? {} : { patienceMs: Number(patience) }),
    ...(retain === undefined ? {} : { retainMs: Number(retain) }),
  };
  if (fault === undefined) return ms;
  if (!(FAULT_POINTS as readonly string[]).includes(fault)) {
    throw new Error(`HOLDFAST_FAULT is one of ${FAULT_POINTS.join(', ')}.`);
  }
  const at = (point: FaultPoint): void => {
    if (point === fault) process.kill(process.pid, 'SIGKILL');
  };
  return { ...ms, faultPoint: at };
}

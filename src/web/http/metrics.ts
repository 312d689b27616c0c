import { type Context, Hono } from 'hono';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Backlog } from '../../ports.ts';
import { isAdmin } from './admin.ts';
import type { Meters } from './meters.ts';

export interface MetricsDeps {
  readonly gateway: Gateway;
  readonly meters: Meters;
  readonly adminToken: string | null;
  /** Host headers that are ours. */
  readonly hosts: () => ReadonlySet<string>;
}

/** `GET /metrics` in Prometheus' text format, for this machine's own processes and for the admin token. */
export function metrics({ gateway, meters, adminToken, hosts }: MetricsDeps): Hono {
  const app = new Hono();
  const read = gauges(gateway, meters);
  app.get('/metrics', async (c) => {
    const known = isAdmin(c.req.header('authorization'), adminToken);
    if (!known && !isFromHere(c, hosts())) {
      gateway.accessLog.refused({ door: 'metrics', status: 403, server: null, grant: null, address: addressOf(c) });
      return c.json({ error: 'forbidden', reason: 'Metrics are for loopback, or for the admin token.' }, 403);
    }
    await read();
    return c.text(await meters.registry.metrics(), 200, { 'content-type': meters.registry.contentType });
  });
  return app;
}

/** What a proxy adds: such a request is somebody else's, whatever socket it came by. */
const FORWARDED = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'];
const LOOPBACK = /^(::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;

/**
 * By the socket's other end, which nobody can write. A page in a browser on this machine comes from here too: its name
 * for us would be its own (DNS rebinding), or it would say where it is from.
 */
function isFromHere(c: Context, hosts: ReadonlySet<string>): boolean {
  if (!LOOPBACK.test(addressOf(c) ?? '')) return false;
  if (FORWARDED.some((name) => c.req.header(name) !== undefined)) return false;
  if (c.req.header('origin') !== undefined || c.req.header('sec-fetch-site') === 'cross-site') return false;
  return hosts.has((c.req.header('host') ?? '').toLowerCase());
}

/** null: this runtime does not tell. */
export function addressOf(c: Context): string | null {
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined;
  return env?.incoming?.socket?.remoteAddress ?? null;
}

/** What is true at the moment of asking. Returns what brings it up to date. */
function gauges(
  { ledger, waitingRoom, journal, leases, checkpointSigner }: Gateway,
  meters: Meters,
): () => Promise<void> {
  const parked = meters.gauge('approvals', 'Approvals that are not over, over all replicas.', ['state']);
  const lag = meters.gauge('queue_lag_seconds', 'How long the most overdue parked approval has waited for its job.');
  const stale = meters.gauge('outbox_waiting', 'Cards that do not show the truth yet.');
  const staleAge = meters.gauge('outbox_lag_seconds', 'How long the oldest of them has not.');
  const head = meters.gauge('chain_head', 'The last place in the audit chain.');
  const covered = meters.gauge('chain_covered', 'The last place that a checkpoint vouches for.');
  const unsealed = meters.gauge('chain_unsealed', 'Events not chained yet.');
  const unsealedAge = meters.gauge('chain_unsealed_seconds', 'How long the oldest of them is not.');
  const alarm = meters.gauge('chain_alarm', '1: the log is not what was signed.');
  const up = meters.gauge('store_up', '1: the store answers.');
  const waiting = meters.gauge('journal_waiting', 'Events of this process not written yet.');
  const dropped = meters.gauge('journal_dropped', 'Refusals that were not logged, because the log was gone too long.');
  const writable = meters.gauge('journal_writable', '1: the log can be written.');
  const held = meters.gauge('held_calls', 'Calls that wait on this replica.');
  const dispatches = meters.gauge('dispatches', 'Approved calls under way on this replica.');
  const ofStore = [parked, lag, stale, staleAge, head, covered, unsealed, unsealedAge];

  const tell = (backlog: Backlog): void => {
    for (const state of ['pending', 'approved', 'dispatched'] as const) parked.set({ state }, backlog[state]);
    lag.set(backlog.overdueAge);
    stale.set(backlog.staleCards);
    staleAge.set(backlog.staleCardAge);
    head.set(backlog.head);
    covered.set(backlog.covered);
    unsealed.set(backlog.unsealed);
    unsealedAge.set(backlog.unsealedAge);
  };
  return async () => {
    held.set(waitingRoom.size);
    dispatches.set(leases.size);
    waiting.set(journal.waiting);
    dropped.set(journal.dropped);
    writable.set(journal.writable ? 1 : 0);
    alarm.set(checkpointSigner.alarmed ? 1 : 0);
    try {
      tell(await ledger.backlog());
      up.set(1);
    } catch {
      // Yesterday's numbers would look like today's.
      for (const gauge of ofStore) gauge.reset();
      up.set(0);
    }
  };
}

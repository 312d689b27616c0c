import { type Context, Hono } from 'hono';
import type { Gateway } from '../../gateway/gateway.ts';
import type { Backlog, QueueHealth } from '../../ports.ts';
import { isAdmin } from './admin-token.ts';
import type { Meters } from './meters.ts';
import { remoteAddress } from './remote-address.ts';

export interface MetricsDeps {
  readonly gateway: Gateway;
  readonly meters: Meters;
  readonly adminToken: string | null;
  /** Host header values that are ours, in lower case. */
  readonly hosts: () => ReadonlySet<string>;
}

/** `GET /metrics` in Prometheus' text format, for processes on this machine and for the admin token; others get 403. */
export function metrics({ gateway, meters, adminToken, hosts }: MetricsDeps): Hono {
  const app = new Hono();
  const updateGauges = gauges(gateway, meters);
  app.get('/metrics', async (c) => {
    const known = isAdmin(c.req.header('authorization'), adminToken);
    if (!known && !isFromThisMachine(c, hosts())) {
      gateway.accessLog.refused({ door: 'metrics', status: 403, server: null, grant: null, address: remoteAddress(c) });
      return c.json({ error: 'forbidden', reason: 'Metrics are for loopback, or for the admin token.' }, 403);
    }
    await updateGauges();
    return c.text(await meters.registry.metrics(), 200, { 'content-type': meters.registry.contentType });
  });
  return app;
}

/** Headers that proxies add: such a request comes from elsewhere, even when its socket is local. */
const FORWARDED = ['x-forwarded-for', 'x-forwarded-host', 'x-real-ip', 'forwarded', 'via'];
const LOOPBACK = /^(::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;

/**
 * Judged by the socket's remote address, which cannot be forged. Requests by web pages in a browser on this machine are
 * local too, and are recognised by a foreign Host (DNS rebinding), an Origin or Sec-Fetch-Site.
 */
function isFromThisMachine(c: Context, hosts: ReadonlySet<string>): boolean {
  if (!LOOPBACK.test(remoteAddress(c) ?? '')) return false;
  if (FORWARDED.some((name) => c.req.header(name) !== undefined)) return false;
  if (c.req.header('origin') !== undefined || c.req.header('sec-fetch-site') === 'cross-site') return false;
  return hosts.has((c.req.header('host') ?? '').toLowerCase());
}

/** Gauges of what is true at the moment of the request. Returns the function that updates them. */
function gauges(
  { alarms, ledger, waitingRoom, journal, leases, checkpointSigner, queue }: Gateway,
  meters: Meters,
): () => Promise<void> {
  const parked = meters.gauge('approvals', 'Approvals that have not ended, over all replicas.', ['state']);
  const lag = meters.gauge('queue_lag_seconds', 'How long the most overdue parked approval has waited for its job.');
  const stale = meters.gauge('outbox_waiting', 'Cards that are not up to date.');
  const staleAge = meters.gauge('outbox_lag_seconds', 'How long the oldest of them has been out of date.');
  const head = meters.gauge('chain_head', 'The last position in the audit chain.');
  const covered = meters.gauge('chain_covered', 'The last position that a checkpoint covers.');
  const unsealed = meters.gauge('chain_unsealed', 'Events not chained yet.');
  const unsealedAge = meters.gauge('chain_unsealed_seconds', 'How long the oldest of them has waited.');
  const alarm = meters.gauge('chain_alarm', '1: the log is not the one that was signed.');
  const standing = meters.gauge('alarms', 'Alarms that stand; while there is one, nothing gated runs.');
  const up = meters.gauge('store_up', '1: the store answers.');
  const waiting = meters.gauge('journal_waiting', 'Events of this process that are not written yet.');
  const dropped = meters.gauge(
    'journal_dropped',
    'Refusals that were not logged, because the log was unavailable for too long.',
  );
  const writable = meters.gauge('journal_writable', '1: the log can be written.');
  const held = meters.gauge('held_calls', 'Calls waiting at this replica.');
  const dispatches = meters.gauge('dispatches', 'Approved calls in progress at this replica.');
  const storeGauges = [parked, lag, stale, staleAge, head, covered, unsealed, unsealedAge];

  const setQueueGauges = queueGauges(meters);

  const setStoreGauges = (backlog: Backlog): void => {
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
    standing.set(alarms.standing.length);
    setQueueGauges(await queue.health());
    try {
      setStoreGauges(await ledger.backlog());
      up.set(1);
    } catch {
      // Old numbers would look current.
      for (const gauge of storeGauges) gauge.reset();
      up.set(0);
    }
  };
}

/** Gauges of whether the queue does its work. */
function queueGauges(meters: Meters): (health: QueueHealth) => void {
  const up = meters.gauge('queue_up', '1: the queue answers and takes writes.');
  const refuses = meters.gauge('queue_writes_refused', '1: it answers and refuses writes: out of memory, read-only.');
  const trouble = meters.gauge('queue_trouble', '1: it does not do its work; the sweep does it instead.');
  const paused = meters.gauge('queue_paused', '1: somebody paused this queue.', ['queue']);
  const due = meters.gauge('queue_due_jobs', 'Jobs that are due and that nobody has taken yet.', ['queue']);
  const still = meters.gauge(
    'queue_still_seconds',
    'How long a job that anybody could take has waited; more than 10 s: nobody takes any.',
    ['queue'],
  );
  return (health) => {
    const kind = health.trouble?.kind ?? null;
    up.set(kind === 'down' || kind === 'refuses' ? 0 : 1);
    refuses.set(kind === 'refuses' ? 1 : 0);
    trouble.set(kind === null ? 0 : 1);
    // Old numbers would look current.
    for (const gauge of [paused, due, still]) gauge.reset();
    for (const { lane: queue, ...lane } of health.lanes) {
      paused.set({ queue }, lane.paused ? 1 : 0);
      due.set({ queue }, lane.due);
      still.set({ queue }, lane.stillMs / 1_000);
    }
  };
}

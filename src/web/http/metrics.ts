import { Hono } from 'hono';
import type { Gateway } from '../../gateway/gateway.ts';
import { REMEDIES } from '../../gateway/log/alarms.ts';
import type { Backlog, QueueHealth } from '../../ports.ts';
import { isAdmin } from './admin-token.ts';
import { archiveGauges } from './archive-gauges.ts';
import type { Meters } from './meters.ts';
import type { AddressOf } from './remote-address.ts';
import { isFromThisMachine } from './this-machine.ts';

export interface MetricsDeps {
  readonly gateway: Gateway;
  readonly meters: Meters;
  readonly adminToken: string | null;
  readonly addressOf: AddressOf;
  /** Host header values that are ours, in lower case. */
  readonly hosts: () => ReadonlySet<string>;
}

const REFUSED =
  'Metrics are for processes on this machine that ask directly, or for the admin token: Authorization: Bearer ….';

/** `GET /metrics` in Prometheus' text format, for processes on this machine and for the admin token; others get 403. */
export function metrics({ gateway, meters, adminToken, addressOf, hosts }: MetricsDeps): Hono {
  const app = new Hono();
  const updateGauges = gauges(gateway, meters);
  app.get('/metrics', async (c) => {
    const authorization = c.req.header('authorization');
    if (!isAdmin(authorization, adminToken) && !isFromThisMachine(c, hosts())) {
      const address = addressOf(c);
      const seconds = authorization === undefined ? null : gateway.reviewerGuesses.wrong(address, 'admin');
      const status = seconds === null ? 403 : 429;
      gateway.accessLog.refused({ door: 'metrics', status, server: null, grant: null, address });
      if (seconds !== null) c.header('retry-after', String(seconds));
      return c.json({ error: 'forbidden', reason: REFUSED }, status);
    }
    await updateGauges();
    return c.text(await meters.registry.metrics(), 200, { 'content-type': meters.registry.contentType });
  });
  return app;
}

/** Gauges of what is true at the moment of the request. Returns the function that updates them. */
function gauges(gateway: Gateway, meters: Meters): () => Promise<void> {
  const {
    alarms,
    clockWatch,
    ledger,
    waitingRoom,
    journal,
    leases,
    checkpointSigner,
    knownFreezes,
    queue,
    clock,
    watchBoard,
  } = gateway;
  const parked = meters.gauge('approvals', 'Approvals that have not ended, over all replicas.', ['state']);
  const oldest = meters.gauge('pending_oldest_seconds', 'How long the oldest pending approval has waited for people.');
  const lag = meters.gauge('queue_lag_seconds', 'How long the most overdue parked approval has waited for its job.');
  const stale = meters.gauge('outbox_waiting', 'Cards that are not up to date.');
  const staleAge = meters.gauge('outbox_lag_seconds', 'How long the oldest of them has been out of date.');
  const head = meters.gauge('chain_head', 'The last position in the audit chain.');
  const covered = meters.gauge('chain_covered', 'The last position that a checkpoint covers.');
  const unsealed = meters.gauge('chain_unsealed', 'Events not chained yet.');
  const unsealedAge = meters.gauge('chain_unsealed_seconds', 'How long the oldest of them has waited.');
  const alarm = meters.gauge('chain_alarm', '1: the log is not the one that was signed.');
  const standing = meters.gauge('alarms', 'Active alarms; while there is one, nothing gated runs.');
  const setPartGauges = partGauges(gateway, meters);
  const setArchiveGauges = archiveGauges(gateway, meters);
  const older = meters.gauge('sealed_by_older_secret', 'Live approvals, and events not signed yet, of older secrets.', [
    'what',
  ]);
  const up = meters.gauge('store_up', '1: the store answers.');
  const waiting = meters.gauge('journal_waiting', 'Events of this process that are not written yet.');
  const dropped = meters.gauge(
    'journal_dropped',
    'Refusals that were not logged, because the log was unavailable for too long.',
  );
  const writable = meters.gauge('journal_writable', '1: the log can be written.');
  const frozen = meters.gauge('frozen', 'Freezes in force, by what they stop.', ['scope']);
  const watched = meters.gauge('watched_seconds', 'How long a server, or a rule of it, has only been watched.', [
    'server',
    'rule',
  ]);
  const ahead = meters.gauge(
    'clock_ahead_seconds',
    "How far this machine's clock is ahead of the database's, by which deadlines go; negative: behind.",
  );
  const held = meters.gauge('held_calls', 'Calls waiting at this replica.');
  const dispatches = meters.gauge('dispatches', 'Approved calls in progress at this replica.');
  const storeGauges = [parked, oldest, lag, stale, staleAge, head, covered, unsealed, unsealedAge, older];

  const setQueueGauges = queueGauges(meters);

  const setStoreGauges = (backlog: Backlog): void => {
    for (const state of ['pending', 'approved', 'dispatched'] as const) parked.set({ state }, backlog[state]);
    oldest.set(backlog.pendingAge);
    lag.set(backlog.overdueAge);
    stale.set(backlog.staleCards);
    staleAge.set(backlog.staleCardAge);
    head.set(backlog.head);
    covered.set(backlog.covered);
    unsealed.set(backlog.unsealed);
    unsealedAge.set(backlog.unsealedAge);
    older.set({ what: 'approvals' }, backlog.olderApprovals);
    older.set({ what: 'events' }, backlog.olderEvents);
    if (gateway.rules.erasable === true) older.set({ what: 'keys' }, backlog.olderKeys);
  };
  return async () => {
    for (const kind of ['all', 'server', 'grant'] as const) {
      frozen.set({ scope: kind }, knownFreezes.list.filter(({ scope }) => scope.kind === kind).length);
    }
    watched.reset();
    for (const { server, rule, since } of watchBoard.list) {
      const seconds = since === null ? 0 : (clock.now().getTime() - since.getTime()) / 1_000;
      watched.set({ server, rule: rule ?? '' }, Math.max(0, seconds));
    }
    ahead.set(clockWatch.aheadMs / 1_000);
    held.set(waitingRoom.size);
    dispatches.set(leases.size);
    waiting.set(journal.waiting);
    dropped.set(journal.dropped);
    writable.set(journal.writable ? 1 : 0);
    alarm.set(checkpointSigner.alarmed ? 1 : 0);
    standing.set(alarms.standing.length + alarms.further);
    setPartGauges();
    setArchiveGauges();
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

/** Gauges of alarms by their kind, of the witness, and of Slack where it is configured. */
function partGauges({ alarms, cards, storeWatch }: Gateway, meters: Meters): () => void {
  const byKind = meters.gauge('alarms_by_kind', 'Alarms that stand, of the first hundred, by what was found.', [
    'kind',
  ]);
  const witness = meters.gauge('witness_up', '1: what is sent can be remembered outside the database.');
  const slack = cards === null ? null : meters.gauge('slack_up', '1: the last call to Slack was answered.');
  return () => {
    for (const kind of Object.keys(REMEDIES)) {
      byKind.set({ kind }, alarms.standing.filter((alarm) => alarm.kind === kind).length);
    }
    witness.set(storeWatch.board.isAway ? 0 : 1);
    slack?.set(cards?.trouble?.() ? 0 : 1);
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
    'How long an available job has waited; more than 10 s means that no worker takes jobs.',
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

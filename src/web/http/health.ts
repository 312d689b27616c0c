import { Hono } from 'hono';
import { scopeWords } from '../../domain/freeze/freeze.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { REMEDIES } from '../../gateway/log/alarms.ts';
import { type CardsTrouble, type QueueHealth, Unavailable } from '../../ports.ts';
import { withinOr } from '../../time/within.ts';

/** Milliseconds after which a part counts as not answering. */
const PING_TIMEOUT_MS = 2_000;
/** The same for the queue, which is asked and written to. */
const HEALTH_TIMEOUT_MS = 4_000;
const NO_ANSWER = 'does not answer';

/**
 * `GET /healthz`: 200 while the process answers. `GET /readyz`: 200 when every part that a gated call needs answers;
 * otherwise 503, and the body names those that do not. A queue that answers and stands still (paused, refusing writes,
 * jobs that nobody takes) is named with what it means and what to do. Slack's last known state is reported too but never
 * makes it 503: without Slack, allowed calls go on and approvals are decided in the console, and another replica would
 * have the same Slack. What is frozen is named too, and is no reason for 503 either: a gateway that stops things works.
 * `clock` says when this machine's is not the database's, which makes nothing wrong here.
 * `approvers` is there while this process keeps approved calls whose approvers cannot be checked, and says why.
 *
 * `archiving` is there while this process cannot archive the log, and says since when; its own log says why.
 *
 * `watching` names servers and rules that are only watched, and since when.
 *
 * `gated`: whether calls that need an approval can run. While an alarm stands they cannot, and `alarms` says why; it stays
 * 200, so that operators and approvers still reach the gateway, but for `GET /readyz?gated=1`, which is 503 then.
 */
export function health(gateway: Gateway): Hono {
  const app = new Hono();
  app.get('/healthz', (c) => c.json({ ok: true }));
  app.get('/readyz', async (c) => {
    const { store, queue, cards } = gateway;
    // From the moment the process is asked to stop, so that load balancers send it nothing more.
    if (!gateway.waitingRoom.open) return c.json({ ready: false, parts: { gateway: 'is stopping' } }, 503);
    const [storeStatus, ofQueue] = await Promise.all([
      answers(store.ping(), storeFault),
      withinOr(HEALTH_TIMEOUT_MS, queue.health().then(queueStatus), NO_ANSWER),
    ]);
    const parts = {
      store: storeStatus,
      queue: ofQueue,
      audit: gateway.journal.writable ? 'ok' : 'the audit log cannot be written',
    };
    const ready = Object.values(parts).every((part) => part === 'ok');
    const { trouble } = gateway.storeWatch.board;
    const witness = { witness: trouble ?? 'ok' };
    const clock = { clock: gateway.clockWatch.trouble ?? 'ok' };
    const slack = cards?.trouble === undefined ? {} : { slack: slackStatus(cards.trouble()) };
    const frozen = gateway.knownFreezes.list.map(({ scope }) => scopeWords(scope));
    const stops = frozen.length === 0 ? {} : { frozen };
    const watching = gateway.watchBoard.list.map(({ server, rule, since }) => ({ server, rule, since }));
    const watched = watching.length === 0 ? {} : { watching };
    const since = gateway.logArchiver.state(gateway.clock.now())?.since ?? null;
    const archiving = since === null ? {} : { archiving: { since } };
    const { why: unchecked } = gateway.uncheckedPasses;
    const approvers = unchecked === null ? {} : { approvers: unchecked };
    const alarms = gateway.alarms.standing.map(({ kind, about, why, since }) => {
      return { kind, about, why, since, remedy: REMEDIES[kind] };
    });
    const gated = ready && alarms.length === 0 && !gateway.storeWatch.board.isAway;
    const status = ready && (gated || c.req.query('gated') === undefined) ? 200 : 503;
    const { further } = gateway.alarms;
    const told = {
      ...(alarms.length > 0 ? { alarms } : {}),
      ...(further > 0 ? { furtherAlarms: further } : {}),
      ...stops,
      ...watched,
      ...archiving,
    };
    return c.json({ ready, gated, parts: { ...parts, ...witness, ...clock, ...slack, ...approvers }, ...told }, status);
  });
  return app;
}

function queueStatus({ trouble }: QueueHealth): string {
  return trouble === null ? 'ok' : `${trouble.what}. ${trouble.remedy}`;
}

function slackStatus(trouble: CardsTrouble | null): string {
  return trouble === null ? 'ok' : `${trouble.what}. ${trouble.remedy}`;
}

/** The store's own message for `Unavailable` names no address and no secret; other errors may, so they are not shown. */
function storeFault(error: unknown): string {
  return error instanceof Unavailable ? error.message : NO_ANSWER;
}

/** `ok`, or what is wrong, after `PING_TIMEOUT_MS` at the latest. */
async function answers(ping: Promise<void>, describe: (error: unknown) => string): Promise<string> {
  return withinOr(
    PING_TIMEOUT_MS,
    ping.then(() => 'ok', describe),
    NO_ANSWER,
  );
}

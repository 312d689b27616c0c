import { earlierOf } from '../time/two-clocks.ts';
import { withdrawAbandoned, withdrawForsaken } from './call/withdraw.ts';
import { due } from './decision/due.ts';
import { endRevoked } from './decision/end-revoked.ts';
import { remind } from './decision/remind.ts';
import { endLeg } from './dispatch/leg.ts';
import { endUnfounded } from './dispatch/under-allowance.ts';
import type { Gateway } from './gateway.ts';
import { deliver } from './log/deliver.ts';
import { keepOversight } from './oversight/keep-sums.ts';
import { publishCard } from './publish-card.ts';
import { tellSnoozed } from './snooze/tell-snoozed.ts';
import { SweepSteps } from './sweep-steps.ts';

/** What a sweep touches. */
export type SweptGateway = Pick<
  Gateway,
  | 'alarms'
  | 'allowances'
  | 'announcer'
  | 'approvalRemover'
  | 'callMemory'
  | 'cardGate'
  | 'cards'
  | 'checkpointCopies'
  | 'checkpointSigner'
  | 'clock'
  | 'describing'
  | 'erasures'
  | 'faultPoint'
  | 'inline'
  | 'knownFreezes'
  | 'knownInAdvance'
  | 'leases'
  | 'ledger'
  | 'log'
  | 'logArchiver'
  | 'openArchive'
  | 'oversight'
  | 'queue'
  | 'replica'
  | 'retries'
  | 'rules'
  | 'sampleKeeper'
  | 'sink'
  | 'snoozes'
  | 'store'
  | 'unqueued'
  | 'vault'
>;

/** How many of each kind one sweep handles; the next one comes in 5 s. */
const AT_ONCE = 500;
/** How many of one kind are handled together: they share statements and messages. */
const TOGETHER = 50;
/** How many posted cards one sweep has looked at. */
const LOOKS = 10;
/** Who withdraws what nobody waits for any more. */
const NOBODY = { grant: null, requestId: '', reason: null };

/**
 * Compares SQL with the queue and Slack, and repairs the differences: ends approvals that are overdue or that nobody
 * wants any more or whose grant was revoked, reminds silent approvers, parks what is missing in the queue, updates cards
 * that show an old revision, and has the sink get what it lacks. Two sweeps at once do no harm: every step is idempotent
 * or a compare-and-swap. A step that fails does not keep the others from being done; then the sweep throws at its end.
 *
 * What is missing after a fault is caught up within 45 s of its end, for each thing that Slack takes at once: 25 s until
 * a sweep or the job of a process that died runs again, and 20 s until the card of a run that was lost is free.
 *
 * | what was lost | how long it may take |
 * |---|---|
 * | the word to the queue: the process died after its commit, the queue was away or flushed | the next sweep |
 * | the sweep itself: the queue was flushed, or its process died | 10 s until it counts as lost, 5 s until somebody looks, 5 s until it runs |
 * | the process that ran a job; publishing its card is the same job meanwhile | 25 s: its lock lasts 15 s, and is looked at every 10 s |
 * | the store, while a job ran; publishing its card is the same job meanwhile | 10 s at most between two attempts (`queue/retry.ts`) |
 * | the claim of a card | 20 s at most (`card-run.ts`) |
 * | Slack's answer | what Slack asks for, else 2 to 5 s; 30 s where it refuses the token or says no time |
 * | the replica that followed a server's task | a lease and one poll (`task/followed-tasks.ts`) |
 * | the sink's answer | 60 s at most between two attempts (`log/deliver.ts`) |
 *
 * `queueStands`: the queue does not do its work, so nothing is asked of it, and this process brings the cards up to
 * date and hands events to the sink itself.
 */
export async function sweep(gateway: SweptGateway, queueStands = false): Promise<void> {
  const { store, queue, clock, cards, sink, log, unqueued } = gateway;
  const { late, abandoned, revoked, parked, moot, orphaned, stale } = await store.overdue(clock.now(), AT_ONCE);
  const steps = new SweepSteps(log);
  await steps.each('overdue', late, (one) => due(gateway, one), TOGETHER);
  await steps.each('abandoned', abandoned, (one) => withdrawAbandoned(gateway, one, NOBODY), TOGETHER);
  await steps.kind('forsaken', () => withdrawForsaken(gateway, AT_ONCE));
  await steps.each('revoked', revoked, (one) => endRevoked(gateway, one), TOGETHER);
  await steps.kind('allowances', () => endUnfounded(gateway));
  await steps.kind('counter-proposals', () => store.endCounters(clock.now()));
  await steps.each('moot', moot, (leg) => endLeg(gateway, leg, 'moot'));
  await steps.each('orphaned', orphaned, (leg) => endLeg(gateway, leg, 'orphaned'));
  if (cards !== null) {
    await steps.kind('reminders', async () => {
      const silent = await store.unreminded(clock.now(), AT_ONCE);
      await steps.each('reminder', silent, (one) => remind(gateway, one), TOGETHER);
    });
  }
  // The store's order, in which grants take turns.
  const ordered = cards === null ? [] : stale.map((id, place) => ({ id, turn: place + 1 }));
  if (cards !== null) {
    await steps.kind('looking', async () => {
      for (const id of await store.cardsToLookAt(LOOKS)) {
        unqueued.begin(`look ${id}`, () => publishCard(gateway, id, 1, true));
      }
    });
  }
  if (queueStands) doUnqueued(gateway, ordered);
  else {
    await steps.kind('parking', async () => {
      const missing = new Set(await queue.missing(parked.map(({ id }) => id)));
      const lost = parked.filter(({ id }) => missing.has(id));
      await steps.each('parked', lost, ({ id, expiresAt }) => queue.park(id, expiresAt), TOGETHER);
    });
    await steps.each('card', ordered, ({ id, turn }) => queue.publish(id, { turn }), TOGETHER);
    // An order that the queue lost, or never got, would otherwise wait for the next events.
    if (sink) await steps.kind('delivery', () => queue.deliver());
  }
  await steps.kind('snoozes', () => gateway.snoozes.forget(clock.now(), AT_ONCE));
  unqueued.begin('snoozes', async () => {
    await tellSnoozed(gateway);
    return null;
  });
  unqueued.begin('archive', () => gateway.logArchiver.run(gateway));
  unqueued.begin('removal', () => gateway.approvalRemover.run(gateway));
  await steps.kind('oversight', () => keepOversight(gateway));
  await steps.kind('memories', () => gateway.callMemory.forget(AT_ONCE));
  await steps.kind('keys', () => renewKeys(gateway));
  await steps.kind('samples', () => gateway.sampleKeeper.forget(AT_ONCE));
  await steps.kind('forgetting', () => store.forget(clock.now(), earlierOf(clock)));
  steps.end();
}

/** After HOLDFAST_SECRET was rotated: keys of what can be erased, wrapped by the newest. */
function renewKeys({ erasures, vault }: Pick<SweptGateway, 'erasures' | 'vault'>): Promise<number> {
  return erasures.renew(AT_ONCE, (approval, key) => {
    try {
      return vault.seal('erasable', approval, vault.open('erasable', approval, key));
    } catch {
      return null;
    }
  });
}

/** Begins what the outbox would do. Nobody waits for it here: Slack may be slow, and deadlines are not. */
function doUnqueued(gateway: SweptGateway, ordered: readonly { readonly id: string; readonly turn: number }[]): void {
  const { unqueued, sink } = gateway;
  for (const { id, turn } of ordered) unqueued.begin(id, () => publishCard(gateway, id, turn));
  if (sink) unqueued.begin('deliver', () => deliver(gateway, sink));
}

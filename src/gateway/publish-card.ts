import type { Approval } from '../domain/approval/approval.ts';
import { approvalEvent } from '../domain/log/event.ts';
import type { CardRecord, Cards, Delivery } from '../ports.ts';
import type { Gateway } from './gateway.ts';
import { newId } from './id.ts';

/** Milliseconds that one run may have a card; Slack's calls are bounded far below it. */
const RUN_MS = 60_000;
/** Milliseconds until a card that another run has is looked at again. */
const BUSY_MS = 500;

/**
 * Brings an approval's card up to date, from the store: late perhaps, never wrong. Returns ms after which to try
 * again, or null when the card shows the truth.
 *
 * | died or lost | next run |
 * |---|---|
 * | before the post | the intent (`ts` null) is there: looks for the message, finds none, posts |
 * | after the post, before its `ts` was kept | looks for the message by its metadata and adopts it |
 * | after an update, before its revision was kept | updates again, to the same text |
 * | the queue, while a run is under way | waits for that run: one run at a time has the card |
 */
export async function publishCard(
  gateway: Pick<Gateway, 'at' | 'cards' | 'clock' | 'inline' | 'log' | 'replica' | 'retries' | 'store'>,
  id: string,
): Promise<number | null> {
  const { store, cards } = gateway;
  if (cards === null) return null;
  if ((await store.find(id)) === null) return null;
  const run = { id: newId('ru', gateway.clock.now()), replica: gateway.replica, ms: RUN_MS };
  const claim = await store.claimCard(id, run);
  if (claim === false) return BUSY_MS;
  try {
    return await bringUpToDate(gateway, cards, id, claim.card);
  } finally {
    // Until it is let go of, or this run's time is over, nobody else may correct the card.
    await gateway.retries.run(() => store.releaseCard(id, run.id));
  }
}

async function bringUpToDate(
  gateway: Pick<Gateway, 'at' | 'clock' | 'inline' | 'log' | 'store'>,
  cards: Cards,
  id: string,
  record: CardRecord | null,
): Promise<number | null> {
  const approval = await gateway.store.find(id);
  if (approval === null || (record !== null && record.revision >= approval.revision)) return null;
  gateway.at?.('post.before');
  const delivery = await show(cards, approval, record);
  gateway.at?.('post.after');
  return settle(gateway, approval, record, delivery);
}

/** A card adapter that throws is a card that is late. */
async function show(cards: Cards, approval: Approval, record: CardRecord | null): Promise<Delivery> {
  try {
    return await cards.show(approval, record);
  } catch (error) {
    return { kind: 'later', afterMs: 5_000, why: error instanceof Error ? error.message : 'unknown', ambiguous: true };
  }
}

async function settle(
  gateway: Pick<Gateway, 'clock' | 'inline' | 'log' | 'store'>,
  approval: Approval,
  record: CardRecord | null,
  delivery: Delivery,
): Promise<number | null> {
  const { store, clock, log } = gateway;
  const at = clock.now();
  switch (delivery.kind) {
    case 'shown': {
      const { channel, ts, digest, content } = delivery;
      const type = record?.ts ? 'card.updated' : 'card.posted';
      const data = { channel, ts, digest, state: approval.state, revision: approval.revision };
      const card = { approval: approval.id, channel, ts, digest, revision: approval.revision, postedAt: at };
      await store.saveCard(card, approvalEvent(approval, { type, at, actor: 'holdfast', data }), content);
      gateway.inline.showed(card, delivery.whole === true);
      // What changed while it was being posted is another run's work, at once.
      const now = await store.find(approval.id);
      return now !== null && now.revision > approval.revision ? 0 : null;
    }
    case 'later':
      log.warn({ approval: approval.id, why: delivery.why }, 'the card could not be brought up to date yet');
      return delivery.afterMs;
    case 'never':
      log.error({ approval: approval.id, why: delivery.why }, 'the card cannot be shown');
      await store.saveCard(
        { ...intent(approval), channel: record?.channel ?? '', ts: record?.ts ?? null, revision: approval.revision },
        approvalEvent(approval, { type: 'card.failed', at, actor: 'holdfast', data: { why: delivery.why } }),
      );
      return null;
    default:
      return delivery satisfies never;
  }
}

/** What is kept before the first post, so that a post whose answer is lost is looked for and not repeated. */
function intent(approval: Approval): CardRecord {
  return { approval: approval.id, channel: '', ts: null, revision: 0, digest: '', postedAt: null };
}

/**
 * A click came from a message whose post was never confirmed: it is this approval's card. `channel`, `ts`: where the
 * message stands. A card whose message is known stays as it is.
 */
export async function adoptCard(
  { store }: Pick<Gateway, 'store'>,
  id: string,
  channel: string,
  ts: string,
): Promise<void> {
  const card = await store.card(id);
  if (card !== null && card.ts === null) await store.saveCard({ ...card, channel, ts }, null);
}

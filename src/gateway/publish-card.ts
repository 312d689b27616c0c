import type { Allowance } from '../domain/allowance/allowance.ts';
import { toldBeside } from '../domain/allowance/told.ts';
import { type Approval, needsNoCard } from '../domain/approval/approval.ts';
import { type DigestMark, digestMark, digestMarkIn, MOST_IN_DIGEST } from '../domain/approval/burst.ts';
import { FORGED, isForged } from '../domain/approval/forged.ts';
import type { Freeze } from '../domain/freeze/freeze.ts';
import { approvalEvent } from '../domain/log/event.ts';
import type { BesideCard, CardDelivery, CardRecord, Cards } from '../ports.ts';
import { within } from '../time/within.ts';
import { describeForCard } from './call/describe-call.ts';
import { type CardedCall, callsOfDigest, cardWayOf, mayJoin, noteRoom } from './card-digest.ts';
import { heldBackMs } from './card-pace.ts';
import { type CardRun, runWithCard } from './card-run.ts';
import type { Gateway } from './gateway.ts';
import { postsOf, updatesOf } from './state/card-gate.ts';

/** Milliseconds until a card that another run has is tried again. */
const BUSY_MS = 500;
/** Milliseconds after which Slack counts as having left a whole run unanswered: many calls of 5 s each. */
const LONGEST_MS = 300_000;
const LEAST_PATIENCE_MS = 10_000;
const MOST_PATIENCE_MS = 300_000;
/** The digest of a card that was never posted and never will be. */
const NEVER_POSTED = 'never posted';

/**
 * Brings an approval's card up to date from the store, so a card may be late but is never wrong. Returns the ms after
 * which to try again, or null when the card is up to date. A card that was not posted before its approval ended without
 * having run, and without anybody's decision, is never posted: there is nothing left to decide, and nothing to tell.
 * Where Slack said no to the first post, nothing was posted for certain; where no answer came, the message is looked for
 * first.
 *
 * | what was lost, and when | the next run |
 * |---|---|
 * | the process, before the post | finds the recorded intent (`ts` null): looks for the message, finds none, posts |
 * | the process, after the post and before its `ts` was stored | looks for the message by its metadata and adopts it |
 * | the process, after an update and before its revision was stored | updates again, to the same text |
 * | the queue, during a run | waits for that run: a card is claimed by one run at a time |
 * | the card, which somebody deleted while the call waits | the sweep has it looked at: it is posted anew |
 * | the channel (archived, the app was removed) while the call waits | tries again with growing pauses; who waits is told |
 * | a freeze that was set or lifted during a run | the sweep compares what the card tells with what is in force |
 */
export async function publishCard(
  gateway: Pick<
    Gateway,
    | 'allowances'
    | 'cardGate'
    | 'cards'
    | 'clock'
    | 'describing'
    | 'faultPoint'
    | 'inline'
    | 'knownFreezes'
    | 'log'
    | 'queue'
    | 'replica'
    | 'retries'
    | 'rules'
    | 'store'
  >,
  id: string,
  turn = 1,
  /** Ask Slack whether a card that is up to date is still there. */
  looks = false,
): Promise<number | null> {
  const { store, cards, cardGate } = gateway;
  if (cards === null) return null;
  // Clicks come first, and what still waits for its place costs no read.
  await cards.calm?.();
  const placeMs = looks ? 0 : cardGate.waitsStillMs(id, turn);
  if (placeMs > 0) return placeMs;
  // What is found out about the call is on its first card; that takes 3 s at most.
  if (gateway.describing.isSlow(id)) return BUSY_MS;
  await gateway.describing.settled(id);
  const found = await store.look(id, 'together');
  if (found === null) return null;
  // A card that others stand before looks at nothing but itself, however many there are.
  if (isUnposted(found) && !mayJoin(gateway, found.approval)) {
    const waitMs = cardGate.waitMs(postsOf(found.approval), id, turn);
    if (waitMs > 0) return waitMs;
  }
  const laterMs = await heldBackMs(gateway, found.approval, found.card);
  if (laterMs > 0) {
    cardGate.done(postsOf(found.approval), id);
    return laterMs;
  }
  const way = await cardWayOf(gateway, found);
  if (way.kind === 'soon') {
    cardGate.keepsPlace(postsOf(found.approval), id, turn, BUSY_MS);
    return BUSY_MS;
  }
  if (way.kind === 'joined') {
    cardGate.done(postsOf(found.approval), id);
    // The message is the leader's card: one run brings it up to date for all.
    // While the leader waits itself, it is looked at anyway; else each call that waits looks at the message.
    if (looks && (await store.find(way.leader))?.state === 'pending') return null;
    if (looks) return publishCard(gateway, way.leader, turn, true);
    await describeForCard(gateway, found.approval);
    await gateway.queue.publish(way.leader, { turn });
    return null;
  }
  const lane = found.card?.ts ? updatesOf(found.approval) : postsOf(found.approval);
  const gateMs = needsNoCard(found.approval) && found.card === null ? 0 : cardGate.waitMs(lane, id, turn);
  // Whoever waits at the gate, or fails, lets others begin a digest.
  const letOthersBegin = async (): Promise<void> => {
    if (way.kind === 'leads' && way.begins !== null) await store.releaseNotice(way.begins);
  };
  if (gateMs > 0) {
    await letOthersBegin();
    return gateMs;
  }
  // When its turn has come: a flood that waits costs no look into what was usual.
  if (found.card === null) await describeForCard(gateway, found.approval);
  const ran = await runWithCard(gateway, id, async (run) => {
    const { againMs, refused } =
      way.kind === 'leads'
        ? await bringDigestUpToDate(gateway, cards, way.mark, run, looks)
        : await bringUpToDate(gateway, cards, found, run, looks);
    // What waits for its channel to be mended keeps nobody else waiting.
    if (againMs !== null && againMs > 0 && !refused) cardGate.sentAway(lane, id, turn, againMs);
    else cardGate.done(lane, id);
    return { againMs };
  }).finally(letOthersBegin);
  return ran === null ? BUSY_MS : ran.againMs;
}

/**
 * `found`: the approval as it was just before the card was taken for this run. Where it has changed since, it is read again: what
 * was erased meanwhile is not shown once more. So it is before the first post, of which more is found out meanwhile.
 */
async function bringUpToDate(
  gateway: Pick<Gateway, 'allowances' | 'clock' | 'faultPoint' | 'inline' | 'knownFreezes' | 'log' | 'store'>,
  cards: Cards,
  found: CardedCall,
  run: CardRun,
  looks: boolean,
): Promise<{ readonly againMs: number | null; readonly refused?: boolean }> {
  const { card: record, unposted } = run;
  const isSame = found.card?.ts && run.revision === found.approval.revision;
  const approval = isSame ? found.approval : await gateway.store.find(found.approval.id, 'together');
  if (approval === null) return { againMs: null };
  const beside = { freeze: freezeToTell(gateway, approval), allowance: await allowanceToTell(gateway, approval) };
  const tells = !record?.ts || (record.freeze ?? null) === toldBeside(beside);
  if (record !== null && shows(record, approval) && tells && !(looks && (await isGone(cards, record)))) {
    return { againMs: null };
  }
  if (needsNoCard(approval) && (record === null || record.digest === NEVER_POSTED)) {
    return { againMs: await recordDelivery(gateway, approval, record, { kind: 'unneeded' }) };
  }
  gateway.faultPoint?.('post.before');
  const delivery = await showCard(cards, approval, record, beside);
  gateway.faultPoint?.('post.after');
  if (delivery.kind === 'later' && !delivery.ambiguous) unposted();
  const againMs = await recordDelivery(gateway, approval, record, delivery, beside, run);
  return { againMs, refused: delivery.kind === 'unwelcome' };
}

/**
 * The same for a digest: one message for all of its calls, each of which has a record that names the message and says what it
 * showed of that call. Up to date is what shows every one of them.
 */
async function bringDigestUpToDate(
  gateway: Pick<
    Gateway,
    'allowances' | 'cardGate' | 'cards' | 'clock' | 'faultPoint' | 'inline' | 'knownFreezes' | 'log' | 'store'
  >,
  cards: Cards,
  mark: DigestMark,
  run: CardRun,
  looks: boolean,
): Promise<{ readonly againMs: number | null; readonly refused?: boolean }> {
  const { store, clock, log } = gateway;
  const leader = await store.find(mark.leader);
  if (leader === null) return { againMs: null };
  const members = await Promise.all(
    (await callsOfDigest(gateway, leader)).map(async ({ approval, card: own }) => {
      const card = approval.id === leader.id ? run.card : own;
      const [freeze, allowance] = [freezeToTell(gateway, approval), await allowanceToTell(gateway, approval)];
      return { approval, card, freeze, told: toldBeside({ freeze, allowance }) };
    }),
  );
  const tells = ({ approval, card, told }: (typeof members)[number]) =>
    card?.ts != null && shows(card, approval) && (card.freeze ?? null) === told;
  const record = run.card;
  if (record !== null && members.every(tells) && !(looks && (await isGone(cards, record)))) return { againMs: null };
  gateway.faultPoint?.('post.before');
  const delivery = await showCard(cards, leader, record, { together: { kind: mark.kind, calls: members } });
  gateway.faultPoint?.('post.after');
  if (delivery.kind === 'later' && !delivery.ambiguous) run.unposted();
  if (delivery.kind !== 'shown') {
    const waits = members.find(({ approval }) => approval.state === 'pending')?.approval ?? leader;
    const againMs = await recordDelivery(gateway, waits.id === leader.id ? leader : waits, record, delivery, {}, run);
    return { againMs, refused: delivery.kind === 'unwelcome' };
  }
  let againMs: number | null = null;
  for (const member of [...members].reverse()) {
    const { approval, card: before, freeze, told } = member;
    // The leader's comes last: until then, the next run shows all of them again.
    const isLeader = approval.id === leader.id;
    const { channel, ts, content } = delivery;
    const digest = `${digestMark(mark)}${delivery.digests?.get(approval.id) ?? ''}`;
    const type =
      before?.ts === ts && before.channel === channel && before.revision > 0 ? 'card.updated' : 'card.posted';
    const replaces = before?.ts && before.ts !== ts ? { replaces: before.ts } : {};
    const frozen = freeze === null ? {} : { freeze: freeze.id };
    const data = { channel, ts, digest, state: approval.state, revision: approval.revision, ...frozen, ...replaces };
    const card = { approval: approval.id, channel, ts, digest, revision: approval.revision, postedAt: clock.now() };
    const event = approvalEvent(approval, {
      type,
      at: clock.now(),
      actor: 'holdfast',
      data: { ...data, together: members.length },
    });
    if (!isLeader && tells(member) && before?.ts === ts) continue;
    const record = { ...card, freeze: told };
    const revision = await store.saveCard(record, event, content, isLeader ? run.id : undefined);
    if (isLeader) run.released();
    gateway.inline.cardShown(record, false);
    if (revision !== null && revision > approval.revision) againMs = 0;
  }
  noteRoom(gateway, leader, mark.kind, members.length);
  if (members.length > MOST_IN_DIGEST)
    log.warn({ approval: leader.id, calls: members.length }, 'a digest has more calls than it can show');
  return { againMs };
}

/** A message that Slack says nothing clear about is left alone. */
async function isGone(cards: Cards, { channel, ts }: CardRecord): Promise<boolean> {
  return ts !== null && ((await cards.isGone?.({ channel, ts }).catch(() => false)) ?? false);
}

/** Milliseconds until a channel that takes nothing is tried again: the longer it has been so, the longer. */
function patienceMs(approval: Approval, now: Date): number {
  const ageMs = now.getTime() - approval.createdAt.getTime();
  return Math.min(MOST_PATIENCE_MS, Math.max(LEAST_PATIENCE_MS, ageMs));
}

/** What a card of a call says that has not run yet. */
function freezeToTell({ knownFreezes }: Pick<Gateway, 'knownFreezes'>, approval: Approval): Freeze | null {
  return approval.state === 'pending' || approval.state === 'approved' ? knownFreezes.over(approval) : null;
}

/** What was allowed with this call. Only a vote that offers it can have given one. */
async function allowanceToTell(
  { allowances }: Pick<Gateway, 'allowances'>,
  { id, decisions }: Approval,
): Promise<Allowance | null> {
  if (!decisions.some(({ offers }) => offers !== undefined)) return null;
  return (await allowances.list({ approval: id, limit: 1 })).items[0] ?? null;
}

/** An adapter that throws, or never ends, is treated as one that could not deliver yet. */
async function showCard(
  cards: Cards,
  approval: Approval,
  record: CardRecord | null,
  beside: BesideCard,
): Promise<CardDelivery> {
  try {
    return await within(LONGEST_MS, cards.show(approval, record, beside));
  } catch (error) {
    return { kind: 'later', afterMs: 5_000, why: error instanceof Error ? error.message : 'unknown', ambiguous: true };
  }
}

async function recordDelivery(
  gateway: Pick<Gateway, 'clock' | 'inline' | 'log' | 'store'>,
  approval: Approval,
  record: CardRecord | null,
  delivery: CardDelivery,
  beside: BesideCard = {},
  run: CardRun | null = null,
): Promise<number | null> {
  const { store, clock, log } = gateway;
  const at = clock.now();
  switch (delivery.kind) {
    case 'shown': {
      const { channel, ts, digest, content } = delivery;
      const isSame = record?.ts === ts && record.channel === channel;
      const type = isSame ? 'card.updated' : 'card.posted';
      const replaces = isSame || !record?.ts ? {} : { replaces: record.ts };
      const told = toldBeside(beside);
      const { freeze, allowance } = beside;
      const tellsOf = {
        ...(freeze ? { freeze: freeze.id } : {}),
        ...(allowance ? { allowance: allowance.id, used: allowance.used } : {}),
      };
      const data = { channel, ts, digest, state: approval.state, revision: approval.revision, ...tellsOf, ...replaces };
      const card = {
        ...{ approval: approval.id, channel, ts, digest, revision: approval.revision, postedAt: at },
        freeze: told,
      };
      const event = approvalEvent(approval, { type, at, actor: 'holdfast', data });
      const revision = await store.saveCard(card, event, content, run?.id);
      run?.released();
      gateway.inline.cardShown(card, delivery.whole === true);
      // If the approval changed while its card was being posted, another run follows at once.
      return revision !== null && revision > approval.revision ? 0 : null;
    }
    case 'later':
      log.warn({ approval: approval.id, why: delivery.why }, 'the card could not be brought up to date yet');
      return delivery.afterMs;
    case 'unwelcome':
      if (approval.state === 'pending') {
        const { why } = delivery;
        const data = { why, channel: record?.channel || null };
        const failed = approvalEvent(approval, { type: 'card.failed', at, actor: 'holdfast', data });
        if (await store.refuseCard(approval.id, why, failed)) {
          log.error({ approval: approval.id, why }, 'nobody can see this question: its channel takes nothing');
        }
        return patienceMs(approval, at);
      }
      return recordDelivery(gateway, approval, record, { kind: 'never', why: delivery.why }, beside);
    case 'never':
      log.error({ approval: approval.id, why: delivery.why }, 'the card cannot be shown');
      await store.saveCard(
        {
          ...unpostedCard(approval),
          channel: record?.channel ?? '',
          ts: record?.ts ?? null,
          revision: approval.revision,
          freeze: toldBeside(beside),
        },
        approvalEvent(approval, { type: 'card.failed', at, actor: 'holdfast', data: { why: delivery.why } }),
      );
      return null;
    case 'unneeded':
      await store.saveCard({ ...unpostedCard(approval), revision: approval.revision, digest: NEVER_POSTED }, null);
      return null;
    default:
      return delivery satisfies never;
  }
}

/** The record of a card that has not been posted. */
function unpostedCard(approval: Approval): CardRecord {
  return { approval: approval.id, channel: '', ts: null, revision: 0, digest: '', postedAt: null };
}

/**
 * Records the message as this approval's card: a click came from it although its post was never confirmed.
 * `channel`, `ts`: where the message is. A card whose message is already known is left alone.
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

function shows(record: CardRecord, approval: Approval): boolean {
  if (record.restored) return false;
  return record.revision >= approval.revision && isForged(approval) === record.digest.endsWith(FORGED);
}

/** No message shows it yet, and one is to. */
function isUnposted({ approval, card }: CardedCall): boolean {
  return !card?.ts && digestMarkIn(card?.digest) === null && !needsNoCard(approval);
}

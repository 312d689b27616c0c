import { type Approval, needsNoCard } from '../domain/approval/approval.ts';
import {
  asksTheSame,
  type BurstKind,
  burstKindOf,
  type DigestMark,
  digestMark,
  digestMarkIn,
  isAlike,
  MOST_IN_DIGEST,
} from '../domain/approval/burst.ts';
import type { CardRecord } from '../ports.ts';
import { runWithCard } from './card-run.ts';
import type { Gateway } from './gateway.ts';

/** Milliseconds for which one call has the right to begin a digest; given back once it has tried. */
const BEGIN_MS = 20_000;
/** Longest time of a burst, and so the most by which a digest's calls differ in age. In milliseconds. */
const LONGEST_MS = 10 * 60_000;

const KINDS: readonly BurstKind[] = ['grant', 'tool'];

/** An approval with its card, as they were read together. */
export interface CardedCall {
  readonly approval: Approval;
  readonly card: CardRecord | null;
}

/** How an approval is shown: by a card of its own, as the one whose card is a digest, or in another one's. */
export type CardWay =
  | { readonly kind: 'own' }
  | { readonly kind: 'leads'; readonly mark: DigestMark; readonly begins: string | null }
  | { readonly kind: 'joined'; readonly leader: string }
  /** Another one of the burst is about to begin a digest. */
  | { readonly kind: 'soon' };

type WayGateway = Pick<Gateway, 'cardGate' | 'cards' | 'clock' | 'replica' | 'retries' | 'rules' | 'store'>;

/**
 * Told by what the store says of the openings, so that every replica and every retry says the same (decision 0061). A call
 * that may have been posted joins no other digest: its message, if there is one, is found again and shows what it is now.
 */
export async function cardWayOf(gateway: WayGateway, { approval, card }: CardedCall): Promise<CardWay> {
  const { rules, store, cards } = gateway;
  const mark = digestMarkIn(card?.digest);
  if (mark?.leader === approval.id) return { kind: 'leads', mark, begins: null };
  if (mark !== null) return { kind: 'joined', leader: mark.leader };
  const terms = rules.digest ?? null;
  if (terms === null || cards?.placeKey === undefined || card?.ts || needsNoCard(approval)) return { kind: 'own' };
  const kind = burstKindOf(await store.openedBefore(approval, terms.withinMs, terms.over), terms);
  if (kind === null) return { kind: 'own' };
  const begins = beginNotice(approval, kind, cards.placeKey(approval));
  if (card === null) {
    const leader = await openDigest(gateway, approval, kind, terms.withinMs);
    if (leader !== null) return (await join(gateway, approval, leader)) ?? { kind: 'soon' };
    if (!(await store.claimNotice(begins, BEGIN_MS))) return { kind: 'soon' };
    // Whoever had the notice may have begun one since it was looked for.
    const begun = await openDigest(gateway, approval, kind, terms.withinMs);
    if (begun !== null) {
      await store.releaseNotice(begins);
      return (await join(gateway, approval, begun)) ?? { kind: 'soon' };
    }
    return { kind: 'leads', mark: { leader: approval.id, kind }, begins };
  }
  return { kind: 'leads', mark: { leader: approval.id, kind }, begins: null };
}

/**
 * Whether a card that waits in its lane may look for a digest now: one with room is known that may be its own. Whoever gets no
 * further keeps its place.
 */
export function mayJoin({ cards, cardGate, rules }: WayGateway, approval: Approval): boolean {
  if (!rules.digest || cards?.placeKey === undefined) return false;
  const place = cards.placeKey(approval);
  return KINDS.some((kind) => cardGate.openDigests.letsIn(beginNotice(approval, kind, place)));
}

/** So many of this digest's calls are known, so that others which wait go to it or do not. */
export function noteRoom(
  { cards, cardGate }: Pick<Gateway, 'cardGate' | 'cards'>,
  leader: Approval,
  kind: BurstKind,
  calls: number,
): void {
  if (cards?.placeKey === undefined) return;
  cardGate.openDigests.opened(beginNotice(leader, kind, cards.placeKey(leader)), MOST_IN_DIGEST - calls);
}

function beginNotice({ grant, server, tool }: Approval, kind: BurstKind, place: string): string {
  return `digest ${kind} ${kind === 'grant' ? grant : `${server}.${tool}`} ${place}`;
}

/** The newest digest of the same kind of call, people and place that has room; null: there is none. */
async function openDigest(
  gateway: WayGateway,
  approval: Approval,
  kind: BurstKind,
  withinMs: number,
): Promise<CardedCall | null> {
  const { store, cards, cardGate } = gateway;
  const { openDigests } = cardGate;
  for (const id of await store.digestLeaders(approval, kind, withinMs)) {
    if (openDigests.isFull(id)) continue;
    const leader = await store.look(id, 'together');
    const mark = digestMarkIn(leader?.card?.digest);
    if (leader === null || leader.card?.ts == null || mark?.leader !== id || mark.kind !== kind) continue;
    if (!isAlike(kind, leader.approval, approval) || !asksTheSame(leader.approval, approval)) continue;
    if (cards!.placeKey!(leader.approval) !== cards!.placeKey!(approval)) continue;
    const named = await store.namedInDigest(leader.approval, LONGEST_MS, MOST_IN_DIGEST);
    if (named.length < MOST_IN_DIGEST) {
      noteRoom(gateway, leader.approval, kind, named.length + 1);
      return leader;
    }
    openDigests.filled(id);
  }
  openDigests.closed(beginNotice(approval, kind, cards!.placeKey!(approval)));
  return null;
}

/** Its record names the digest's message, and shows nothing yet. null: another run has its card. */
async function join(gateway: WayGateway, approval: Approval, leader: CardedCall): Promise<CardWay | null> {
  const { channel, ts, digest } = leader.card!;
  const mark = digestMarkIn(digest)!;
  return runWithCard(gateway, approval.id, async (run): Promise<CardWay> => {
    if (run.card !== null) return { kind: 'soon' };
    const record = { approval: approval.id, channel, ts, revision: 0, digest: digestMark(mark), postedAt: null };
    await gateway.store.saveCard(record, null, undefined, run.id);
    run.released();
    return { kind: 'joined', leader: leader.approval.id };
  });
}

/** All that are in the digest which this one leads, itself first, as the store has them; whoever's row merely says so is left out. */
export async function callsOfDigest(
  { store }: Pick<Gateway, 'store'>,
  leader: Approval,
): Promise<readonly CardedCall[]> {
  const named = await store.namedInDigest(leader, LONGEST_MS, MOST_IN_DIGEST * 2);
  const ids = [leader.id, ...named.filter((id) => id !== leader.id)].slice(0, MOST_IN_DIGEST * 2);
  const looked = await Promise.all(ids.map((id) => store.look(id, 'together')));
  return looked.filter(
    (each): each is CardedCall =>
      each !== null && (each.approval.id === leader.id || digestMarkIn(each.card?.digest)?.leader === leader.id),
  );
}

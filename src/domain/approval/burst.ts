import { canonical } from '../json/canonical.ts';
import type { Json } from '../json/json.ts';
import type { Approval } from './approval.ts';
import type { Circle } from './circle.ts';

/** When calls are told together instead of one by one: more than so many of one grant or tool within so long. */
export interface BurstTerms {
  readonly over: number;
  readonly withinMs: number;
}

/** What the calls of a burst have in common. */
export type BurstKind = 'grant' | 'tool';

/** How many calls were opened within the time before one: by the same grant, and to the same tool. */
export type OpenedBefore = Readonly<Record<BurstKind, number>>;

/** Calls of one digest at most: Slack takes about 13,000 characters of a message, and one that is longer nobody reads. */
export const MOST_IN_DIGEST = 20;

/** By what a call belongs to a burst; null: it stands alone. Pure, and the same whoever asks and when. */
export function burstKindOf(before: OpenedBefore, { over }: BurstTerms): BurstKind | null {
  if (before.grant >= over) return 'grant';
  return before.tool >= over ? 'tool' : null;
}

/** Whether two calls have that in common, and are asked of the same groups: whoever is told of one is told of both. */
export function isAlike(kind: BurstKind, one: Approval, other: Approval): boolean {
  if (JSON.stringify(one.requirement.groups) !== JSON.stringify(other.requirement.groups)) return false;
  if (kind === 'grant') return one.grant === other.grant;
  return one.server === other.server && one.tool === other.tool;
}

/** Whether both ask the same people, now and after an escalation: whoever is told of one by its message is told of the other. */
export function asksTheSame(one: Pick<Approval, 'requirement'>, other: Pick<Approval, 'requirement'>): boolean {
  return askedBy(one) === askedBy(other);
}

function askedBy({ requirement }: Pick<Approval, 'requirement'>): string {
  const told = ({ people, userGroups, admin, standIns = [] }: Circle): Json => ({
    people: [...new Set([...people, ...standIns.map(({ by }) => by)])].sort(),
    userGroups: [...new Set(userGroups)].sort(),
    admin,
  });
  const { escalate } = requirement;
  return canonical([told(requirement), escalate === null ? null : [escalate.afterMs, told(escalate)]]);
}

/** What a card's record says of the digest that it is in: whose card the digest's message is. */
export interface DigestMark {
  readonly leader: string;
  readonly kind: BurstKind;
}

const MARK = /^digest:(ap_[0-9a-z]{1,60}):(grant|tool):/;

/** At the beginning of a card's digest. */
export function digestMark({ leader, kind }: DigestMark): string {
  return `digest:${leader}:${kind}:`;
}

/** null: the card is one of its own. */
export function digestMarkIn(digest: string | undefined): DigestMark | null {
  const [, leader, kind] = MARK.exec(digest ?? '') ?? [];
  return leader === undefined ? null : { leader, kind: kind as BurstKind };
}

/** What a card's digest says besides. */
export function withoutDigestMark(digest: string): string {
  return digest.replace(MARK, '');
}

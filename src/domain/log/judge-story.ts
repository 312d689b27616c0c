import { type Claim, fillPlaces, type NeededPlace, type Voter } from '../approval/places.ts';
import { type Json, member } from '../json/json.ts';
import { actorOf } from '../people/actor.ts';
import type { EvidenceFault, EvidenceStep } from './evidence-report.ts';

/** One vote on the call, as an event tells it. */
interface StoryVote {
  readonly actor: string;
  /** One person is one vote, whichever way it came. */
  readonly person: string;
  readonly approves: boolean;
  readonly rights: Json;
}

/** After these nothing is sent. */
const OVER: Readonly<Record<string, string>> = {
  'approval.expired': 'it had expired',
  'approval.withdrawn': 'it was withdrawn',
  'approval.lapsed': 'its approval had lapsed',
  'approval.taken_back': 'its approval was taken back',
  'call.succeeded': 'it had run',
  'call.failed': 'it had run',
  'call.unknown': 'it may have run',
};

/**
 * Whether the events of one approval, in the order of writing, tell one story: it was asked once, first, about one call; it was
 * sent once, after as many persons had approved it as were asked for, and where groups have places, of these groups; and
 * nothing was sent once it was over.
 */
export function judgeStory(steps: readonly EvidenceStep[], approval: string): EvidenceFault[] {
  const [first] = steps;
  const faults: EvidenceFault[] = [];
  const wrong = (step: EvidenceStep | undefined, why: string): void => {
    faults.push({ kind: 'story', seq: step?.seq ?? null, why });
  };
  if (first?.type !== 'approval.requested') wrong(first, 'the first event is not the request');
  const again = steps.find(({ type }, n) => n > 0 && type === 'approval.requested');
  if (again !== undefined) wrong(again, 'the approval is requested a second time');
  if (first === undefined || first.type !== 'approval.requested') return faults;
  const { fingerprint } = first.data;
  const other = steps.find(({ type, data }) => (isVote(type) || type === USE) && data.fingerprint !== fingerprint);
  if (other !== undefined) wrong(other, 'the decision is on a call with another fingerprint');
  const votes = new Map<string, StoryVote>();
  const needed = wholeOr(first.data.quorum, Number.POSITIVE_INFINITY);
  const places = placesIn(first.data.places);
  let over: string | null = null;
  let sent: 'under way' | 'returned' | null = null;
  for (const step of steps) {
    const { type, data } = step;
    for (const vote of votesIn(step)) votes.set(vote.actor, vote);
    if (isVote(type) && data.choice === 'deny') over ??= 'it was denied';
    over ??= OVER[type] ?? null;
    if (type === 'call.returned') sent = 'returned';
    if (type !== 'call.dispatched') continue;
    if (data.continues !== undefined) {
      // An answer to what its server asked goes on with what was sent.
      if (data.continues !== approval || sent === null) wrong(step, 'a call goes on that was not sent before');
      continue;
    }
    if (over !== null) wrong(step, `the call is sent although ${over}`);
    if (sent === 'under way') wrong(step, 'the call is sent a second time');
    sent = 'under way';
    const lacking = lackingOf([...votes.values()], needed, places);
    if (lacking !== null) wrong(step, lacking);
  }
  return faults;
}

const USE = 'allowance.used';
const isVote = (type: string): boolean => type === 'approval.decided' || type === 'approval.changed';

/** The votes that an event tells of; the use of an allowance has those of everybody who gave it. */
function votesIn({ type, actor, data }: EvidenceStep): StoryVote[] {
  if (isVote(type)) {
    return [
      { actor, person: personOf(actor, data.person), approves: data.choice === 'approve', rights: data.rights ?? null },
    ];
  }
  if (type !== USE) return [];
  const given = Array.isArray(data.votes)
    ? data.votes
    : Array.isArray(data.by)
      ? data.by.map((approver) => ({ approver }))
      : [];
  return given.map((vote) => {
    const by = actorOf({ id: String(member(vote as Json, 'approver')) });
    const person = personOf(by, member(vote as Json, 'person'));
    return { actor: by, person, approves: true, rights: member(vote as Json, 'rights') ?? null };
  });
}

function personOf(actor: string, person: Json | undefined): string {
  return typeof person === 'string' ? `person ${person}` : actor;
}

/** Why these votes are not enough; null: they are. */
function lackingOf(votes: readonly StoryVote[], needed: number, places: readonly NeededPlace[] | null): string | null {
  const approving = votes.filter(({ approves }) => approves);
  const people = new Set(approving.map(({ person }) => person)).size;
  if (!Number.isFinite(needed)) return 'the call is sent, and the request does not say how many approvals it needs';
  if (people < needed) return `the call is sent after ${people} of ${needed} approvals`;
  if (places === null) return null;
  const filled = fillPlaces(places, votersOf(votes, approving));
  const empty = places.filter(({ count }, n) => !(filled[n]! >= count)).map(({ group }) => group);
  return empty.length === 0 ? null : `the call is sent without enough approvals of ${empty.join(', ')}`;
}

/** A whole number of at least one; else this. */
function wholeOr(value: Json | undefined, other: number): number {
  return Number.isSafeInteger(value) && (value as number) >= 1 ? (value as number) : other;
}

/** The places of groups that the request names; null: it names none. What is no number is more than anybody fills. */
function placesIn(places: Json | undefined): readonly NeededPlace[] | null {
  if (places === undefined || places === null) return null;
  if (!Array.isArray(places)) return [{ group: 'groups that it does not name', count: Number.MAX_SAFE_INTEGER }];
  return places.map((place) => ({
    group: String(member(place, 'group')),
    count: wholeOr(member(place, 'count'), Number.MAX_SAFE_INTEGER),
  }));
}

/** Who approved, and by what right. */
function votersOf(votes: readonly StoryVote[], approving: readonly StoryVote[]): Voter[] {
  const seatOf = (id: string): string =>
    votes.find(({ actor }) => actor === actorOf({ id }))?.person ?? actorOf({ id });
  return approving.map(({ person, rights }) => ({
    person,
    claims: (Array.isArray(rights) ? rights : []).map((right): Claim => {
      const [group, absent] = [member(right, 'group'), member(right, 'for')];
      return {
        group: typeof group === 'string' ? group : null,
        seat: typeof absent === 'string' ? seatOf(absent) : person,
      };
    }),
  }));
}

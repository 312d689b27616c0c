import { type Claim, fillPlaces, type NeededPlace, type Voter } from '../approval/places.ts';
import { isObject, type Json, member } from '../json/json.ts';
import { actorOf } from '../people/actor.ts';
import type { EvidenceFault, EvidenceStep } from './evidence-report.ts';

/**
 * Whether the events of one approval tell one story: it was asked once, first, about one call, and sent only when as many
 * persons had approved it as were asked for, and where groups have places, of these groups.
 */
export function judgeStory(steps: readonly EvidenceStep[]): EvidenceFault[] {
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
  const approving = new Map<string, boolean>();
  const places = placesIn(first.data.places);
  const needed = neededOf(first.data.quorum);
  for (const step of steps) {
    const { type, data } = step;
    if (isVote(type)) approving.set(personOf(step), data.choice === 'approve');
    // Its votes are those of the approval by which the allowance was given (`given`), which has evidence of its own.
    if (type === USE) for (const giver of giversOf(data.by)) approving.set(giver, true);
    if (type !== 'call.dispatched' || data.continues !== undefined) continue;
    const votes = [...approving.values()].filter(Boolean).length;
    if (votes < needed) wrong(step, `the call is sent after ${votes} of ${needed} approvals`);
    else if (places !== null) {
      const filled = fillPlaces(places, votersBefore(steps, step));
      const empty = places.filter(({ count }, n) => filled[n]! < count).map(({ group }) => group);
      if (empty.length > 0) wrong(step, `the call is sent without enough approvals of ${empty.join(', ')}`);
    }
  }
  return faults;
}

const isVote = (type: string): boolean => type === 'approval.decided' || type === 'approval.changed';

const USE = 'allowance.used';

function giversOf(by: Json | undefined): readonly string[] {
  return Array.isArray(by) ? by.map((giver) => `giver ${String(giver)}`) : [];
}

/** One person is one vote, whichever way it came. */
function personOf({ actor, data }: EvidenceStep): string {
  return typeof data.person === 'string' ? `person ${data.person}` : actor;
}

/** A number, or one for each group. What is neither is more than anybody has. */
function neededOf(quorum: Json | undefined): number {
  if (typeof quorum === 'number') return quorum;
  if (!isObject(quorum ?? null)) return Number.POSITIVE_INFINITY;
  return Object.values(quorum as object).reduce((sum, n) => sum + Number(n), 0);
}

/** The places of groups that the request names; null: it names none. */
function placesIn(places: Json | undefined): readonly NeededPlace[] | null {
  if (!Array.isArray(places)) return null;
  return places.map((place) => ({ group: String(member(place, 'group')), count: Number(member(place, 'count')) }));
}

/** Who had approved before this step, and by what right. */
function votersBefore(steps: readonly EvidenceStep[], end: EvidenceStep): Voter[] {
  const last = new Map<string, EvidenceStep>();
  for (const step of steps.slice(0, steps.indexOf(end))) if (isVote(step.type)) last.set(step.actor, step);
  const votes = [...last.values()];
  const seatOf = (id: string): string => {
    const own = votes.find(({ actor }) => actor === actorOf({ id }));
    return own === undefined ? actorOf({ id }) : personOf(own);
  };
  return votes
    .filter(({ data }) => data.choice === 'approve')
    .map((vote) => {
      const rights = Array.isArray(vote.data.rights) ? vote.data.rights : [];
      const claims = rights.map((right): Claim => {
        const [group, absent] = [member(right, 'group'), member(right, 'for')];
        return {
          group: typeof group === 'string' ? group : null,
          seat: typeof absent === 'string' ? seatOf(absent) : personOf(vote),
        };
      });
      return { person: personOf(vote), claims };
    });
}

import type { Approval, Approver, Requirement } from './approval.ts';
import type { Circle, Right, StandIn } from './circle.ts';
import { ADMIN, type CurrentApprovers, type Persons, personOf } from './current.ts';
import { escalateAt } from './reminder.ts';

/** How a circle admits a person: as a member, by name or through a user group, or in the place of a member. */
type Seat = Pick<Right, 'standIn' | 'userGroup'>;

/** What of a requirement, then or today, says who may decide. */
export type Deciding = Pick<Requirement, 'admin' | 'people' | 'standIns' | 'userGroups'> & {
  readonly escalate: CurrentApprovers['escalate'];
};

/** The circles that may decide at this instant. */
export function circlesAt(approval: Approval, of: Deciding, at: Date): Circle[] {
  return [of, ...escalatedAt(approval, of, at)];
}

/** How the circles admit this person at this instant: their own seat first, if they have one; none: they do not. */
export function seatsIn(circles: readonly Circle[], approver: Approver, at: Date, persons: Persons): Seat[] {
  const { id, userGroups } = approver;
  const named = circles.some((circle) =>
    id === ADMIN ? circle.admin : circle.people.some((listed) => isSame(persons, listed, id)),
  );
  const through = circles.flatMap((circle) => circle.userGroups).find((group) => userGroups.includes(group));
  const own = named || through !== undefined ? [{ userGroup: named ? null : through!, standIn: null }] : [];
  const others = circles.flatMap(({ standIns = [] }) =>
    standIns.filter((each) => id !== ADMIN && isSame(persons, each.by, id) && stands(each, at, persons)),
  );
  return [...own, ...others.map((standIn) => ({ userGroup: null, standIn }))];
}

/** Whether both ids are ways of one person. The list never says `admin`: a group admits the token by a word of its own. */
export function isSame(persons: Persons, listed: string, id: string): boolean {
  return listed !== ADMIN && personOf(persons, listed) === personOf(persons, id);
}

/** Whether somebody stands in at this instant: not where the other one could not approve either. */
function stands({ until, for: absent }: StandIn, at: Date, persons: Persons): boolean {
  return at.getTime() < Date.parse(until) && !persons.barred.has(personOf(persons, absent));
}

/**
 * By what a person's vote counts: what the frozen requirement gave when it was said, and today's configuration still gives
 * now. `isOwner`: whether somebody may not approve because the agent is theirs; nobody may in their place either.
 */
export function rightsOf(
  approval: Approval,
  approver: Approver,
  { now, said }: { readonly now: Date; readonly said: Date },
  current: CurrentApprovers,
  isOwner: (id: string) => boolean,
): { readonly rights: readonly Right[]; readonly then: boolean; readonly ofOwner: boolean } {
  const { persons } = current;
  const rights: Right[] = [];
  let [then, ofOwner] = [false, false];
  for (const { group, frozen, today } of scopes(approval, current, now, said)) {
    const before = seatsIn(frozen, approver, said, persons);
    then ||= before.length > 0;
    for (const seat of seatsIn(today, approver, now, persons)) {
      const same = before.find((each) => isSameSeat(each, seat, persons));
      if (same === undefined) continue;
      if (seat.standIn !== null && isOwner(seat.standIn.for)) ofOwner = true;
      else rights.push({ group, userGroup: same.userGroup ?? seat.userGroup, standIn: seat.standIn });
    }
  }
  return { rights, then, ofOwner };
}

/** Who fills what, then and today: each group its own places, and further approvers any. */
function scopes(approval: Approval, current: CurrentApprovers, now: Date, said: Date) {
  const { requirement } = approval;
  if (requirement.places === undefined) {
    const [frozen, today] = [circlesAt(approval, requirement, said), circlesAt(approval, current, now)];
    return [{ group: null, frozen, today }];
  }
  const own = requirement.places.map((place) => ({
    group: place.group,
    frozen: [place],
    today: (current.places ?? []).filter(({ group }) => group === place.group),
  }));
  const further = (of: Deciding, at: Date): Circle[] =>
    escalatedAt(approval, of, at).flatMap(({ anyPlace }) => anyPlace ?? []);
  return [...own, { group: null, frozen: further(requirement, said), today: further(current, now) }];
}

function escalatedAt(approval: Approval, of: Deciding, at: Date): NonNullable<CurrentApprovers['escalate']>[] {
  const from = escalateAt({ ...approval, requirement: of });
  return of.escalate !== null && from !== null && at >= from ? [of.escalate] : [];
}

function isSameSeat({ standIn: one }: Seat, { standIn: other }: Seat, persons: Persons): boolean {
  if (one === null || other === null) return one === other;
  return one.group === other.group && isSame(persons, one.for, other.for);
}

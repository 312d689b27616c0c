import type { Approval, Approver, Circle, Decision } from './approval.ts';
import { ADMIN, type CurrentApprovers, type Persons, personOf } from './current.ts';
import { escalateAt } from './reminder.ts';

export type Eligibility =
  | { readonly kind: 'eligible'; readonly self: boolean; readonly userGroup: string | null }
  | { readonly kind: 'refused'; readonly reason: Ineligible };

/**
 * `removed`: an approver when the approval opened, but by today's configuration no more. `own_call`: the owner of the
 * calling grant, by whichever way.
 */
export type Ineligible = 'not_an_approver' | 'removed' | 'own_call';

/**
 * Whether this person's decision counts for this approval: admitted by its frozen requirement and by today's
 * configuration, and not the owner of the calling grant, then or now, unless the grant had `self_approval` and still has;
 * then the vote is marked. (They may deny: that is judged in decide.ts.) Escalation adds approvers from its time on and removes none.
 */
export function eligibility(
  approval: Approval,
  approver: Approver,
  now: Date,
  current: CurrentApprovers,
  /** When it was said, where that is not now: the frozen escalation counts from then. */
  said: Date = now,
): Eligibility {
  const { persons } = current;
  const frozen = admission(circlesAt(approval, approval.requirement, said), approver, persons);
  if (frozen === null) return { kind: 'refused', reason: 'not_an_approver' };
  const isBarred = persons.barred.has(personOf(persons, approver.id));
  const today = isBarred ? null : admission(circlesAt(approval, current, now), approver, persons);
  if (today === null) return { kind: 'refused', reason: 'removed' };
  const own = isOwner(approval, approver, current);
  if (own && !(approval.selfApproval && current.selfApproval)) return { kind: 'refused', reason: 'own_call' };
  return { kind: 'eligible', self: own, userGroup: frozen.userGroup ?? today.userGroup };
}

/** Whether the calling agent works for this person, whichever way they come: then, or by today's configuration. */
export function isOwner(
  approval: Pick<Approval, 'owner'>,
  { id }: Pick<Approver, 'id'>,
  { owner, persons }: Pick<CurrentApprovers, 'owner' | 'persons'>,
): boolean {
  return [approval.owner, owner].some((each) => each !== null && isSame(persons, each, id));
}

/** The circles that may decide at this instant. */
function circlesAt(
  approval: Approval,
  of: Circle & { readonly escalate: (Circle & { readonly afterMs: number }) | null },
  at: Date,
): Circle[] {
  const from = escalateAt({ ...approval, requirement: of });
  return of.escalate !== null && from !== null && at >= from ? [of, of.escalate] : [of];
}

/** How the circles admit this person: by name, or through a user group. null: they do not. */
function admission(
  circles: readonly Circle[],
  { id, userGroups }: Approver,
  persons: Persons,
): { readonly userGroup: string | null } | null {
  const named = circles.some((circle) =>
    id === ADMIN ? circle.admin : circle.people.some((listed) => isSame(persons, listed, id)),
  );
  if (named) return { userGroup: null };
  const through = circles.flatMap((circle) => circle.userGroups).find((group) => userGroups.includes(group));
  return through === undefined ? null : { userGroup: through };
}

/** Whether both ids are ways of one person. The list never says `admin`: a group admits the token by a word of its own. */
function isSame(persons: Persons, listed: string, id: string): boolean {
  return listed !== ADMIN && personOf(persons, listed) === personOf(persons, id);
}

/** Whether this person has voted already, by this way or another. */
export function hasVoted({ decisions }: Pick<Approval, 'decisions'>, id: string, persons: Persons): boolean {
  const person = personOf(persons, id);
  return decisions.some((d) => d.approver === id || d.person === person || personOf(persons, d.approver) === person);
}

/** How many people have approved, at least: a vote of the admin token that may be anybody's adds nobody to others. */
export function approvalsCounted(decisions: readonly Decision[]): number {
  return people(decisions, ({ approver, person }) => person ?? (approver === ADMIN ? null : approver));
}

/** The same, if today's configuration also says who is one person; the lower of both. */
export function votersCounted(decisions: readonly Decision[], persons: Persons): number {
  const today = people(decisions, ({ approver }) => {
    const name = personOf(persons, approver);
    return approver === ADMIN && persons.adminToken !== 'a person' ? null : name;
  });
  return Math.min(today, approvalsCounted(decisions));
}

/** `nameOf`: null for somebody who may be any of the others. */
function people(decisions: readonly Decision[], nameOf: (decision: Decision) => string | null): number {
  const names = decisions.filter((d) => d.choice === 'approve').map(nameOf);
  const known = new Set(names.filter((name) => name !== null));
  return known.size > 0 ? known.size : Math.min(1, names.length);
}

import type { Approval, Approver } from './approval.ts';
import type { Right } from './circle.ts';
import { type CurrentApprovers, type Persons, personOf } from './current.ts';
import { circlesAt, isSame, rightsOf, seatsIn } from './rights.ts';

export type Eligibility =
  | {
      readonly kind: 'eligible';
      readonly self: boolean;
      readonly userGroup: string | null;
      /** By what the approval counts; at least one. */
      readonly rights: readonly Right[];
    }
  | { readonly kind: 'refused'; readonly reason: Ineligible };

/**
 * `removed`: an approver when the approval opened, but by today's configuration no more. `own_call`: the owner of the
 * calling grant, by whichever way. `no_place`: an approver of a group that has none of the places. `stands_in_for_owner`: in
 * the place of the owner, who may not approve either, and by no right of their own.
 */
export type Ineligible = 'not_an_approver' | 'removed' | 'own_call' | 'no_place' | 'stands_in_for_owner';

/**
 * Whether this person's approval counts for this approval: admitted by its frozen requirement and by today's
 * configuration, by the same membership, and not the owner of the calling grant, then or now, unless the grant had
 * `self_approval` and still has; then the vote is marked. (Who may deny is judged in decide.ts.) Escalation adds approvers
 * from its time on and removes none.
 */
export function eligibility(
  approval: Approval,
  approver: Approver,
  now: Date,
  current: CurrentApprovers,
  /** When it was said, where that is not now: the frozen escalation, and who stood in, count from then. */
  said: Date = now,
): Eligibility {
  const { persons } = current;
  const refused = (reason: Ineligible) => ({ kind: 'refused', reason }) as const;
  const [frozen] = seatsIn(circlesAt(approval, approval.requirement, said), approver, said, persons);
  if (frozen === undefined) return refused('not_an_approver');
  const isBarred = persons.barred.has(personOf(persons, approver.id));
  const [today] = isBarred ? [] : seatsIn(circlesAt(approval, current, now), approver, now, persons);
  if (today === undefined) return refused('removed');
  const mayOwn = approval.selfApproval && current.selfApproval;
  const own = isOwner(approval, approver, current);
  if (own && !mayOwn) return refused('own_call');
  const isBarredOwner = (id: string): boolean => !mayOwn && isOwner(approval, { id }, current);
  const { rights, then, ofOwner } = rightsOf(approval, approver, { now, said }, current, isBarredOwner);
  if (rights.length === 0) return refused(ofOwner ? 'stands_in_for_owner' : then ? 'removed' : 'no_place');
  return { kind: 'eligible', self: own, userGroup: frozen.userGroup ?? today.userGroup, rights };
}

/** Whether the calling agent works for this person, whichever way they come: then, or by today's configuration. */
export function isOwner(
  approval: Pick<Approval, 'owner'>,
  { id }: Pick<Approver, 'id'>,
  { owner, persons }: Pick<CurrentApprovers, 'owner' | 'persons'>,
): boolean {
  return [approval.owner, owner].some((each) => each !== null && isSame(persons, each, id));
}

/** Whether this person has voted already, by this way or another. */
export function hasVoted({ decisions }: Pick<Approval, 'decisions'>, id: string, persons: Persons): boolean {
  const person = personOf(persons, id);
  return decisions.some((d) => d.approver === id || d.person === person || personOf(persons, d.approver) === person);
}

import type { Approval, Approver } from '../../domain/approval/approval.ts';
import type { Circle } from '../../domain/approval/circle.ts';
import { type CurrentApprovers, personOf } from '../../domain/approval/current.ts';
import { withinOr } from '../../time/within.ts';
import type { Clicker } from './clicker.ts';
import { LOOKUP_MS, type People } from './people.ts';
import type { StrangerReason } from './standing.ts';

export type Identified =
  | { readonly kind: 'approver'; readonly approver: Approver }
  | { readonly kind: 'refused'; readonly reason: StrangerReason | 'other_app' }
  | { readonly kind: 'cannot_tell' };

export interface IdentityTerms {
  readonly people: People;
  /** Our app's id; null if not configured, then the request's signature alone identifies the app. */
  readonly app: string | null;
}

/** Whose clicks count at the moment. A judgement reads `now` once and uses that to its end. */
export class LiveIdentity {
  #now: IdentityTerms;

  constructor(now: IdentityTerms) {
    this.#now = now;
  }

  get now(): IdentityTerms {
    return this.#now;
  }

  become(terms: IdentityTerms): void {
    this.#now = terms;
  }
}

/** Who clicked, from the payload's ids and Slack's own facts, all within 2 s: the ack is due after 3. */
export async function identify(
  terms: IdentityTerms,
  who: Clicker,
  approval: Approval,
  current: CurrentApprovers,
): Promise<Identified> {
  const identified = lookUp(terms, who, approval, current);
  return (await withinOr(LOOKUP_MS, identified, null)) ?? { kind: 'cannot_tell' };
}

/** Whether this is a member of ours, whatever the approvals say; null: yes. Within 2 s, too. */
export async function strangeness(
  terms: IdentityTerms,
  who: Clicker,
): Promise<Exclude<Identified, { kind: 'approver' }> | null> {
  const looked = (async () => {
    const foreign = await foreignness(terms, who);
    if (foreign !== null) return foreign;
    const standing = await terms.people.standing(who.user);
    return standing.kind === 'cannot_tell' || standing.kind === 'refused' ? plain(standing) : null;
  })();
  return withinOr(LOOKUP_MS, looked, { kind: 'cannot_tell' } as const);
}

function plain(standing: { readonly kind: 'cannot_tell' } | Extract<Identified, { kind: 'refused' }>) {
  return standing.kind === 'refused' ? standing : ({ kind: 'cannot_tell' } as const);
}

/** Why it is not a click on our app by somebody of our workspace; null: it is. */
async function foreignness(
  { people, app }: IdentityTerms,
  who: Clicker,
): Promise<Exclude<Identified, { kind: 'approver' }> | null> {
  if (app !== null && who.app !== app) return { kind: 'refused', reason: 'other_app' };
  const home = await people.home();
  if (home === null) return { kind: 'cannot_tell' };
  // Which workspaces an organisation has, only Slack knows: `users.info` says whether the person is of one of them.
  if (home.everywhere) return who.enterprise === home.enterprise ? null : { kind: 'refused', reason: 'other_team' };
  const isOurs = (team: string | null) => team !== null && (team === home.team || team === home.enterprise);
  // In Slack Connect, `team` is our own workspace; only the person's own team shows that they are an outsider.
  if (!isOurs(who.userTeam) || (who.team !== null && !isOurs(who.team))) {
    return { kind: 'refused', reason: 'other_team' };
  }
  return null;
}

async function lookUp(
  terms: IdentityTerms,
  who: Clicker,
  { requirement }: Approval,
  current: CurrentApprovers,
): Promise<Identified> {
  const { people } = terms;
  const foreign = await foreignness(terms, who);
  if (foreign !== null) return foreign;
  const [frozen, today] = [circlesOf(requirement), circlesOf(current)];
  const groups = [...new Set([...frozen, ...today].flatMap((circle) => circle.userGroups))];
  // Where groups have places, a vote counts for each group that its person is in.
  const each = requirement.places !== undefined;
  const [standing, userGroups] = await Promise.all([
    people.standing(who.user),
    people.groupsOf(who.user, groups, each),
  ]);
  if (standing.kind === 'cannot_tell') return { kind: 'cannot_tell' };
  if (standing.kind === 'refused') return standing;
  const person = personOf(current.persons, who.user);
  const isNamed = [frozen, today].every((circles) =>
    circles.some(({ people: named, standIns = [] }) =>
      [...named, ...standIns.map(({ by }) => by)].some((id) => personOf(current.persons, id) === person),
    ),
  );
  // A group that cannot be looked up does not matter to a person who is named, then and today.
  if (userGroups === null && (each || !isNamed)) return { kind: 'cannot_tell' };
  return { kind: 'approver', approver: { id: who.user, via: 'slack', userGroups: userGroups ?? [] } };
}

function circlesOf(of: Circle & { readonly escalate: Circle | null }): Circle[] {
  return of.escalate === null ? [of] : [of, of.escalate];
}

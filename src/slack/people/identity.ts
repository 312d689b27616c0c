import type { Approval, Approver } from '../../domain/approval/approval.ts';
import { withinOr } from '../../time/within.ts';
import { LOOKUP_MS, type People } from './people.ts';
import type { StrangerReason } from './standing.ts';

/** Who clicked, as Slack's payload says. Ids only: anybody can choose any name. */
export interface Clicker {
  readonly user: string;
  /** The person's own workspace, or on Grid the organisation (`E…`). */
  readonly userTeam: string | null;
  /** The workspace in which the app was used; null for an installation on a whole organisation. */
  readonly team: string | null;
  readonly app: string | null;
}

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
export async function identify(terms: IdentityTerms, who: Clicker, approval: Approval): Promise<Identified> {
  const identified = lookUp(terms, who, approval);
  return (await withinOr(LOOKUP_MS, identified, null)) ?? { kind: 'cannot_tell' };
}

async function lookUp({ people, app }: IdentityTerms, who: Clicker, approval: Approval): Promise<Identified> {
  if (app !== null && who.app !== app) return { kind: 'refused', reason: 'other_app' };
  const home = await people.home();
  if (home === null) return { kind: 'cannot_tell' };
  const isOurs = (team: string | null) => team !== null && (team === home.team || team === home.enterprise);
  // In Slack Connect, `team` is our own workspace; only the person's own team shows that they are an outsider.
  if (!isOurs(who.userTeam) || (who.team !== null && !isOurs(who.team))) {
    return { kind: 'refused', reason: 'other_team' };
  }
  const { requirement } = approval;
  const groups = [...new Set([...requirement.userGroups, ...(requirement.escalate?.userGroups ?? [])])];
  const [standing, userGroups] = await Promise.all([people.standing(who.user), people.groupsOf(who.user, groups)]);
  if (standing.kind === 'cannot_tell') return { kind: 'cannot_tell' };
  if (standing.kind === 'refused') return standing;
  const isNamed = [...requirement.people, ...(requirement.escalate?.people ?? [])].includes(who.user);
  // A group that cannot be looked up does not matter to a person who is named.
  if (userGroups === null && !isNamed) return { kind: 'cannot_tell' };
  return { kind: 'approver', approver: { id: who.user, via: 'slack', userGroups: userGroups ?? [] } };
}

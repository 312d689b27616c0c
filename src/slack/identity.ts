import type { Approval } from '../domain/approval.ts';
import type { Approver } from '../domain/decide.ts';
import { withinOr } from '../time/within.ts';
import type { DoorRefusal } from './answer.ts';
import type { Clicker } from './payload.ts';
import { LOOKUP_MS, type People } from './people.ts';

export type Identified =
  | { readonly kind: 'approver'; readonly approver: Approver }
  | { readonly kind: 'refused'; readonly reason: DoorRefusal }
  | { readonly kind: 'cannot_tell' };

export interface IdentityTerms {
  readonly people: People;
  /** Our app's id; null when not configured, then the signature alone tells. */
  readonly app: string | null;
}

/** Whose clicks count, as it is now. Whoever judges takes `now` once and uses that to the end. */
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

/** Who clicked, from the payload's ids and Slack's own facts, all within 2 s: the ack is due at 3. */
export async function identify(terms: IdentityTerms, who: Clicker, approval: Approval): Promise<Identified> {
  return withinOr(LOOKUP_MS, lookUp(terms, who, approval), { kind: 'cannot_tell' });
}

async function lookUp({ people, app }: IdentityTerms, who: Clicker, approval: Approval): Promise<Identified> {
  if (app !== null && who.app !== app) return { kind: 'refused', reason: 'other_app' };
  const home = await people.home();
  if (home === null) return { kind: 'cannot_tell' };
  const ours = (team: string | null) => team !== null && (team === home.team || team === home.enterprise);
  // In Slack Connect `team` is our own workspace and only the person's own team tells the outsider.
  if (!ours(who.userTeam) || (who.team !== null && !ours(who.team))) return { kind: 'refused', reason: 'other_team' };

  const { requirement: now, requirement } = approval;
  const groups = [...new Set([...now.userGroups, ...(requirement.escalate?.userGroups ?? [])])];
  const [standing, userGroups] = await Promise.all([people.standing(who.user), people.groupsOf(who.user, groups)]);
  if (standing.kind === 'cannot_tell') return { kind: 'cannot_tell' };
  if (standing.kind === 'refused') return standing;
  const named = [...requirement.people, ...(requirement.escalate?.people ?? [])].includes(who.user);
  // Groups that cannot be looked up matter only to those who are not named one by one.
  if (userGroups === null && !named) return { kind: 'cannot_tell' };
  return { kind: 'approver', approver: { id: who.user, via: 'slack', userGroups: userGroups ?? [] } };
}

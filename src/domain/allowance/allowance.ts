import type { Decision } from '../approval/approval.ts';
import { canonical } from '../json/canonical.ts';
import { grantNameOf } from '../people/principal.ts';
import type { AllowedBounds, OfferedAllowance } from '../policy/allowance-rule.ts';

/** Characters of a person's conditions as JSON, and how many they may be. */
export const LONGEST_OWN_WITHIN = 4_000;
export const MOST_OWN_WITHIN = 10;
/** Allowances, and standing denials, of one grant at a time, and of all of them. */
export const MOST_LIVING_OF_GRANT = 20;
export const MOST_LIVING = 500;

/** Why an allowance or a standing denial is no more. */
export const ALLOWANCE_ENDS = [
  'spent',
  'over',
  'revoked',
  'policy',
  'drift',
  'owner',
  'grant',
  'approver',
  'store',
] as const;
export type AllowanceEnd = (typeof ALLOWANCE_ENDS)[number];

export const ALLOWANCE_END_WORDS = {
  spent: 'it has been used as often as it may be',
  over: 'its time is over',
  revoked: 'it was revoked',
  policy: 'the policy of its server has changed',
  drift: 'the server lists the tool otherwise than when it was given',
  owner: "the agent's owner has changed",
  grant: 'the grant was revoked, or has another token',
  approver: 'too few of those who gave it may still approve',
  store: 'an operator accepted a database that went back in time',
} as const satisfies Record<AllowanceEnd, string>;

/** A human's bounded yes in advance: this principal, this tool, these bounds, until then, so many times. */
export interface Allowance {
  readonly id: string;
  /** The approval whose votes gave it. */
  readonly approval: string;
  readonly grant: string;
  readonly server: string;
  readonly tool: string;
  readonly owner: string | null;
  /** SHA-256, hex, of the grant's token when it was given. */
  readonly token: string;
  readonly policyDigest: string;
  readonly mayVary: readonly string[];
  /** The policy's conditions in words. */
  readonly within: readonly string[];
  readonly like: string;
  readonly look: string | null;
  readonly bounds: AllowedBounds;
  readonly used: number;
  readonly at: Date;
  readonly until: Date;
  /** Those who gave it. */
  readonly by: readonly string[];
  readonly ended: { readonly at: Date; readonly why: AllowanceEnd; readonly by: string } | null;
}

/** A human's no in advance. */
export interface StandingDenial
  extends Pick<Allowance, 'approval' | 'at' | 'grant' | 'id' | 'like' | 'mayVary' | 'server' | 'tool' | 'until'> {
  /** The person's words; null: none. */
  readonly reason: string | null;
  readonly by: string;
  readonly ended: { readonly at: Date; readonly why: 'over' | 'revoked'; readonly by: string } | null;
}

/** Minutes of a standing denial. */
export const MOST_DENIED_MINUTES = 1_440;

/** How much is left of it now; 0 once it has ended. */
export function callsLeft({ bounds, used, ended, until }: Allowance, now: Date): number {
  return ended === null && now < until ? bounds.calls - used : 0;
}

/** What today's configuration says of an allowance's grant, tool and policy. */
export interface AllowanceToday {
  readonly now: Date;
  /** null: the server has none. */
  readonly policyDigest: string | null;
  /** null: this process has not seen the tool listed. */
  readonly look: string | null;
  /** null: the grant may not call the server any more. */
  readonly principal: { readonly owner: string | null } | null;
  readonly token: string | null;
}

/** Why it holds no more; null: nothing speaks against it but, perhaps, its approvers. `look`: as this process knew it first. */
export function endingOf(
  allowance: Pick<Allowance, 'bounds' | 'look' | 'owner' | 'policyDigest' | 'token' | 'until' | 'used'>,
  today: AllowanceToday,
  firstLook: string | null = null,
): Exclude<AllowanceEnd, 'approver' | 'revoked' | 'store'> | null {
  if (allowance.used >= allowance.bounds.calls) return 'spent';
  if (today.now >= allowance.until) return 'over';
  if (today.principal === null || today.token !== allowance.token) return 'grant';
  if (today.principal.owner !== allowance.owner) return 'owner';
  if (today.policyDigest !== allowance.policyDigest) return 'policy';
  const look = allowance.look ?? firstLook;
  return look !== null && today.look !== null && look !== today.look ? 'drift' : null;
}

/**
 * What the votes of an approved call allow: the bounds that every one of them is for; null: not all are for the same,
 * or the owner's is among them.
 */
export function boundsOfVotes(decisions: readonly Decision[]): AllowedBounds | null {
  const votes = decisions.filter(({ choice }) => choice === 'approve');
  const first = votes[0]?.offers;
  if (first === undefined) return null;
  const same = votes.every(({ offers, self }) => !self && offers !== undefined && isSameBounds(offers, first));
  return same ? first : null;
}

export function isSameBounds(one: AllowedBounds, other: AllowedBounds): boolean {
  return boundsText(one) === boundsText(other);
}

function boundsText({ minutes, calls, within }: AllowedBounds): string {
  return canonical({ minutes, calls, within: [...within] });
}

/** The allowance under which an approval was given; null: people decided it. */
export function allowanceOf({ decisions }: { readonly decisions: readonly Decision[] }): string | null {
  return decisions.find(({ allowance }) => allowance !== undefined)?.allowance ?? null;
}

/** In one sentence, what would be allowed. Plain text; holds names, conditions and numbers only. */
export function allowanceSentence(
  call: { readonly grant: string; readonly server: string; readonly tool: string },
  offered: Pick<OfferedAllowance, 'mayVary' | 'within'>,
  { minutes, calls, says }: Pick<AllowedBounds, 'calls' | 'minutes' | 'says'>,
): string {
  const many = calls === 1 ? 'one more call' : `${calls} more calls`;
  const equal =
    offered.mayVary.length === 0
      ? 'that equal the approved one'
      : `like the approved one in everything but ${offered.mayVary.join(', ')}`;
  const conditions = [...offered.within, ...says];
  const where = conditions.length === 0 ? '' : `, where ${conditions.join(' and ')}`;
  return `${grantNameOf(call.grant)} may make ${many} of ${call.server}.${call.tool} ${equal}${where}, for ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`;
}

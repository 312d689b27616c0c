import type { AllowedBounds } from '../policy/allowance-rule.ts';
import type { Approval, Approver, Choice, Decision, State, VoteSignature } from './approval.ts';
import type { Right } from './circle.ts';
import type { CounterRefusal } from './counter.ts';
import { ADMIN, type CurrentApprovers } from './current.ts';
import { isForged } from './forged.ts';
import { type Eligibility, eligibility, hasVoted, type Ineligible, isOwner } from './quorum.ts';
import { recount } from './recount.ts';
import type { SeenCard } from './seen-card.ts';
import { type SignatureFault, signatureFault, voidVoteOf } from './vote-signature.ts';

/** What a person says about one exact call, before it is judged. */
export interface DecisionRequest {
  readonly choice: Choice;
  readonly reason: string | null;
  /**
   * The fingerprint, or a prefix of at least 64 bits, that the person was shown; null where the door cannot carry it.
   */
  readonly fingerprint: string | null;
  /** What the person was looking at, where the door can tell. Evidence only: no judgement depends on it. */
  readonly saw?: SeenCard;
  /** With an approval: it is also for calls like this one, within these bounds. */
  readonly allowance?: AllowedBounds;
  /** With a denial: the like is denied at once for so many minutes. */
  readonly standing?: { readonly minutes: number };
  /** What the person's passkey signed; only the door that gave out what was to be signed has one. */
  readonly signature?: VoteSignature;
}

export type RefusalReason =
  | 'already_decided'
  | 'broken'
  | 'expired'
  | 'already_voted'
  | Ineligible
  | 'admin_token'
  | 'other_call'
  | 'signature_required'
  | 'bad_signature'
  | 'signature_unknown'
  | 'reason_required'
  /** This call offers no allowance, or what it offered has changed. */
  | 'no_allowance'
  /** More than policy offers. */
  | 'too_wide'
  /** An owner's yes to his own agent's call is for this call only, and so is one in the owner's place. */
  | 'own_allowance'
  /** A person's own condition tests what is hidden of the call. */
  | 'hidden_condition'
  /** As many allowances, or standing denials, live as may. */
  | 'crowded'
  /** The owner may not choose what his agent does; or nothing can be proposed in place of this call. */
  | CounterRefusal
  /** What is proposed cannot be: the words say why. */
  | 'bad_counter';

export type Judgement =
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly state: State }
  | {
      readonly kind: 'recorded';
      readonly decision: Decision;
      readonly next: 'pending' | 'approved' | 'denied';
      /** What the same person had said before; null: nothing. */
      readonly instead: Decision | null;
    };

/** 64 bits as hex: a shorter prefix identifies nothing. */
const SHORTEST_PREFIX = 16;

/**
 * What one person's decision does to an approval. `current`: who may decide by today's configuration; earlier votes count
 * only as far as it still admits them. Pure; the caller commits it by compare-and-swap, and asks again on a conflict.
 *
 * | approval | decision | becomes |
 * |---|---|---|
 * | pending, in time | deny by one who is eligible, or by the grant's owner | denied |
 * | pending, in time | deny by an approver who fills no place, or stands in for the owner only | denied |
 * | pending, in time | deny by one who approved, and still is eligible | denied; the denial takes the vote's place |
 * | pending, in time | approve, and this reaches the quorum | approved |
 * | pending, in time | approve, quorum not reached | pending, the vote is kept |
 * | pending, in time | approve by one who has approved | refused: already_voted; where that signature is void since, the new vote takes its place |
 * | pending, past `expiresAt` | any | refused: expired (the expiry job may be late, the deadline is not) |
 * | pending, in time | approve with an allowance that is wider than offered, or by the owner | refused, and nothing is recorded |
 * | pending, in time | approve by the admin token, where it is nobody's | refused: admin_token; its denial counts |
 * | pending, in time | where the requirement has a step-up: approve without a signature that counts | refused: signature_required, bad_signature, or signature_unknown where it cannot be checked now |
 * | its record does not fit its seals | any | refused: broken |
 * | anything else | any | refused: already_decided |
 */
export function judgeDecision(
  approval: Approval,
  word: DecisionRequest,
  approver: Approver,
  now: Date,
  current: CurrentApprovers,
): Judgement {
  const refuse = (reason: RefusalReason): Judgement => ({ kind: 'refused', reason, state: approval.state });

  if (isForged(approval)) return refuse('broken');
  if (approval.state !== 'pending') return refuse(approval.state === 'expired' ? 'expired' : 'already_decided');
  if (now >= approval.expiresAt) return refuse('expired');
  if (word.fingerprint !== null && !names(word.fingerprint, approval.fingerprint)) return refuse('other_call');

  const standing = standingOf(approval, word.choice, approver, now, current);
  if (standing.kind === 'refused') return refuse(standing.reason);
  const { persons } = current;
  const again = voidVoteOf(approval, approver.id, current);
  if (word.choice === 'approve') {
    if (approver.id === ADMIN && !VOTING.has(persons.adminToken)) return refuse('admin_token');
    if (again === null && hasVoted(approval, approver.id, persons)) return refuse('already_voted');
    const tooMuch =
      word.allowance === undefined
        ? null
        : beyondOffer(approval, word.allowance, standing.self || isOwnersSeat(approval, standing.rights, current));
    if (tooMuch !== null) return refuse(tooMuch);
  }
  const earlier = approval.decisions.find((d) => d.approver === approver.id) ?? null;

  const reason = word.reason?.trim() ? word.reason.trim() : null;
  if (word.choice === 'deny' && approval.requirement.denyReason === 'required' && reason === null) {
    return refuse('reason_required');
  }
  const person = persons.names.get(approver.id) ?? null;
  const rightful = { ...standing, rights: recorded(approval, standing) };
  const plain = vote(word.choice, reason, approver, person, rightful, now, signatureOf(approval, word));
  const offers = word.choice === 'approve' ? word.allowance : undefined;
  const decision = offers === undefined ? plain : { ...plain, offers };
  const unsigned = word.choice === 'approve' ? signatureFault(approval, decision, current) : null;
  if (unsigned !== null) return refuse(UNSIGNED[unsigned.kind]);
  if (word.choice === 'deny') return { kind: 'recorded', decision, next: 'denied', instead: earlier };
  const own = { userGroups: approver.userGroups };
  const voted = { ...approval, decisions: withDecision(approval.decisions, decision) };
  const { missing } = recount(voted, current, now, (each) => (each === decision ? own : null));
  const next = missing.length === 0 ? 'approved' : 'pending';
  return { kind: 'recorded', decision, next, instead: again };
}

const UNSIGNED = {
  missing: 'signature_required',
  bad: 'bad_signature',
  unknown: 'signature_unknown',
} as const satisfies Record<SignatureFault['kind'], RefusalReason>;

/** A no needs none, and a call that needs none keeps none. */
function signatureOf({ requirement }: Approval, { choice, signature }: DecisionRequest): VoteSignature | undefined {
  return choice === 'approve' && requirement.stepUp !== undefined ? signature : undefined;
}

const VOTING: ReadonlySet<string> = new Set<CurrentApprovers['persons']['adminToken']>(['somebody', 'a person']);

/** By what a vote counts is recorded only where it is not simply that of one who may approve. */
function recorded({ requirement }: Approval, { rights }: { readonly rights: readonly Right[] }): readonly Right[] {
  return requirement.places === undefined && rights.every(({ standIn }) => standIn === null) ? [] : rights;
}

/** Approvers whose approval would count for nothing: they may still stop the call. */
const MAY_DENY: ReadonlySet<Ineligible> = new Set(['no_place', 'stands_in_for_owner']);

/** Why a yes cannot be for the like as well; null: it can. A person can only narrow what policy offers. */
function beyondOffer(
  { trace, answersTo, requirement }: Approval,
  { minutes, calls }: AllowedBounds,
  self: boolean,
): RefusalReason | null {
  const offered = trace.allowance;
  // What has to be signed is signed one by one.
  if (requirement.stepUp !== undefined) return 'no_allowance';
  if (offered === undefined || offered.calls === 0 || answersTo !== null) return 'no_allowance';
  if (self) return 'own_allowance';
  return minutes <= offered.minutes && calls <= offered.calls ? null : 'too_wide';
}

/** Whether a vote counts in the owner's place only. */
function isOwnersSeat(approval: Approval, rights: readonly Right[], current: CurrentApprovers): boolean {
  return (
    rights.length > 0 &&
    rights.every(({ standIn }) => standIn !== null && isOwner(approval, { id: standIn.for }, current))
  );
}

/** Who may say yes is a matter of the requirement; no, also of whose agent it is, and of no places. */
function standingOf(
  approval: Approval,
  choice: Choice,
  approver: Approver,
  now: Date,
  current: CurrentApprovers,
): Eligibility {
  const standing = eligibility(approval, approver, now, current);
  if (choice === 'approve' || standing.kind === 'eligible') return standing;
  const may = MAY_DENY.has(standing.reason) || isOwner(approval, approver, current);
  return may ? { kind: 'eligible', self: false, userGroup: null, rights: [] } : standing;
}

/** Whether this person may deny it, whoever has to approve it. */
export function mayDenyCall(approval: Approval, approver: Approver, now: Date, current: CurrentApprovers): boolean {
  return standingOf(approval, 'deny', approver, now, current).kind === 'eligible';
}

/** The votes with this one: it takes the place of what the same person had said before. */
export function withDecision(decisions: readonly Decision[], decision: Decision): Decision[] {
  return [...decisions.filter(({ approver }) => approver !== decision.approver), decision];
}

function vote(
  choice: Choice,
  reason: string | null,
  approver: Approver,
  person: string | null,
  { self, userGroup, rights }: Pick<Decision, 'self' | 'userGroup'> & { readonly rights: readonly Right[] },
  now: Date,
  signature: VoteSignature | undefined,
): Decision {
  return {
    approver: approver.id,
    ...(person === null ? {} : { person }),
    choice,
    reason,
    via: approver.via,
    self,
    userGroup,
    ...(rights.length === 0 ? {} : { rights }),
    at: now,
    ...(signature === undefined ? {} : { signature }),
  };
}

/** Fingerprints are not secret, so a plain comparison is safe. */
function names(shown: string, fingerprint: string): boolean {
  return shown.length >= SHORTEST_PREFIX && fingerprint.startsWith(shown);
}

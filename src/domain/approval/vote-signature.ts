import type { Approval, Decision } from './approval.ts';
import { assertionFault } from './assertion.ts';
import { type CurrentApprovers, personOf } from './current.ts';
import { frozenParts, type RegisteredKey } from './signing.ts';

/** Milliseconds by which the clocks of two gateways may differ where times that they wrote are compared. */
const CLOCKS_DIFFER_MS = 5 * 60_000;

/** Why a vote does not count although its person may approve. `unknown`: that cannot be told now. */
export type SignatureFault = { readonly kind: 'bad' | 'missing' | 'unknown'; readonly why: string };

/**
 * What is wrong with the signature of a vote on a call that needs one; null: nothing, or the call needs none. It counts by a
 * key that is registered now, was so then, and is its person's; so a key that was revoked takes its votes back that nobody
 * has used yet.
 */
export function signatureFault(
  approval: Approval,
  { approver, choice, at, signature }: Pick<Decision, 'approver' | 'at' | 'choice' | 'signature'>,
  { persons, signing }: Pick<CurrentApprovers, 'persons' | 'signing'>,
): SignatureFault | null {
  const { stepUp } = approval.requirement;
  if (stepUp === undefined) return null;
  if (signature === undefined) return { kind: 'missing', why: `${approver} has not signed` };
  if (stepUp.origin === null) return { kind: 'bad', why: 'nobody could sign when this was asked' };
  if (!signing || signing.log === null) return { kind: 'unknown', why: 'signatures cannot be checked here now' };
  if (signing.keys === null) {
    return { kind: 'unknown', why: 'the registered passkeys are not what a gateway left, so no signature counts' };
  }
  const key = signing.keys.get(signature.key);
  if (key === undefined) return { kind: 'bad', why: `the passkey of ${approver} is not registered, or no longer` };
  if (personOf(persons, key.owner) !== personOf(persons, approver))
    return { kind: 'bad', why: `the passkey belongs to ${key.owner}, not to ${approver}` };
  if (!wasRegistered(key, at)) return { kind: 'bad', why: 'the passkey was registered after the vote' };
  const { proof, log } = signing;
  if (signature.frozen !== proof.sha256(frozenParts(approval)))
    return { kind: 'bad', why: 'what was signed is not what was frozen' };
  const vote = { log, approval: approval.id, fingerprint: approval.fingerprint, choice };
  const fault = assertionFault(proof, signature, vote, key, stepUp.origin);
  return fault === null ? null : { kind: 'bad', why: `the signature of ${approver} does not count: ${fault}` };
}

/**
 * The one yes of this person, given by this way, whose signature no longer counts (its passkey was revoked or suspended):
 * another can take its place. null: there is none, or one that counts, or that cannot be told now.
 */
export function voidVoteOf(approval: Approval, id: string, current: CurrentApprovers): Decision | null {
  const person = personOf(current.persons, id);
  const own = approval.decisions.filter(
    (vote) => vote.approver === id || vote.person === person || personOf(current.persons, vote.approver) === person,
  );
  const [only] = own;
  if (only === undefined || own.length > 1 || only.approver !== id || only.choice !== 'approve') return null;
  return signatureFault(approval, only, current)?.kind === 'bad' ? only : null;
}

function wasRegistered({ registeredAt }: RegisteredKey, at: Date): boolean {
  return registeredAt.getTime() <= at.getTime() + CLOCKS_DIFFER_MS;
}

/** A key on which a yes rests. */
export interface VoteKey {
  readonly key: string;
  /** As it was judged; empty: it was not found. */
  readonly publicKey: string;
}

/**
 * The keys on which these yeses rest. A commit that counts them finds each still registered; so `decisions` are those that
 * stand by a recount, and none that is void already.
 */
export function signersOf(
  { requirement, decisions }: Pick<Approval, 'decisions' | 'requirement'>,
  { signing }: Pick<CurrentApprovers, 'signing'>,
): readonly VoteKey[] {
  if (requirement.stepUp === undefined) return [];
  return decisions.flatMap(({ choice, signature }) => {
    if (choice !== 'approve' || signature === undefined) return [];
    return [{ key: signature.key, publicKey: signing?.keys?.get(signature.key)?.publicKey ?? '' }];
  });
}

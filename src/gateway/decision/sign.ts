import type { Approval, Approver, VoteSignature } from '../../domain/approval/approval.ts';
import { readAuthenticatorData } from '../../domain/approval/assertion.ts';
import { judgeDecision, type RefusalReason } from '../../domain/approval/decide.ts';
import { frozenParts, signedText } from '../../domain/approval/signing.ts';
import { signatureFault } from '../../domain/approval/vote-signature.ts';
import type { PersonKey } from '../../ports.ts';
import type { Gateway } from '../gateway.ts';
import { isSamePerson, type KeyDeps, suspendedEvent } from '../person/keys.ts';
import { issueNonce, type Signatory, spendNonce } from '../person/nonces.ts';
import { type Decided, decideApproval } from './decide.ts';
import { refuse } from './refuse.ts';
import { withSlackGroups } from './slack-groups.ts';

export interface SigningDeps extends KeyDeps {
  readonly gateway: KeyDeps['gateway'] & Parameters<typeof decideApproval>[0] & Pick<Gateway, 'cards'>;
}

/** What a passkey is asked to sign. Bytes are base64url. */
export type SigningPreparation =
  | {
      readonly kind: 'prepared';
      readonly nonce: string;
      readonly challenge: string;
      /** The name that the keys are bound to. */
      readonly rp: string;
      /** The ids of the person's keys. */
      readonly keys: readonly string[];
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly approval: Approval }
  | { readonly kind: 'cannot'; readonly why: string }
  | { readonly kind: 'not_found' };

/** Whose words an approver sends, and in which session. */
export interface SigningPerson {
  readonly approver: Approver;
  readonly login: string;
}

/**
 * Gives out what the yes of this person to this call has to sign, to whoever may approve it, by a user group of Slack too.
 * `nonce`: 256 random bits, base64url. Decides nothing.
 */
export async function prepareSigning(
  deps: SigningDeps,
  id: string,
  signer: SigningPerson,
  nonce: string,
): Promise<SigningPreparation> {
  const { gateway, keys, proof } = deps;
  const approval = await gateway.store.find(id);
  if (approval === null) return { kind: 'not_found' };
  const { stepUp } = approval.requirement;
  if (stepUp === undefined) return { kind: 'cannot', why: 'This call needs no signature. Approve it like any other.' };
  const word = { choice: 'approve', reason: null, fingerprint: null } as const;
  // Whether an earlier vote still counts is known by the keys as they are now.
  await gateway.rules.refresh(approval);
  const approver = await withSlackGroups(gateway, approval, signer.approver);
  const ahead = judgeDecision(approval, word, approver, gateway.clock.now(), gateway.rules.approvers(approval));
  // Everything else fits, and the signature is what is to be made now.
  if (ahead.kind === 'refused' && ahead.reason !== 'signature_required')
    return { kind: 'refused', reason: ahead.reason, approval };
  const log = gateway.rules.approvers(approval).signing?.log ?? null;
  if (stepUp.origin === null || log === null) return { kind: 'cannot', why: NOBODY };
  const { hostname } = new URL(stepUp.origin);
  const own = (await keys.list()).filter((key) => isGood(key) && isSamePerson(deps, key.owner, signer.approver.id));
  const here = own.filter(({ origin }) => new URL(origin).hostname === hostname);
  if (here.length === 0) return { kind: 'cannot', why: own.length === 0 ? NO_KEY : OTHER_HOST };
  const purpose = { purpose: 'approve', approval: id, choice: 'approve' } as const;
  if (!(await issueNonce(deps, nonce, signatory(signer), purpose)))
    return { kind: 'cannot', why: 'You have begun this too often in this session. Wait five minutes.' };
  const frozen = proof.sha256(frozenParts(approval));
  const vote = { nonce, log, approval: id, fingerprint: approval.fingerprint, choice: 'approve', frozen } as const;
  const challenge = proof.challenge(signedText(vote));
  return { kind: 'prepared', nonce, challenge, rp: hostname, keys: here.map((key) => key.id) };
}

/** What the browser sends back, besides the nonce. */
export type Assertion = Pick<VoteSignature, 'authenticatorData' | 'clientData' | 'key' | 'nonce' | 'signature'>;

export type SignedDecision =
  | Decided
  /** The signature does not count. `why`: a sentence, for the person. */
  | { readonly kind: 'unsigned'; readonly why: string };

/**
 * Records a yes that a passkey signed, or refuses it. The nonce is used up first, whatever comes of it; then the key's counter
 * goes on, or the key is suspended; then the vote is judged, with its signature, like any other.
 *
 * | race or crash | what happens |
 * |---|---|
 * | the same assertion twice, at once or later | the nonce is gone for the second |
 * | a crash before the vote is committed | no vote; the person signs again |
 * | the key is revoked meanwhile | the commit finds it over; the vote is judged again and refused |
 * | two signatures by one key at once | both count, if the counter goes up in the order in which they come; else the key is suspended |
 */
export async function decideBySignature(
  deps: SigningDeps,
  id: string,
  given: Assertion,
  signer: SigningPerson,
  word: { readonly reason: string | null; readonly fingerprint: string | null },
): Promise<SignedDecision> {
  const { gateway, keys, proof } = deps;
  const { approver } = signer;
  const purpose = { purpose: 'approve', approval: id, choice: 'approve' } as const;
  const used = await spendNonce(deps, given.nonce, signatory(signer), purpose);
  const approval = await gateway.store.find(id);
  if (approval === null) return { kind: 'not_found' };
  if (used !== null) return unsigned(gateway, approval, approver, `this signature does not count: ${used}`);
  const signature: VoteSignature = { v: 1, frozen: proof.sha256(frozenParts(approval)), ...given };
  const at = gateway.clock.now();
  await gateway.rules.refresh(approval);
  const vote = { approver: approver.id, choice: 'approve', at, signature } as const;
  const fault = signatureFault(approval, vote, gateway.rules.approvers(approval));
  if (fault !== null) return unsigned(gateway, approval, approver, fault.why);
  if (approval.requirement.stepUp !== undefined) {
    const counted = await count(deps, keys, given);
    if (counted !== null) return unsigned(gateway, approval, approver, counted);
  }
  const { pickupMs } = gateway.rules.approval;
  const grouped = await withSlackGroups(gateway, approval, approver);
  return decideApproval(gateway, id, { choice: 'approve', ...word, signature }, grouped, { pickupMs });
}

/** The key's counter goes on. What is wrong with it, in words; null: nothing. */
async function count(deps: SigningDeps, keys: KeyDeps['keys'], given: Assertion): Promise<string | null> {
  const { gateway, proof } = deps;
  const counter = readAuthenticatorData(proof.bytes(given.authenticatorData)!)!.counter;
  const key = (await keys.list()).find(({ id }) => id === given.key);
  if (key === undefined) return 'the passkey is not registered, or no longer';
  const used = await keys.used(key.id, counter, gateway.clock.now(), suspendedEvent(deps, key, counter));
  await gateway.storeWatch.tellSets();
  switch (used) {
    case 'taken':
      return null;
    case 'suspended':
      return `the counter of the passkey went back (${counter} after ${key.counter}), so there may be a copy of it. It is suspended: register a new one, and tell your operators`;
    case 'gone':
      return 'the passkey is not registered, or no longer';
    default:
      return used satisfies never;
  }
}

async function unsigned(
  gateway: Pick<Gateway, 'clock' | 'store'>,
  approval: Approval,
  approver: Approver,
  why: string,
): Promise<SignedDecision> {
  await refuse(gateway, approval, { approver, reason: 'bad_signature', choice: 'approve', why });
  return { kind: 'unsigned', why: `Nothing was approved: ${why}.` };
}

function signatory({ approver, login }: SigningPerson): Signatory {
  return { id: approver.id, login };
}

function isGood({ registeredAt, endedAt }: PersonKey): boolean {
  return registeredAt !== null && endedAt === null;
}

const NOBODY =
  'Nobody can approve this call: when it was asked about there was no place here to sign (oidc in the config, and HOLDFAST_PUBLIC_URL with https and a name, or localhost). Deny it, set that up, and let the agent ask again.';
const NO_KEY =
  'You have no registered passkey. Add one on the page Passkeys; then a second person, an operator, registers it.';
const OTHER_HOST =
  'Your passkeys belong to another address than the one at which this call has to be signed. Add one on the page Passkeys there.';

import { type Json, member } from '../json/json.ts';
import type { VoteSignature } from './approval.ts';
import { type PasskeyProof, type PublicPasskey, type SignedVote, signedText } from './signing.ts';

/** Bits of the flags (WebAuthn, section 6.1). */
const USER_PRESENT = 0x01;
const USER_VERIFIED = 0x04;
/** SHA-256 of the name that the key is bound to, one byte of flags, four of the counter. */
const HEAD_BYTES = 37;

/** What an authenticator says besides its signature. `counter`: 0 where it has none. */
export interface AuthenticatorSays {
  readonly rpIdHash: string;
  readonly flags: number;
  readonly counter: number;
}

/** null: too short to be one. */
export function readAuthenticatorData(bytes: Uint8Array): AuthenticatorSays | null {
  if (bytes.byteLength < HEAD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rpIdHash = [...bytes.subarray(0, 32)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return { rpIdHash, flags: bytes[32]!, counter: view.getUint32(33) };
}

/**
 * What is wrong with an assertion as a signature by this key over this vote; null: nothing. Pure: the same for whoever
 * takes it, for whoever spends the pass, and for an auditor with the log alone. `origin`: where it must have been made.
 *
 * | part | must |
 * |---|---|
 * | client data | be of the type `webauthn.get`, hold the challenge, be of this origin, and not be framed by another one |
 * | authenticator data | be for the origin's host, with the person present and verified |
 * | signature | be the key's, by the algorithm that the key was registered for |
 */
export function assertionFault(
  proof: PasskeyProof,
  given: VoteSignature,
  vote: Omit<SignedVote, 'frozen' | 'nonce'>,
  key: PublicPasskey,
  origin: string,
): string | null {
  const authenticatorData = proof.bytes(given.authenticatorData);
  const clientData = proof.bytes(given.clientData);
  const signature = proof.bytes(given.signature);
  if (authenticatorData === null || clientData === null || signature === null) return 'it is not base64url';
  const challenge = proof.challenge(signedText({ ...vote, nonce: given.nonce, frozen: given.frozen }));
  const client = clientDataFault(clientData, challenge, origin);
  if (client !== null) return client;
  const says = readAuthenticatorData(authenticatorData);
  if (says === null) return 'its authenticator data is too short';
  if (says.rpIdHash !== proof.sha256(new URL(origin).hostname)) return 'it was made for another host';
  if ((says.flags & USER_PRESENT) === 0) return 'nobody was present';
  if ((says.flags & USER_VERIFIED) === 0) return 'the person was not verified (PIN, finger or face)';
  if (!proof.signed(key, authenticatorData, clientData, signature)) return 'the signature is not that of the key';
  return null;
}

function clientDataFault(bytes: Uint8Array, challenge: string, origin: string): string | null {
  let read: Json;
  try {
    read = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch {
    return 'its client data is not JSON';
  }
  if (member(read, 'type') !== 'webauthn.get') return 'it was not made to sign in or approve (type)';
  if (member(read, 'challenge') !== challenge) return 'it signs something else (challenge)';
  if (member(read, 'origin') !== origin) return `it was made at another origin than ${origin}`;
  const crossOrigin = member(read, 'crossOrigin');
  if (crossOrigin !== undefined && crossOrigin !== false)
    return 'it was made in a page within another one (crossOrigin)';
  if (member(read, 'topOrigin') !== undefined) return 'it was made in a page within another one (topOrigin)';
  return null;
}

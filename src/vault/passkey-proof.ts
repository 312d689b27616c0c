import { createHash, createPublicKey, hash, type KeyObject, verify } from 'node:crypto';
import type { PasskeyProof, PublicPasskey, SigningAlgorithm } from '../domain/approval/signing.ts';

/** Keys that are remembered as they were read. */
const MOST_KNOWN = 500;
/** Shortest RSA key, in bits. */
const SHORTEST_RSA = 2_048;

/** What the check of a passkey's signature computes. It needs no secret. */
export function passkeyProof(): PasskeyProof {
  const known = new Map<string, KeyObject | null>();
  const keyOf = (key: PublicPasskey): KeyObject | null => {
    const name = `${key.algorithm} ${key.publicKey}`;
    let made = known.get(name);
    if (made === undefined) {
      if (known.size >= MOST_KNOWN) known.clear();
      made = publicPasskey(key);
      known.set(name, made);
    }
    return made;
  };
  return {
    sha256: (text) => hash('sha256', text),
    bytes: (text) => (/^[\w-]*$/.test(text) ? Buffer.from(text, 'base64url') : null),
    challenge: (text) => createHash('sha256').update(text).digest('base64url'),
    signed: (key, authenticatorData, clientData, signature) => {
      const made = keyOf(key);
      if (made === null) return false;
      const data = Buffer.concat([authenticatorData, createHash('sha256').update(clientData).digest()]);
      try {
        return verify(key.algorithm === -8 ? null : 'sha256', data, made, signature);
      } catch {
        return false;
      }
    },
  };
}

/** null: it is no public key of the kind that its algorithm takes. */
export function publicPasskey({ publicKey, algorithm }: PublicPasskey): KeyObject | null {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64url'), format: 'der', type: 'spki' });
    return isOfAlgorithm(key, algorithm) ? key : null;
  } catch {
    return null;
  }
}

function isOfAlgorithm({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject, algorithm: SigningAlgorithm): boolean {
  switch (algorithm) {
    case -7:
      return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1';
    case -8:
      return asymmetricKeyType === 'ed25519';
    case -257:
      return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= SHORTEST_RSA;
    default:
      return algorithm satisfies never;
  }
}

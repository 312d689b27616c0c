import { createPublicKey } from 'node:crypto';
import type { RegistrationResponseJSON } from '@simplewebauthn/server';
import type { cose as Cose } from '@simplewebauthn/server/helpers';
import { isSigningAlgorithm, SIGNING_ALGORITHMS } from '../domain/approval/signing.ts';
import type { Passkeys } from '../ports.ts';

/** Longest id of a credential, in bytes (WebAuthn, section 4). */
const LONGEST_ID = 1_023;
const LONGEST_NOTED = 200;

/** With all that it can judge of certificates, the library takes a tenth of a start, and a passkey is made once a year. */
async function loaded() {
  const [server, helpers] = await Promise.all([
    import('@simplewebauthn/server'),
    import('@simplewebauthn/server/helpers'),
  ]);
  return { ...server, ...helpers };
}

type Library = Awaited<ReturnType<typeof loaded>>;

/** The `Passkeys` port. No attestation is asked for, and what one says about the device is not kept. */
export function passkeys(): Passkeys {
  return {
    read: async (credential, { challenge, origin }) => {
      const library = await loaded();
      try {
        const verified = await library.verifyRegistrationResponse({
          response: credential as RegistrationResponseJSON,
          expectedChallenge: challenge,
          expectedOrigin: origin,
          expectedRPID: new URL(origin).hostname,
          requireUserPresence: true,
          requireUserVerification: true,
          supportedAlgorithmIDs: [...SIGNING_ALGORITHMS],
        });
        if (!verified.verified) return { kind: 'refused', why: 'its statement does not fit' };
        const { id, publicKey, counter } = verified.registrationInfo.credential;
        if (!/^[\w-]+$/.test(id) || Buffer.from(id, 'base64url').byteLength > LONGEST_ID)
          return { kind: 'refused', why: 'its id is too long' };
        const read = spkiOf(library, publicKey);
        if (read === null) return { kind: 'refused', why: 'its key is of a kind that is not taken' };
        return { kind: 'made', id, counter, ...read };
      } catch (error) {
        // The library throws for everything that does not fit, and for what is malformed.
        const why = error instanceof Error ? error.message : 'it is malformed';
        return { kind: 'refused', why: why.replaceAll(/\p{C}/gu, ' ').slice(0, LONGEST_NOTED) };
      }
    },
  };
}

/** The key as SPKI with its one algorithm; null: another kind. */
function spkiOf({ cose, decodeCredentialPublicKey }: Library, bytes: Uint8Array<ArrayBuffer>) {
  const key = decodeCredentialPublicKey(bytes);
  const algorithm: unknown = key.get(cose.COSEKEYS.alg);
  if (!isSigningAlgorithm(algorithm)) return null;
  const jwk = jwkOf(cose, key);
  if (jwk === null) return null;
  const spki = createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'der', type: 'spki' });
  return { algorithm, publicKey: spki.toString('base64url') };
}

function jwkOf(cose: typeof Cose, key: Cose.COSEPublicKey): Record<string, string> | null {
  if (cose.isCOSEPublicKeyEC2(key) && key.get(cose.COSEKEYS.crv) === cose.COSECRV.P256) {
    return { kty: 'EC', crv: 'P-256', x: text(key.get(cose.COSEKEYS.x)), y: text(key.get(cose.COSEKEYS.y)) };
  }
  if (cose.isCOSEPublicKeyOKP(key) && key.get(cose.COSEKEYS.crv) === cose.COSECRV.ED25519) {
    return { kty: 'OKP', crv: 'Ed25519', x: text(key.get(cose.COSEKEYS.x)) };
  }
  if (cose.isCOSEPublicKeyRSA(key)) {
    return { kty: 'RSA', n: text(key.get(cose.COSEKEYS.n)), e: text(key.get(cose.COSEKEYS.e)) };
  }
  return null;
}

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('base64url');
}

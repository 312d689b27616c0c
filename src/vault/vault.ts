import { createHmac, randomBytes } from 'node:crypto';
import { canonical } from '../domain/json/canonical.ts';
import type { Vault } from '../ports.ts';
import { breathe } from '../time/breathe.ts';
import { openBox, sealBox } from './box.ts';
import { discloseBy, encloseBy } from './enclosure.ts';
import { type KeyRing, keyRing, type Purpose } from './keys.ts';
import { proof } from './proof.ts';
import { type SigningKey, signingKey } from './signing.ts';

/** Bytes that are digested at once. */
const PIECE = 1024 * 1024;

/** `secrets`: the values of `HOLDFAST_SECRET`, newest first. The first one seals; any of them opens what it sealed. */
export function vault(secrets: readonly [string, ...string[]]): Vault {
  const rings = secrets.map(keyRing);
  const newest = rings[0]!;
  const proven = proof();
  let signing: readonly SigningKey[] | null = null;
  /** Made only when a signature or a public key is asked for. */
  const signers = (): readonly SigningKey[] => {
    signing ??= rings.map(signingKey);
    return signing;
  };
  const digestBy = (ring: KeyRing, purpose: Purpose, text: string | Uint8Array): string =>
    createHmac('sha256', ring.key(purpose)).update(text).digest('hex');
  return {
    fingerprints: (material) => {
      const text = canonical(material);
      return rings.map((ring) => createHmac('sha256', ring.key('fingerprint')).update(text).digest('hex'));
    },
    seal: (purpose, row, bytes) => sealBox(newest, purpose, row, bytes),
    open: (purpose, row, sealed) => openBox(rings, purpose, row, sealed),
    random: (octets) => randomBytes(octets).toString('hex'),
    enclose: encloseBy,
    disclose: discloseBy,
    digest: (purpose, text) => digestBy(newest, purpose, text),
    digestInPieces: async (purpose, bytes) => {
      const digest = createHmac('sha256', newest.key(purpose));
      for (let at = 0; at < bytes.length; at += PIECE) {
        if (at > 0) await breathe();
        digest.update(bytes.subarray(at, at + PIECE));
      }
      return digest.digest('hex');
    },
    digests: (purpose, text) => rings.map((ring) => digestBy(ring, purpose, text)),
    sign: (text, key) => {
      const by = key === undefined ? signers()[0] : signers().find(({ publicKey }) => publicKey === key);
      if (by === undefined) throw new Error('no listed secret has this key');
      return by.sign(text);
    },
    verifies: proven.verifies,
    proof: proven,
    get publicKeys() {
      return signers().map(({ publicKey }) => publicKey);
    },
  };
}

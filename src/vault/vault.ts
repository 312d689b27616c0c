import { createHmac } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Vault } from '../ports.ts';
import { openBox, sealBox } from './box.ts';
import { keyRing } from './keys.ts';
import { signingKey } from './signing.ts';

/** `secrets`: the values of `HOLDFAST_SECRET`, newest first. The first seals, all of them open. */
export function vault(secrets: readonly [string, ...string[]]): Vault {
  const rings = secrets.map(keyRing);
  const newest = rings[0]!;
  const signing = rings.map(signingKey);
  return {
    fingerprints: (material) => {
      const text = canonicalize(material);
      if (text === undefined) throw new Error('the call has no canonical form');
      return rings.map((ring) => createHmac('sha256', ring.key('fingerprint')).update(text).digest('hex'));
    },
    seal: (purpose, row, bytes) => sealBox(newest, purpose, row, bytes),
    open: (purpose, row, sealed) => openBox(rings, purpose, row, sealed),
    digest: (purpose, text) => createHmac('sha256', newest.key(purpose)).update(text).digest('hex'),
    sign: (text) => signing[0]!.sign(text),
    publicKeys: signing.map(({ publicKey }) => publicKey),
  };
}

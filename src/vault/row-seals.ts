import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { SealKind, Seals } from '../ports.ts';
import { type KeyRing, keyRing } from './keys.ts';

/** The first character of a seal: how it is made. */
const VERSION = '1';
/** Hex digits of the secret's id, and of the MAC: 32 and 128 bits. */
const ID = 8;
const MAC = 32;

/** `secrets`: the values of `HOLDFAST_SECRET`, newest first. The first one seals; any of them is recognised. */
export function rowSeals(secrets: readonly [string, ...string[]]): Seals {
  const rings = secrets.map(keyRing).map((ring) => ({ ring, id: ring.id.toString('hex') }));
  const newest = rings[0]!;
  const retired = new Set<string>();
  return {
    seal: (kind, text) => `${VERSION}${newest.id}${macOf(newest.ring, kind, text).toString('hex')}`,
    fits: (kind, text, seal) => {
      if (seal === null || seal.length !== 1 + ID + MAC || seal[0] !== VERSION) return false;
      const id = seal.slice(1, 1 + ID);
      const found = rings.find((one) => one.id === id);
      if (found === undefined) return false;
      const given = Buffer.from(seal.slice(1 + ID), 'hex');
      const right = macOf(found.ring, kind, text);
      return given.length === right.length && timingSafeEqual(given, right);
    },
    maker: (seal) => {
      if (seal === null || seal.length !== 1 + ID + MAC || seal[0] !== VERSION) return 'unknown';
      const id = seal.slice(1, 1 + ID);
      if (id === newest.id) return 'newest';
      if (rings.some((one) => one.id === id)) return 'older';
      return retired.has(seal.slice(0, 1 + ID)) ? 'retired' : 'unknown';
    },
    prefix: `${VERSION}${newest.id}`,
    get earlier() {
      return [...new Set([...rings.slice(1).map(({ id }) => `${VERSION}${id}`), ...retired])];
    },
    retire: (prefixes) => {
      for (const prefix of prefixes) retired.add(prefix);
    },
    digest: (...texts) => {
      const hash = createHash('sha256');
      // Each text with its length before it, so that no other division of the same characters has this digest.
      for (const text of texts) hash.update(`${text.length}:`).update(text);
      return hash.digest('hex');
    },
  };
}

/** The kind is part of what is sealed; no kind's name holds a line break. */
function macOf(ring: KeyRing, kind: SealKind, text: string): Buffer {
  return createHmac('sha256', ring.key('seal'))
    .update(`${kind}\n`)
    .update(text)
    .digest()
    .subarray(0, MAC / 2);
}

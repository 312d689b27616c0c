import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SealKind, Seals } from '../ports.ts';
import { type KeyRing, keyRing } from './keys.ts';

/** The first character of a seal: how it is made. */
const VERSION = '1';
/** Hex digits of the secret's id, of what makes an event's seal its own, and of the MAC: 32, 64 and 128 bits. */
const ID = 8;
const OWN = 16;
const MAC = 32;

/** These name their log themselves, and are read before it is known which one it is. */
const OF_NO_LOG: ReadonlySet<SealKind> = new Set(['epoch', 'witness']);

/** `secrets`: the values of `HOLDFAST_SECRET`, newest first. The first one seals; any of them is recognised. */
export function rowSeals(secrets: readonly [string, ...string[]]): Seals {
  const rings = secrets.map(keyRing).map((ring) => ({ ring, id: ring.id.toString('hex') }));
  const newest = rings[0]!;
  const retired = new Map<string, number>();
  let unsealedUntil: number | null = null;
  const nextOwn = owns();
  let bound = '';
  const make = (kind: SealKind, text: string, own: string, { ring, id } = newest): string => {
    const mac = macOf(ring, kind, OF_NO_LOG.has(kind) ? '' : bound, own, text);
    return `${VERSION}${id}${own}${mac.toString('hex')}`;
  };
  const known = new KnownSeals();
  const fitsIn = (log: string, kind: SealKind, text: string, seal: string | null): boolean => {
    if (!isSeal(seal)) return false;
    if (known.has(seal, log, kind, text)) return true;
    const id = seal.slice(1, 1 + ID);
    const found = rings.find((one) => one.id === id);
    if (found === undefined) return false;
    const given = Buffer.from(seal.slice(-MAC), 'hex');
    const right = macOf(found.ring, kind, OF_NO_LOG.has(kind) ? '' : log, seal.slice(1 + ID, -MAC), text);
    const isRight = given.length === right.length && timingSafeEqual(given, right);
    if (isRight && kind !== 'event') known.add(seal, log, kind, text);
    return isRight;
  };
  return {
    bind: (log) => {
      bound = log;
    },
    seal: (kind, text) => {
      const seal = make(kind, text, '');
      // It is read back in a moment: by the statement that writes it, and by whoever waits for that.
      known.add(seal, bound, kind, text);
      return seal;
    },
    sealEach: (kind, text) => rings.map((ring) => make(kind, text, '', ring)),
    sealOnce: (kind, text) => make(kind, text, nextOwn()),
    fits: (kind, text, seal) => fitsIn(bound, kind, text, seal),
    fitsIn,
    maker: (seal) => {
      if (!isSeal(seal)) return 'unknown';
      const id = seal.slice(1, 1 + ID);
      if (id === newest.id) return 'newest';
      if (rings.some((one) => one.id === id)) return 'older';
      return retired.has(seal.slice(0, 1 + ID)) ? 'retired' : 'unknown';
    },
    prefix: `${VERSION}${newest.id}`,
    get earlier() {
      return [...new Set([...rings.slice(1).map(({ id }) => `${VERSION}${id}`), ...retired.keys()])];
    },
    retire: (ends) => {
      for (const [prefix, seq] of ends) retired.set(prefix, seq);
    },
    mayLack: (seq) => unsealedUntil === null || seq <= unsealedUntil,
    mayLackUntil: (seq) => {
      unsealedUntil = Math.max(unsealedUntil ?? 0, seq);
    },
    wasGood: (seal, seq) => isSeal(seal) && seq < (retired.get(seal.slice(0, 1 + ID)) ?? 0),
    digest: digests(),
  };
}

/** Digests of texts that were asked for lately are remembered, if they are not long. */
function digests(): Seals['digest'] {
  const known = new Map<string, string>();
  return (...texts) => {
    // Each text with its length before it, so that no other division of the same characters has this digest.
    let together = '';
    for (const text of texts) together += `${text.length}:${text}`;
    const before = known.get(together);
    if (before !== undefined) return before;
    const digest = createHash('sha256').update(together).digest('hex');
    if (together.length > LONGEST_KNOWN) return digest;
    known.set(together, digest);
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value!);
    return digest;
  };
}

/** Seals and digests that are remembered, and the longest text of one, in UTF-16 units: 4 MB at most in all. */
const MOST_KNOWN = 1_000;
const LONGEST_KNOWN = 2_000;

/**
 * Seals that were made or found right lately, with all that they cover: one decision reads the same row several times, and
 * comparing the text costs a tenth of making the MAC again.
 */
class KnownSeals {
  readonly #texts = new Map<string, string>();

  has(seal: string, log: string, kind: SealKind, text: string): boolean {
    return this.#texts.get(seal) === covered(log, kind, text);
  }

  add(seal: string, log: string, kind: SealKind, text: string): void {
    if (text.length > LONGEST_KNOWN) return;
    this.#texts.set(seal, covered(log, kind, text));
    if (this.#texts.size > MOST_KNOWN) this.#texts.delete(this.#texts.keys().next().value!);
  }
}

function covered(log: string, kind: SealKind, text: string): string {
  return `${kind}\n${log}\n${text}`;
}

function isSeal(seal: string | null): seal is string {
  if (seal === null || seal[0] !== VERSION) return false;
  return seal.length === 1 + ID + MAC || seal.length === 1 + ID + OWN + MAC;
}

/** Numbers that no process uses twice, and no two processes share: 32 random bits, and a count. */
function owns(): () => string {
  let process = '';
  let count = 0;
  return () => {
    if (process === '' || count > 0xff_ff_ff_ff) {
      process = randomBytes(4).toString('hex');
      count = 0;
    }
    const own = process + count.toString(16).padStart(OWN / 2, '0');
    count += 1;
    return own;
  };
}

/** The kind is part of what is sealed, and so are the log and what makes the seal its own; none of them holds a line break. */
function macOf(ring: KeyRing, kind: SealKind, log: string, own: string, text: string): Buffer {
  return createHmac('sha256', ring.key('seal'))
    .update(`${kind}\n${log}\n${own}\n${text}`)
    .digest()
    .subarray(0, MAC / 2);
}

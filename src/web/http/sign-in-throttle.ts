/** Failed sign-ins per window, from one address and from all addresses. */
const MAX_PER_ADDRESS = 10;
const MAX_IN_ALL = 60;
const WINDOW_MS = 60_000;
/** Addresses remembered at once. More within one window is an attack, which the total stops. */
const MAX_ADDRESSES = 5_000;

interface Count {
  used: number;
  readonly endsAt: number;
}

/**
 * Slows down the guessing of credentials, per address and over all addresses, because an attacker has many. Counts are
 * kept per process: with several replicas an attacker gets this many attempts at each.
 */
export class SignInThrottle {
  readonly #addresses = new Map<string, Count>();
  #all: Count = { used: 0, endsAt: 0 };

  /** Uses up one attempt. When none is left, uses none and returns the seconds to wait; otherwise null. */
  take(address: string, now: Date): number | null {
    const at = now.getTime();
    const key = bucketOf(address);
    const own = open(this.#addresses.get(key), at);
    this.#all = open(this.#all, at);
    if (this.#all.used >= MAX_IN_ALL) return secondsUntil(this.#all, at);
    if (own.used >= MAX_PER_ADDRESS) return secondsUntil(own, at);
    own.used += 1;
    this.#all.used += 1;
    this.#addresses.delete(key);
    this.#addresses.set(key, own);
    if (this.#addresses.size > MAX_ADDRESSES) this.#addresses.delete(this.#addresses.keys().next().value!);
    return null;
  }

  /** Gives the attempt back: it succeeded, so it does not count. */
  giveBack(address: string): void {
    const own = this.#addresses.get(bucketOf(address));
    if (own !== undefined && own.used > 0) own.used -= 1;
    if (this.#all.used > 0) this.#all.used -= 1;
  }
}

/** The count itself while its window lasts, else a new one. */
function open(count: Count | undefined, at: number): Count {
  return count !== undefined && at < count.endsAt ? count : { used: 0, endsAt: at + WINDOW_MS };
}

function secondsUntil(count: Count, at: number): number {
  return Math.max(1, Math.ceil((count.endsAt - at) / 1_000));
}

/** What counts as one address. For IPv6 it is the /64, because one host usually has all of it. */
function bucketOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((g) => g !== '').length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}

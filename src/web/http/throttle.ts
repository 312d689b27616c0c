/** Failed sign-ins that are looked at within a window, from one address and from all. */
const MOST_HERE = 10;
const MOST_ANYWHERE = 60;
const WINDOW_MS = 60_000;
/** Addresses that are remembered; the window is short, so more than this is an attack that the total stops. */
const MOST_ADDRESSES = 5_000;

interface Count {
  used: number;
  readonly endsAt: number;
}

/**
 * Slows down guessing: per address, and over all addresses, because an attacker has many. Counts live in this process;
 * with several replicas a guesser gets as many tries as there are replicas times these.
 */
export class Throttle {
  readonly #addresses = new Map<string, Count>();
  #all: Count = { used: 0, endsAt: 0 };

  /** Takes one try. Returns the seconds to wait when there is none left; nothing was taken then. */
  take(address: string, now: Date): number | null {
    const at = now.getTime();
    const key = bucketOf(address);
    const here = open(this.#addresses.get(key), at);
    this.#all = open(this.#all, at);
    if (this.#all.used >= MOST_ANYWHERE) return secondsUntil(this.#all, at);
    if (here.used >= MOST_HERE) return secondsUntil(here, at);
    here.used += 1;
    this.#all.used += 1;
    this.#addresses.delete(key);
    this.#addresses.set(key, here);
    if (this.#addresses.size > MOST_ADDRESSES) this.#addresses.delete(this.#addresses.keys().next().value!);
    return null;
  }

  /** The try was good: it does not count. */
  giveBack(address: string): void {
    const here = this.#addresses.get(bucketOf(address));
    if (here !== undefined && here.used > 0) here.used -= 1;
    if (this.#all.used > 0) this.#all.used -= 1;
  }
}

function open(count: Count | undefined, at: number): Count {
  return count !== undefined && at < count.endsAt ? count : { used: 0, endsAt: at + WINDOW_MS };
}

function secondsUntil(count: Count, at: number): number {
  return Math.max(1, Math.ceil((count.endsAt - at) / 1_000));
}

/** An IPv6 host has a whole /64 to itself. */
function bucketOf(address: string): string {
  if (!address.includes(':') || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':').filter((group) => group !== '');
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(':').filter((g) => g !== '').length;
  return [...groups, ...Array<string>(Math.max(0, missing)).fill('0')].slice(0, 4).join(':');
}

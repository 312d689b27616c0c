/*
 * Where a request comes from, as far as one can count by it.
 *
 * The peer of a socket cannot be forged. `X-Forwarded-For` can, so it is believed only where the peer is a proxy that
 * the configuration names, and only as far back as named proxies wrote it.
 */

/** What tells where a request came from: the context of its HTTP server, or the same made of node:http's parts. */
export interface RequestOrigin {
  readonly env: unknown;
  readonly req: { header(name: string): string | undefined };
}

/** Addresses of proxies: networks as bits and a prefix. */
export type TrustedProxies = readonly { readonly bits: bigint; readonly width: 32 | 128; readonly prefix: number }[];

/** Addresses in one `X-Forwarded-For` that are looked at, from its end. */
const MAX_HOPS = 16;

/** Reads addresses and networks: `10.0.0.0/8`, `::1`. Words that are neither are left out; `notProxy` finds them. */
export function trustedProxies(words: readonly string[]): TrustedProxies {
  return words.map(networkOf).filter((network) => network !== null);
}

/** The first word that is no address and no network. */
export function notProxy(words: readonly string[]): string | undefined {
  return words.find((word) => networkOf(word) === null);
}

function networkOf(word: string): TrustedProxies[number] | null {
  const [address = '', length, ...rest] = word.split('/');
  const parsed = bitsOf(address);
  if (parsed === null || rest.length > 0) return null;
  if (length === undefined) return { ...parsed, prefix: parsed.width };
  return /^\d{1,3}$/.test(length) && Number(length) <= parsed.width ? { ...parsed, prefix: Number(length) } : null;
}

/**
 * The address that a request came from. `peer`: the other end of the socket; null where nobody knows. `forwarded`:
 * `X-Forwarded-For`. Behind trusted proxies it is the last address that none of them has.
 */
export function requestAddress(
  peer: string | null,
  forwarded: string | undefined,
  trusted: TrustedProxies,
): string | null {
  if (peer === null || forwarded === undefined || !isTrusted(peer, trusted)) return peer;
  let last = peer;
  for (const hop of forwarded.split(',').slice(-MAX_HOPS).reverse()) {
    const address = hop
      .trim()
      .replace(/^\[(.*)\](:\d+)?$/, '$1')
      .replace(/^([\d.]+):\d+$/, '$1');
    if (bitsOf(address) === null) return last;
    last = address;
    if (!isTrusted(address, trusted)) return last;
  }
  return last;
}

export function isTrusted(address: string, trusted: TrustedProxies): boolean {
  const parsed = bitsOf(address);
  if (parsed === null) return false;
  return trusted.some(({ bits, width, prefix }) => {
    const rest = BigInt(width - prefix);
    return width === parsed.width && bits >> rest === parsed.bits >> rest;
  });
}

/** What counts as one source. For IPv6 it is the /64, because one host usually has all of it. */
export function sourceOf(address: string | null): string {
  const parsed = address === null ? null : bitsOf(address);
  if (parsed === null) return 'unknown';
  return parsed.width === 32 ? `4:${parsed.bits}` : `6:${parsed.bits >> 64n}`;
}

/** An address as a number; an IPv4 address in IPv6's form is an IPv4 address. null: not an address. */
function bitsOf(address: string): { readonly bits: bigint; readonly width: 32 | 128 } | null {
  const v4 = bitsOfV4(address);
  if (v4 !== null) return { bits: v4, width: 32 };
  const bits = bitsOfV6(address);
  if (bits === null) return null;
  return bits >> 32n === 0xffffn ? { bits: bits & 0xffffffffn, width: 32 } : { bits, width: 128 };
}

function bitsOfV4(address: string): bigint | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address)?.slice(1).map(Number);
  if (parts === undefined || parts.some((part) => part > 255)) return null;
  return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function bitsOfV6(address: string): bigint | null {
  const [plain = ''] = address.split('%');
  if (plain.length > 45 || !plain.includes(':')) return null;
  // Its last 32 bits may be written as an IPv4 address.
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  const v4 = tail === null ? null : bitsOfV4(tail[2]!);
  if (tail !== null && v4 === null) return null;
  const text = v4 === null ? plain : `${tail![1]}${(v4 >> 16n).toString(16)}:${(v4 & 0xffffn).toString(16)}`;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head = [], end = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - end.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const groups = [...head, ...Array<string>(missing).fill('0'), ...end];
  if (groups.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** Where the gateway is reached; asked at each request, because a listener may get its port late. */
export interface OwnAddresses {
  /** Host header values that are ours, in lower case, with the port where it is not the scheme's own. */
  readonly hosts: () => ReadonlySet<string>;
  /** Without a trailing slash. */
  readonly publicUrl: () => string;
}

/** Whether this Host is ours: another's name that points here (DNS rebinding) is not answered. */
export function isOurHost({ hosts }: Pick<OwnAddresses, 'hosts'>, host: string | undefined): boolean {
  return hosts().has((host ?? '').toLowerCase());
}

/**
 * Which page a request came from, as its browser says.
 *
 * | origin | what it is |
 * |---|---|
 * | `absent` | no browser, or a request that browsers send without one |
 * | `same` | exactly the address that was asked |
 * | `ours` | another of our addresses |
 * | `foreign` | anything else, `null` included |
 */
export function originOf(
  addresses: OwnAddresses,
  host: string | undefined,
  origin: string | undefined,
): 'absent' | 'same' | 'ours' | 'foreign' {
  if (origin === undefined) return 'absent';
  const asked = (host ?? '').toLowerCase();
  const hosts = addresses.hosts();
  const ours = new URL(addresses.publicUrl());
  if (hosts.has(asked) && origin === (asked === ours.host ? ours.origin : `http://${asked}`)) return 'same';
  if (!URL.canParse(origin)) return 'foreign';
  return hosts.has(new URL(origin).host) || origin === ours.origin ? 'ours' : 'foreign';
}

/** Whether browsers reach us over TLS. */
export function isSecure({ publicUrl }: Pick<OwnAddresses, 'publicUrl'>): boolean {
  return publicUrl().startsWith('https:');
}

const ADDRESS = /^(\d+\.\d+\.\d+\.\d+|\[.*\])$/;

/**
 * The origin at which browsers allow passkeys (a secure context, and a name to which a key can be bound): https with a name, or
 * localhost. null: this address is none.
 */
export function signingOriginOf(publicUrl: string | null): string | null {
  if (publicUrl === null || !URL.canParse(publicUrl)) return null;
  const { protocol, hostname, origin } = new URL(publicUrl);
  if (ADDRESS.test(hostname)) return null;
  const isLocal = hostname === 'localhost' || hostname.endsWith('.localhost');
  return protocol === 'https:' || (protocol === 'http:' && isLocal) ? origin : null;
}

/** Where Redis is, and how to get in. */
export interface RedisAddress {
  /** One server; or with Sentinel the sentinels, of which some may be away. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** The name under which Sentinel knows the primary; null: `hosts` is the server itself. */
  readonly primary: string | null;
  readonly tls: boolean;
  readonly username: string | null;
  readonly password: string | null;
  /** To the sentinels, where they want it. */
  readonly sentinelUsername: string | null;
  readonly sentinelPassword: string | null;
  readonly db: number;
}

/** For people who wrote something else. */
export const REDIS_FORM = 'redis://host:6379, or redis+sentinel://host:26379,other:26379/name-of-the-primary';

const FORM = /^(rediss?)(\+sentinel)?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;
const HOST = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)?(?::(\d{1,5}))?$/;

/**
 * Reads `redis://`, `rediss://`, and with `+sentinel` the form `redis+sentinel://user:password@host:26379,other/name/db`,
 * whose user and password are the server's; those of the sentinels are `?sentinelUsername=…&sentinelPassword=…`. null: it
 * is none of these.
 */
export function readRedisAddress(text: string): RedisAddress | null {
  const parts = FORM.exec(text);
  if (parts === null) return null;
  const [, scheme, sentinel, user, list = '', path = '', query] = parts;
  const names = list.split(',');
  if (sentinel === undefined && names.length > 1) return null;
  const hosts = names.map((name) => hostIn(name, sentinel === undefined ? 6_379 : 26_379));
  const more = new URLSearchParams(query ?? '');
  const segments = path.split('/').slice(1).map(decoded);
  const primary = sentinel === undefined ? null : (segments.shift() ?? '');
  const db = segments[0] || more.get('db') || '0';
  if (hosts.includes(null) || primary === '' || segments.length > 1 || !/^\d{1,4}$/.test(db)) return null;
  const colon = (user ?? '').indexOf(':');
  const [username, password] = colon < 0 ? [user ?? '', ''] : [user!.slice(0, colon), user!.slice(colon + 1)];
  return {
    hosts: hosts as { host: string; port: number }[],
    primary,
    tls: scheme === 'rediss',
    username: decoded(username) || null,
    password: decoded(password) || null,
    sentinelUsername: more.get('sentinelUsername'),
    sentinelPassword: more.get('sentinelPassword'),
    db: Number(db),
  };
}

function hostIn(text: string, port: number): { host: string; port: number } | null {
  const parts = HOST.exec(text);
  if (parts === null || Number(parts[2] ?? port) > 65_535) return null;
  return { host: parts[1]?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port: Number(parts[2] ?? port) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

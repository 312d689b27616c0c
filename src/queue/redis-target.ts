import type { RedisOptions } from 'ioredis';
import { type RedisAddress, readRedisAddress } from '../text/redis-address.ts';

/** Milliseconds that a sentinel may take to say which server is the primary. */
const SENTINEL_MS = 2_000;

/** How a connection finds Redis. */
export interface RedisTarget {
  readonly options: RedisOptions;
  /** For people, without a secret: `Redis at 127.0.0.1:6379`. */
  readonly name: string;
  /** What must never be repeated. */
  readonly secrets: readonly string[];
}

/** Where Redis is and how to get in. Throws a TypeError when the URL is none. */
export function redisTarget(text: string): RedisTarget {
  const address = readRedisAddress(text);
  if (address === null) throw new TypeError('not a redis:// or rediss:// URL');
  const { username, password, sentinelPassword, db, tls, hosts, primary } = address;
  const encoded = /:\/\/[^:@/]*:([^@/]*)@/.exec(text)?.[1];
  const places = hosts.map(({ host, port }) => `${host}:${port}`).join(', ');
  return {
    name: primary === null ? `Redis at ${places}` : `Redis (${primary} of Sentinel at ${places})`,
    secrets: [password, sentinelPassword, encoded].filter((secret): secret is string => Boolean(secret)),
    options: {
      ...(username !== null && { username }),
      ...(password !== null && { password }),
      ...(db > 0 && { db }),
      ...(tls && { tls: {} }),
      ...(primary === null ? hosts[0]! : sentinelOptions(address)),
    },
  };
}

function sentinelOptions({ hosts, primary, tls, sentinelUsername, sentinelPassword }: RedisAddress): RedisOptions {
  return {
    sentinels: hosts.map((host) => ({ ...host })),
    name: primary!,
    ...(sentinelUsername !== null && { sentinelUsername }),
    ...(sentinelPassword !== null && { sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    sentinelCommandTimeout: SENTINEL_MS,
    sentinelRetryStrategy: (times) => Math.min(100 * times, 1_000),
  };
}

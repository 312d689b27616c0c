import { type ConnectionOptions, createRedisBackend } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import type { Clock, Log, Queue } from '../ports.ts';
import { within } from '../time/within.ts';
import { PARKED, type QueueBackend } from './backend.ts';
import { bullQueue } from './bull-queue.ts';

export interface RedisQueueSettings {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** What our keys begin with. */
  readonly prefix?: string;
  readonly log: Log;
  readonly clock?: Clock;
}

/** Milliseconds that a command of the asking connection may take. */
const COMMAND_MS = 1_800;
/** Milliseconds that `start` waits for Redis to come. */
const COMING_MS = 4_000;

const COMMON: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 3_000,
  disconnectTimeout: 300,
  keepAlive: 10_000,
  retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 1_000),
  // After a failover the old master is read-only: connect anew, then send it again.
  reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
};

/** The queue on Redis. Throws a TypeError when the URL is none. */
export function redisQueue({ url, prefix = 'holdfast', log, clock }: RedisQueueSettings): Queue {
  return bullQueue(redisGround(url, prefix, log), log, clock);
}

/** A connection that can be found again when all must be let go, BullMQ's copies of it included. */
function lay(options: RedisOptions, lines: Set<Redis>): Redis {
  const line = new Redis({ ...options, replyMapping: 'legacy' });
  lines.add(line);
  const info = line.info.bind(line);
  const leave = line.disconnect.bind(line);
  Object.assign(line, {
    // Asked to leave between two attempts, ioredis drops the next one and never ends: what waits would wait for ever.
    disconnect: (again = false) => {
      const between = line.status === 'reconnecting' && !again;
      leave(again);
      if (!between) return;
      line.connect().catch(() => undefined);
      leave();
    },
    // A lazy copy that finds nobody at its first attempt would never try again.
    duplicate: (more?: RedisOptions) => lay({ ...line.options, ...more, lazyConnect: false }, lines),
    // BullMQ prints a warning per connection about what we say once, in the log. ioredis itself asks with a callback.
    info: (...args: unknown[]) =>
      args.length > 0
        ? Reflect.apply(info, line, args)
        : info().then((text) => text.replace(/^maxmemory_policy:.*$/m, '')),
  });
  return line;
}

function redisGround(text: string, prefix: string, log: Log): QueueBackend<ConnectionOptions> {
  const url = URL.parse(text);
  if (url === null || !/^rediss?:$/.test(url.protocol)) throw new TypeError('not a redis:// or rediss:// URL');
  const lines = new Set<Redis>();
  const target = targetOf(url);
  const asking = lay(
    {
      ...COMMON,
      ...target,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_MS,
    },
    lines,
  );
  const working = lay({ ...COMMON, ...target, maxRetriesPerRequest: null }, lines);
  const fault = faultWithout([url.password, target.password ?? '']);

  return {
    name: `Redis at ${target.host}:${target.port}`,
    factory: createRedisBackend,
    prefix,
    queueConnection: asking,
    workerConnection: working,
    eventsBlockMs: 10_000,
    describe: fault,
    open: async () => {
      await Promise.all([come(asking), come(working)]);
      const policy = /^maxmemory_policy:(\S+)/m.exec(await asking.call('INFO', 'memory').then(String))?.[1];
      if (policy !== undefined && policy !== 'noeviction') {
        log.warn({ policy }, "Redis may evict our jobs: set its maxmemory-policy to 'noeviction'");
      }
    },
    ping: async () => void (await asking.ping()),
    lastEventId: async () => {
      const [seconds, micros] = await asking.time();
      return `${Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000) - 1}-0`;
    },
    withoutJob: async (ids) => {
      const asked = asking.pipeline();
      for (const id of ids) asked.exists(`${prefix}:${PARKED}:${id}`);
      const answers = (await asked.exec()) ?? [];
      return ids.filter((_, index) => {
        const [error, count] = answers[index] ?? [new Error('no answer'), null];
        if (error !== null) throw error;
        return count === 0;
      });
    },
    checkConnections: async () => void (await Promise.all([revive(asking), revive(working)])),
    disconnect: async () => {
      for (const line of lines) line.disconnect();
    },
  };
}

/** Resolves when the connection is usable; rejects with the last reason why it is not. */
async function come(line: Redis): Promise<void> {
  let last: unknown;
  const ready = Promise.withResolvers<void>();
  line.on('error', (error) => {
    last = error;
  });
  line.once('ready', ready.resolve);
  line.once('end', () => ready.reject(last ?? new Error('closed')));
  line.connect().catch(() => undefined);
  try {
    await within(COMING_MS, ready.promise);
  } catch (error) {
    throw last ?? error;
  }
}

/** A connection whose other end vanished without a word looks ready and never answers. */
async function revive(line: Redis): Promise<void> {
  if (line.status !== 'ready') return;
  try {
    await within(3_000, line.ping());
  } catch {
    if (line.status === 'ready') line.disconnect(true);
  }
}

function targetOf(url: URL): RedisOptions & { host: string; port: number } {
  const db = Number(url.pathname.slice(1) || url.searchParams.get('db') || 0);
  return {
    host: url.hostname.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: Number(url.port || 6379),
    ...(url.username && { username: decodeURIComponent(url.username) }),
    ...(url.password && { password: decodeURIComponent(url.password) }),
    ...(db > 0 && { db }),
    ...(url.protocol === 'rediss:' && { tls: {} }),
  };
}

/** ioredis hangs the command with its arguments (AUTH too) on an error: only its words go out, without the password. */
function faultWithout(secrets: readonly string[]): (error: unknown) => string {
  return (error) => {
    const words = error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error);
    return secrets.filter((secret) => secret !== '').reduce((text, secret) => text.replaceAll(secret, '…'), words);
  };
}

import { type ConnectionOptions, createRedisBackend } from 'bullmq';
import type { Redis, RedisOptions } from 'ioredis';
import type { Clock, Log, Queue } from '../ports.ts';
import { LONGEST_WAIT_MS, OUTBOX, PARKED, type QueueBackend } from './backend.ts';
import { bullQueue } from './bull-queue.ts';
import { checkConnection, connect, createConnection } from './redis-connection.ts';
import { mayComeBack, READ_ONLY_REDIS, redisRefusal } from './redis-refusal.ts';
import { redisTarget } from './redis-target.ts';

export interface RedisQueueSettings {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  /** What our keys begin with. */
  readonly prefix?: string;
  readonly log: Log;
  readonly clock?: Clock;
}

/** The key that is written to see whether Redis takes writes, and how long it stays, in ms. */
const READY = 'ready';
const READY_MS = 30_000;
/** Milliseconds that a command on the queues' connection may take. */
const COMMAND_MS = 1_800;

/** Milliseconds after which a connection that owes an answer is cut: its packets are dropped somewhere. */
const SILENT_MS = 4_000;
/** The same where an answer may take as long as one wait for a job or an event, 10 s. */
const SILENT_BLOCKED_MS = 12_000;

/** What every connection to Redis has in common. */
export const STEADY: RedisOptions = {
  lazyConnect: true,
  socketTimeout: SILENT_MS,
  connectTimeout: 3_000,
  disconnectTimeout: 300,
  keepAlive: 10_000,
  retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), 1_000),
};

/** The queue on Redis. Throws a TypeError when the URL is none. */
export function redisQueue({ url, prefix = 'holdfast', log, clock }: RedisQueueSettings): Queue {
  return bullQueue(redisBackend(url, prefix, log), log, clock);
}

function redisBackend(text: string, prefix: string, log: Log): QueueBackend<ConnectionOptions> {
  const connections = new Set<Redis>();
  // Sticks until a write succeeds: a connection to a replica without its primary never counts as ready again.
  let readOnly = false;
  // After a failover the old master is read-only: reconnect, then send the command again.
  const reconnectOnError = (error: Error): 2 | false => {
    if (!error.message.startsWith('READONLY')) return false;
    readOnly = true;
    return 2;
  };
  const found = redisTarget(text);
  const target = { ...found.options, reconnectOnError };
  const queueConnection = createConnection(
    {
      ...STEADY,
      ...target,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_MS,
    },
    connections,
  );
  const workerConnection = createConnection(
    { ...STEADY, ...target, socketTimeout: SILENT_BLOCKED_MS, maxRetriesPerRequest: null },
    connections,
  );

  return {
    name: found.name,
    factory: createRedisBackend,
    prefix,
    queueConnection,
    workerConnection,
    eventsBlockMs: 10_000,
    describe: describerWithout(found.secrets),
    open: async () => {
      await Promise.all([connect(queueConnection), connect(workerConnection)]);
      const policy = /^maxmemory_policy:(\S+)/m.exec(await queueConnection.call('INFO', 'memory').then(String))?.[1];
      if (policy !== undefined && policy !== 'noeviction') {
        log.warn({ policy }, "Redis may evict our jobs: set its maxmemory-policy to 'noeviction'");
      }
    },
    ping: async () => {
      // A replica would have the write sent again and again, until it is too late to say why.
      const role = /^role:(\S+)/m.exec(String(await queueConnection.call('INFO', 'replication')))?.[1];
      readOnly = role === 'slave';
      if (readOnly) throw new Error('READONLY it is a replica');
      await queueConnection.set(`${prefix}:${READY}`, '1', 'PX', READY_MS);
    },
    mayComeBack,
    refusal: (error) => redisRefusal(error) ?? (readOnly ? READ_ONLY_REDIS : null),
    // Ids of a stream begin with Redis' clock. One millisecond earlier, so that nothing of this one is missed.
    lastEventId: async () => {
      const [seconds, micros] = await queueConnection.time();
      return `${Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000) - 1}-0`;
    },
    withoutJob: async (ids) => {
      const pipeline = queueConnection.pipeline();
      for (const id of ids) pipeline.exists(`${prefix}:${PARKED}:${id}`);
      const replies = (await pipeline.exec()) ?? [];
      return ids.filter((_, index) => {
        const [error, count] = replies[index] ?? [new Error('no answer'), null];
        if (error !== null) throw error;
        return count === 0;
      });
    },
    // BullMQ's score of a delayed job: when it is due, in ms, times 4,096, and a counter.
    stranded: (now) => {
      const from = (now.getTime() + LONGEST_WAIT_MS) * 0x1000;
      return queueConnection.zrangebyscore(`${prefix}:${OUTBOX}:delayed`, from, '+inf', 'LIMIT', 0, 100);
    },
    checkConnections: async () =>
      void (await Promise.all([checkConnection(queueConnection), checkConnection(workerConnection)])),
    disconnect: async () => {
      for (const connection of connections) connection.disconnect();
    },
  };
}

/**
 * ioredis puts the command with its arguments (AUTH's too) on an error. Only the message is used, without these
 * secrets.
 */
function describerWithout(secrets: readonly string[]): (error: unknown) => string {
  return (error) => {
    const words = error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error);
    return secrets.filter((secret) => secret !== '').reduce((text, secret) => text.replaceAll(secret, '…'), words);
  };
}

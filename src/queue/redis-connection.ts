import type { Socket } from 'node:net';
import { Redis, type RedisOptions } from 'ioredis';
import { within } from '../time/within.ts';
import { mergeWrites } from './merged-writes.ts';

/** Milliseconds that `connect` waits for Redis. */
const CONNECT_MS = 4_000;
/** Milliseconds that a connection may take from being made to being usable. */
const GREETING_MS = 3_000;
/** Milliseconds after which a connection that looks ready and does not answer counts as dead. */
const PING_MS = 3_000;

/** A connection, not yet open. It adds itself and BullMQ's copies of it to `all`, so that all of them can be closed. */
export function createConnection(options: RedisOptions, all: Set<Redis>): Redis {
  const connection = new Redis({ ...options, replyMapping: 'legacy' });
  all.add(connection);
  // An 'error' event without a listener is printed.
  connection.on('error', () => undefined);
  cutUngreeted(connection);
  connection.on('connect', () => mergeWrites(connection.stream as Socket));
  const info = connection.info.bind(connection);
  const disconnect = connection.disconnect.bind(connection);
  Object.assign(connection, {
    // Asked to disconnect between two attempts, ioredis cancels the next one and never emits `end`, for which callers
    // would wait for ever. So it connects once more, in order to disconnect.
    disconnect: (reconnect = false) => {
      const betweenAttempts = connection.status === 'reconnecting' && !reconnect;
      disconnect(reconnect);
      if (!betweenAttempts) return;
      connection.connect().catch(() => undefined);
      disconnect();
    },
    // A lazy copy that fails to connect at its first attempt would never try again.
    duplicate: (more?: RedisOptions) => createConnection({ ...connection.options, ...more, lazyConnect: false }, all),
    // BullMQ reads this to print a warning per connection; we log that once ourselves. ioredis itself calls with a
    // callback.
    info: (...args: unknown[]) =>
      args.length > 0
        ? Reflect.apply(info, connection, args)
        : info().then((text) => text.replace(/^maxmemory_policy:.*$/m, '')),
  });
  return connection;
}

/** A connection that is made and then hears nothing would wait for its greeting for ever. */
function cutUngreeted(connection: Redis): void {
  let timer: NodeJS.Timeout | undefined;
  const settled = (): void => clearTimeout(timer);
  connection.on('connect', () => {
    settled();
    timer = setTimeout(() => {
      if (connection.status === 'connect') connection.disconnect(true);
    }, GREETING_MS);
    timer.unref?.();
  });
  connection.on('ready', settled);
  connection.on('close', settled);
}

/** Resolves when the connection is usable; rejects with the last reason why it is not. */
export async function connect(connection: Redis): Promise<void> {
  let lastError: unknown;
  if (connection.status === 'ready') return;
  const ready = Promise.withResolvers<void>();
  const failed = (error: unknown): void => {
    lastError = error;
  };
  const ended = (): void => ready.reject(lastError ?? new Error('closed'));
  connection.on('error', failed);
  connection.once('ready', ready.resolve);
  connection.once('end', ended);
  connection.connect().catch(() => undefined);
  try {
    await within(CONNECT_MS, ready.promise);
  } catch (error) {
    throw lastError ?? error;
  } finally {
    connection.off('error', failed);
    connection.off('ready', ready.resolve);
    connection.off('end', ended);
  }
}

/** Reconnects when the other end has vanished without a word: such a connection looks ready and never answers. */
export async function checkConnection(connection: Redis): Promise<void> {
  if (connection.status !== 'ready') return;
  try {
    await within(PING_MS, connection.ping());
  } catch {
    if (connection.status === 'ready') connection.disconnect(true);
  }
}

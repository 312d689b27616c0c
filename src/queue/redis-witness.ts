import type { Redis } from 'ioredis';
import { FOREIGN, openedEntry, SEAL, sealedEntry } from '../domain/log/sealed-entry.ts';
import {
  isLater,
  passKey,
  passText,
  placeEntry,
  readPass,
  readPlace,
  readState,
  type SpentPass,
  stateEntry,
} from '../domain/log/witness-entry.ts';
import type { Log, Remembered, Seals, Witness, WitnessedState } from '../ports.ts';
import { within } from '../time/within.ts';
import { STEADY } from './redis.ts';
import { createConnection } from './redis-connection.ts';
import { redisTarget } from './redis-target.ts';

/** Milliseconds that a command may take: an agent waits for it. */
const COMMAND_MS = 1_000;
/** Milliseconds for which a connection that did not answer is not used. */
const AWAY_MS = 2_000;
/** Milliseconds after the last write at which everything about a log is gone. */
const KEPT_MS = 90 * 24 * 60 * 60_000;
/** The most passes that are read at once, newest first. */
const MOST_READ = 100_000;
/** Passes that one command reads. */
const AT_ONCE = 1_000;

/*
 * | key | holds |
 * |---|---|
 * | `PREFIX:witness:LOG:passes` | hash: approval and round → sealed pass |
 * | `PREFIX:witness:LOG:spent` | sorted set of the same names, by when they were spent |
 * | `PREFIX:witness:LOG:until` | the same, by until when they matter: what is over is deleted by the next spend |
 * | `PREFIX:witness:LOG:state` | the sealed state |
 * | `PREFIX:witness:of:PLACE` | the sealed id of the log that is at that database |
 */

/**
 * ARGV: how long keys live, then for each pass its name, text, end. Returns what was there before. By Redis' own clock,
 * because replicas may have wrong ones.
 */
const SPEND = `
local found = {}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV, 3 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if known then found[#found + 1] = known else
    found[#found + 1] = ''
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    redis.call('ZADD', KEYS[2], now, ARGV[i])
    redis.call('ZADD', KEYS[3], ARGV[i + 2], ARGV[i])
  end
end
local over = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 200)
if #over > 0 then
  redis.call('HDEL', KEYS[1], unpack(over))
  redis.call('ZREM', KEYS[2], unpack(over))
  redis.call('ZREM', KEYS[3], unpack(over))
end
for i = 1, 3 do redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
return found`;

export interface RedisWitnessSettings {
  /** `redis://` or `rediss://`. */
  readonly url: string;
  readonly prefix?: string;
  readonly seals: Pick<Seals, 'fits' | 'maker' | 'seal'>;
  readonly log: Log;
}

/** The witness on Redis, which all replicas share. It connects when it is first asked, and again whenever it is lost. */
export function redisWitness({ url, prefix = 'holdfast', seals, log }: RedisWitnessSettings): Witness {
  const connections = new Set<Redis>();
  const redis = createConnection(
    {
      ...STEADY,
      ...redisTarget(url).options,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_MS,
    },
    connections,
  );
  redis.on('error', () => undefined);
  let connected: Promise<void> | null = null;
  let awayUntil = 0;
  /** Fails at once while Redis is known not to answer. */
  const ask = async <T>(command: () => Promise<T>): Promise<T> => {
    connected ??= redis.connect().catch(() => undefined);
    if (redis.status !== 'ready') await within(COMMAND_MS, connected).catch(() => undefined);
    if (redis.status !== 'ready') throw new Error('Redis is out of reach');
    if (performance.now() < awayUntil) throw new Error('Redis did not answer lately');
    try {
      return await within(COMMAND_MS, command());
    } catch (error) {
      awayUntil = performance.now() + AWAY_MS;
      throw new Error(`Redis does not take it (${(error as { code?: string }).code ?? 'no answer'})`);
    }
  };
  const keys = (name: string) =>
    ['passes', 'spent', 'until'].map((part) => `${prefix}:witness:${name}:${part}`) as [string, string, string];
  const sealed = (text: string): string => sealedEntry(seals, text);
  /** Null: nobody who has the keys wrote it. */
  const opened = (entry: string): string | null => {
    const found = openedEntry(seals, entry);
    if (found.kind === 'ours') return found.text;
    if (found.kind === 'foreign') log.warn({}, `Redis holds an entry of the witness ${FOREIGN}`);
    return null;
  };
  const passIn = (name: string, entry: string | null): SpentPass | null => {
    const text = entry === null || entry === '' ? null : opened(entry);
    return text === null ? null : readPass(name, text);
  };
  const clock = async (): Promise<number> => {
    const [seconds, micros] = await ask(() => redis.time());
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  };
  const correct = async (name: string, passes: readonly SpentPass[]): Promise<void> => {
    const [hash, spent, until] = keys(name);
    const now = await clock();
    const pipeline = redis.pipeline();
    for (const pass of passes) {
      pipeline.hset(hash, passKey(pass), sealed(passText(name, pass)));
      // It is read again by whoever knows the older text.
      pipeline.zadd(spent, now, passKey(pass));
      pipeline.zadd(until, pass.until.getTime(), passKey(pass));
    }
    await ask(async () => failed(await pipeline.exec()));
  };
  const readOne = async (name: string): Promise<WitnessedState | null> => {
    const entry = await ask(() => redis.get(`${prefix}:witness:${name}:state`));
    const text = entry === null ? null : opened(entry);
    return text === null ? null : readState(name, text);
  };
  return {
    name: 'Redis',
    logOf: async (place) => {
      const entry = await ask(() => redis.get(`${prefix}:witness:of:${place}`));
      const text = entry === null ? null : opened(entry);
      return text === null ? null : readPlace(place, text);
    },
    bind: async (place, name) =>
      void (await ask(() => redis.set(`${prefix}:witness:of:${place}`, sealed(placeEntry(place, name))))),
    spend: async (name, passes) => {
      const entries = passes.flatMap((pass) => [
        passKey(pass),
        sealed(passText(name, pass)),
        String(pass.until.getTime()),
      ]);
      const args = [String(KEPT_MS), ...entries];
      const found = (await ask(() => redis.eval(SPEND, 3, ...keys(name), ...args))) as string[];
      const known: SpentPass[] = [];
      const replaced: SpentPass[] = [];
      for (const [index, pass] of passes.entries()) {
        const before = passIn(name, found[index] ?? '');
        if (before !== null && !before.returned) known.push(before);
        else if (found[index] !== '') replaced.push(pass);
      }
      if (replaced.length > 0) await correct(name, replaced);
      return known;
    },
    correct,
    read: async (name, lastMs): Promise<Remembered> => {
      const state = await readOne(name);
      const [hash, spent] = keys(name);
      const from = Number.isFinite(lastMs) ? (await clock()) - lastMs : '-inf';
      const names = await ask(() => redis.zrevrangebyscore(spent, '+inf', from, 'LIMIT', 0, MOST_READ));
      const passes: SpentPass[] = [];
      const older: SpentPass[] = [];
      for (let first = 0; first < names.length; first += AT_ONCE) {
        const entries = await ask(() => redis.hmget(hash, ...names.slice(first, first + AT_ONCE)));
        for (const entry of entries) {
          const pass = passIn(name, entry);
          if (pass !== null) passes.push(pass);
          if (pass !== null && seals.maker(entry!.slice(0, SEAL)) === 'older') older.push(pass);
        }
      }
      // While both secrets are listed, so that the older one may be taken out.
      if (older.length > 0) await correct(name, older);
      return { state, passes };
    },
    keep: async (state) => {
      const known = await readOne(state.log);
      if (known !== null && !isLater(state, known)) return;
      const entry = sealed(stateEntry(state));
      await ask(() => redis.set(`${prefix}:witness:${state.log}:state`, entry, 'PX', KEPT_MS));
    },
    close: async () => {
      for (const connection of connections) connection.disconnect();
    },
  };
}

function failed(replies: [Error | null, unknown][] | null): void {
  for (const [error] of replies ?? []) if (error !== null) throw error;
}

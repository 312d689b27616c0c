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
  saysMore,
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
/** How often an entry that somebody else changes at the same moment is tried again. */
const MOST_ATTEMPTS = 5;
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
 * ARGV: how long keys live, then for each pass its name, the entry that it may replace, its own, its end. An entry is written
 * where there is none, or that very one; of two replicas that replace the same one the first does. Returns for each what was
 * there instead. By Redis' own clock, because replicas may have wrong ones.
 */
const PUT = `
local found = {}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for i = 2, #ARGV, 4 do
  local known = redis.call('HGET', KEYS[1], ARGV[i])
  if known and known ~= ARGV[i + 1] then found[#found + 1] = known else
    found[#found + 1] = ''
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
    -- It is read again by whoever knows an older text.
    redis.call('ZADD', KEYS[2], now, ARGV[i])
    redis.call('ZADD', KEYS[3], ARGV[i + 3], ARGV[i])
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
  /** Of each pass the entry that was there instead; '': it was written. `over`: what each may replace; '': nothing. */
  const put = async (name: string, passes: readonly SpentPass[], over: readonly string[]): Promise<string[]> => {
    const entries = passes.flatMap((pass, nth) => [
      ...[passKey(pass), over[nth]!],
      ...[sealed(passText(name, pass)), String(pass.until.getTime())],
    ]);
    return (await ask(() => redis.eval(PUT, 3, ...keys(name), String(KEPT_MS), ...entries))) as string[];
  };
  /**
   * Writes each over what is there, as long as that may be replaced. Returns what may not. `over`: what is there as far as
   * is known. Rejects where somebody else changes the same entries again and again.
   */
  const replace = async (
    name: string,
    passes: readonly SpentPass[],
    over: readonly string[],
    mayReplace: (pass: SpentPass, before: SpentPass) => boolean,
  ): Promise<SpentPass[]> => {
    const kept: SpentPass[] = [];
    let [open, last] = [passes, over];
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
      const fresh = open.flatMap((pass, nth) => {
        const before = passIn(name, last[nth]!);
        const may = before === null || mayReplace(pass, before);
        if (!may) kept.push(before);
        return may ? [{ pass, over: last[nth]! }] : [];
      });
      if (fresh.length === 0) return kept;
      open = fresh.map(({ pass }) => pass);
      const found = await put(
        name,
        open,
        fresh.map((one) => one.over),
      );
      const isOpen = (_: unknown, nth: number): boolean => found[nth] !== '';
      [open, last] = [open.filter(isOpen), found.filter(isOpen)];
      if (open.length === 0) return kept;
    }
    throw new Error('Redis holds something else each time that it is asked');
  };
  const entriesOf = async (name: string, passes: readonly SpentPass[]): Promise<string[]> => {
    const found = await ask(() => redis.hmget(keys(name)[0], ...passes.map(passKey)));
    return found.map((entry) => entry ?? '');
  };
  /** What says more than these stays: it was written by another replica meanwhile. */
  const correct = async (name: string, passes: readonly SpentPass[]): Promise<void> => {
    if (passes.length === 0) return;
    await replace(name, passes, await entriesOf(name, passes), (pass, before) => {
      return saysMore(pass, before) || passText(name, pass) === passText(name, before);
    });
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
    spend: (name, passes) =>
      replace(
        name,
        passes,
        passes.map(() => ''),
        (_, before) => before.returned,
      ),
    lacks: async (name, passes) => {
      const now = await clock();
      // What is over by its own clock Redis has forgotten.
      const open = passes.filter(({ until }) => until.getTime() > now);
      const lacking: SpentPass[] = [];
      for (let first = 0; first < open.length; first += AT_ONCE) {
        const some = open.slice(first, first + AT_ONCE);
        const entries = await entriesOf(name, some);
        lacking.push(...some.filter((pass, nth) => saysMore(pass, passIn(name, entries[nth]!) ?? undefined)));
      }
      return lacking;
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

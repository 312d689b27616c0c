import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { FOREIGN, openedEntry, sealedEntry } from '../domain/log/sealed-entry.ts';
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
import type { Clock, Log, Remembered, Seals, Witness, WitnessedState } from '../ports.ts';
import { earlierOf } from '../time/two-clocks.ts';

/** The folder in the data directory. */
export const WITNESS_FOLDER = 'witness';
/** Bytes of this process's file above which it is written anew, or twice what was needed then. */
const LONG = 4 * 1024 * 1024;
/** Bytes of a file that is read; of a longer one the end. */
const MOST_READ = 256 * 1024 * 1024;
/** Milliseconds without a sign of life after which another process's file is taken over. */
const DEAD_MS = 5 * 60_000;
/** The same where it holds lines of a retired secret, which may be listed again: 30 days. */
const UNREAD_MS = 30 * 24 * 60 * 60_000;

/**
 * Linux makes each write durable by itself, as `fdatasync` would: one step of the thread pool instead of two. Elsewhere
 * the flag is missing, or means less.
 */
const WRITES_ARE_SYNCED = process.platform === 'linux';
const APPENDING = constants.O_WRONLY | constants.O_APPEND | (WRITES_ARE_SYNCED ? constants.O_DSYNC : 0);

async function synced(file: FileHandle, text: string): Promise<void> {
  if (text !== '') await file.appendFile(text);
  if (!WRITES_ARE_SYNCED) await file.datasync();
}

export interface FileWitnessSettings {
  /** The data directory. */
  readonly data: string;
  /** The name of this process: several may share a directory, and each writes a file of its own. */
  readonly replica: string;
  readonly seals: Pick<Seals, 'fits' | 'maker' | 'seal'>;
  readonly clock: Clock;
  readonly log: Log;
}

function wrongSecret(path: string): string {
  return (
    `${path} was written with a secret that HOLDFAST_SECRET does not list, and is left as it is. Start with the right ` +
    'secret, or list that one too; if it is lost, see "Secret rotation" in docs/operations.md'
  );
}

/** What one file, or all of them together, say of a log. */
interface Known {
  state: WitnessedState | null;
  readonly passes: Map<string, SpentPass>;
}

/**
 * The witness in the data directory: a line for each pass, appended and synced before the call is sent. A line that was
 * torn by a crash, or that no gateway wrote, is skipped. Files of processes that are gone are taken over and deleted.
 * Where a line is sealed by a secret of which nothing is known, this process may have been started with a wrong one: the
 * witness refuses to work, and every file stays as it is.
 */
export function fileWitness({ data, replica, seals, clock, log }: FileWitnessSettings): Witness {
  const folder = join(data, WITNESS_FOLDER);
  const own = join(folder, `${replica.replace(/[^A-Za-z0-9-]/g, '_')}.jsonl`);
  const logs = new Map<string, Known>();
  const places = new Map<string, string>();
  let size = 0;
  /** Bytes of the file above which it is written anew. */
  let limit = LONG;
  /** The last append may have ended in the middle of a line. */
  let torn = false;
  let loaded: Promise<void> | null = null;
  let writing: Promise<void> = Promise.resolve();
  /** This process's file, open; null: it is opened by the next append. */
  let kept: FileHandle | null = null;
  let closed = false;

  const of = (name: string): Known => {
    const known = logs.get(name) ?? { state: null, passes: new Map() };
    logs.set(name, known);
    return known;
  };
  const line = (text: string): string => `${sealedEntry(seals, text)}\n`;

  /** The last word about a pass counts; within one file that is the last line, between files the higher revision. */
  const take = (text: string, into: Known, name: string): void => {
    const pass = readPass(name, text);
    if (pass !== null) {
      const before = into.passes.get(passKey(pass));
      if (before === undefined || before.revision <= pass.revision) into.passes.set(passKey(pass), pass);
      return;
    }
    const state = readState(name, text);
    if (state !== null && isLater(state, into.state)) into.state = state;
  };

  /** Whether it holds lines of a retired secret. Rejects where one is of a secret of which nothing is known. */
  const readIn = async (path: string): Promise<boolean> => {
    const bytes = await readFile(path).catch(() => Buffer.alloc(0));
    let [skipped, retired] = [0, false];
    for (const entry of bytes.subarray(-MOST_READ).toString('utf8').split('\n')) {
      if (entry === '') continue;
      const opened = openedEntry(seals, entry);
      if (opened.kind === 'unlisted') throw new Error(wrongSecret(path));
      if (opened.kind !== 'ours') {
        if (opened.kind === 'foreign') skipped += 1;
        retired ||= opened.kind === 'retired';
        continue;
      }
      const { text } = opened;
      const [kind, first, second] = JSON.parse(text.startsWith('[') ? text : '[]') as string[];
      if (kind === 'place' && readPlace(first!, text) !== null) places.set(first!, second!);
      else if (kind === 'pass') take(text, of(first!), first!);
      else {
        const { log: name } = JSON.parse(text) as { log?: string };
        if (name !== undefined) take(text, of(name), name);
      }
    }
    if (skipped > 0) log.warn({ path, skipped }, `it holds lines of the witness that are torn, or ${FOREIGN}`);
    return retired;
  };

  const load = (): Promise<void> => {
    loaded ??= (async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const others: string[] = [];
      for (const name of await readdir(folder)) {
        const path = join(folder, name);
        if (!name.endsWith('.jsonl')) continue;
        const deadMs = (await readIn(path)) ? UNREAD_MS : DEAD_MS;
        const found = await stat(path).catch(() => null);
        if (path !== own && found !== null && Date.now() - found.mtimeMs > deadMs) others.push(path);
      }
      await rewrite();
      // What they said is in this process's file now, and synced.
      for (const path of others) await rm(path, { force: true });
    })();
    loaded.catch(() => {
      loaded = null;
    });
    return loaded;
  };

  /** Writes this process's file anew, without what is over. `more`: lines that are not remembered yet. */
  const rewrite = async (more = ''): Promise<void> => {
    // By both clocks: whoever sets the database's has nothing forgotten.
    const now = earlierOf(clock);
    const lines: string[] = [...places].map(([place, name]) => line(placeEntry(place, name)));
    for (const [name, { state, passes }] of logs) {
      if (state !== null) lines.push(line(stateEntry(state)));
      for (const [key, pass] of passes) {
        if (pass.until <= now) passes.delete(key);
        else lines.push(line(passText(name, pass)));
      }
    }
    const temporary = `${own}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      for (let first = 0; first < lines.length; first += 1_000) {
        await file.appendFile(lines.slice(first, first + 1_000).join(''));
      }
      await file.appendFile(more);
      await file.sync();
      size = (await file.stat()).size;
    } finally {
      await file.close();
    }
    await letGo();
    await rename(temporary, own);
    const directory = await open(folder, 'r');
    await directory.sync().finally(() => directory.close());
  };

  /** Ends what is open. The next append opens the file that lies there then. */
  const letGo = async (): Promise<void> => {
    const file = kept;
    kept = null;
    await file?.close();
  };

  /** This process's file, which stays open. Where it was deleted, folder and all, it is written again from what is known here. */
  const opened = async (): Promise<FileHandle> => {
    if (kept !== null) return kept;
    try {
      kept = await open(own, APPENDING);
      return kept;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      log.warn({ folder }, 'the witness in the data directory was deleted, and is written again from memory');
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await rewrite();
      kept = await open(own, APPENDING);
      return kept;
    }
  };

  /** Whether what was opened still lies in its place: it may have been deleted, or another put there. */
  const liesThere = async (file: FileHandle): Promise<boolean> => {
    const [there, here] = await Promise.all([
      stat(own, { bigint: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return null;
      }),
      file.stat({ bigint: true }),
    ]);
    return there !== null && there.ino === here.ino && there.dev === here.dev;
  };

  /**
   * Durable once it resolves. The look at the place goes beside the write, so that nobody waits for it; a file that was
   * opened just now lies there.
   */
  const write = async (text: string): Promise<void> => {
    const earlier = kept;
    const file = await opened();
    const there = earlier === null || liesThere(file).catch(() => false);
    await synced(file, text);
    if (await there) return;
    // It was written to a file that nobody will read.
    await letGo();
    await synced(await opened(), text);
  };

  let waiting: string[] = [];
  let next: Promise<void> | null = null;
  /** Appends and syncs. Whoever comes while a write is under way shares the next one. */
  const append = (lines: readonly string[]): Promise<void> => {
    waiting.push(...lines);
    next ??= writing
      .catch(() => undefined)
      .then(async () => {
        next = null;
        const text = `${torn ? '\n' : ''}${waiting.join('')}`;
        waiting = [];
        torn = true;
        try {
          await write(text);
          torn = false;
          if (closed) await letGo();
        } catch (error) {
          await letGo().catch(() => undefined);
          throw error;
        }
        size += Buffer.byteLength(text);
        if (size <= limit) return;
        await rewrite(text);
        limit = Math.max(LONG, 2 * size);
      });
    writing = next;
    return next;
  };

  return {
    name: 'the data directory',
    logOf: async (place) => {
      await load();
      return places.get(place) ?? null;
    },
    bind: async (place, name) => {
      await load();
      places.set(place, name);
      await append([line(placeEntry(place, name))]);
    },
    spend: async (name, passes) => {
      await load();
      const { passes: mine } = of(name);
      const isKnown = (pass: SpentPass): boolean => mine.get(passKey(pass))?.returned === false;
      const known = passes.filter(isKnown).map((pass) => mine.get(passKey(pass))!);
      const fresh = passes.filter((pass) => !isKnown(pass));
      await append(fresh.map((pass) => line(passText(name, pass))));
      for (const pass of fresh) mine.set(passKey(pass), pass);
      return known;
    },
    correct: async (name, passes) => {
      await load();
      for (const pass of passes) of(name).passes.set(passKey(pass), pass);
      await append(passes.map((pass) => line(passText(name, pass))));
    },
    read: async (name, lastMs): Promise<Remembered> => {
      await load();
      // A sign of life, at each look; and whether the file is still there.
      await utimes(own, new Date(), new Date()).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
        return append([]);
      });
      const { state, passes } = of(name);
      const from = clock.now().getTime() - lastMs;
      return { state, passes: [...passes.values()].filter(({ at }) => at.getTime() >= from) };
    },
    keep: async (state) => {
      await load();
      const known = of(state.log);
      if (!isLater(state, known.state)) return;
      await append([line(stateEntry(state))]);
      known.state = state;
    },
    close: async () => {
      closed = true;
      await writing.catch(() => undefined);
      await letGo();
    },
  };
}

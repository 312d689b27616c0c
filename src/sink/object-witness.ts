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

/** What is used of a Durable Object's storage on SQLite. */
export interface ObjectStorage {
  readonly sql: { exec(text: string, ...values: (string | number)[]): { toArray(): Record<string, unknown>[] } };
  /** All of it or nothing. */
  transactionSync<T>(work: () => T): T;
  /** Resolves once everything written so far is on disk, here and in the copies. */
  sync(): Promise<void>;
}

/** Passes that are over and that one spend deletes at most. */
const FORGOTTEN_AT_ONCE = 200;
/** The most passes that are read at once, newest first. */
const MOST_READ = 100_000;

/** `spent` and `until` in ms since 1970; `spent` by the object's clock, `until` by the database's. */
const TABLES = `
create table if not exists witness_passes (
  log text not null, key text not null, entry text not null, spent integer not null, until integer not null,
  primary key (log, key)) without rowid;
create index if not exists witness_passes_spent on witness_passes (log, spent);
create index if not exists witness_passes_until on witness_passes (until);
create table if not exists witness_states (log text primary key, entry text not null) without rowid;
create table if not exists witness_places (place text primary key, entry text not null) without rowid;`;

export interface ObjectWitnessSettings {
  readonly storage: ObjectStorage;
  readonly seals: Pick<Seals, 'fits' | 'maker' | 'seal'>;
  readonly log: Log;
  /** Milliseconds since 1970; replaced in tests. */
  readonly now?: () => number;
}

/**
 * The witness in the storage of the Durable Object that the gateway runs in. No other object can read it, so with one
 * object for each server each of them remembers what it sent itself, and Redis what all did.
 */
export function objectWitness({ storage, seals, log, now = () => Date.now() }: ObjectWitnessSettings): Witness {
  let made = false;
  const rows = (text: string, ...values: (string | number)[]): Record<string, unknown>[] => {
    if (!made) storage.sql.exec(TABLES);
    made = true;
    return storage.sql.exec(text, ...values).toArray();
  };
  const sealed = (text: string): string => sealedEntry(seals, text);
  /** Null: nobody who has the keys wrote it. */
  const opened = (entry: unknown): string | null => {
    if (typeof entry !== 'string') return null;
    const found = openedEntry(seals, entry);
    if (found.kind === 'ours') return found.text;
    if (found.kind === 'foreign') log.warn({}, `the object’s storage holds an entry of the witness ${FOREIGN}`);
    return null;
  };
  const passIn = (name: string, entry: unknown): SpentPass | null => {
    const text = opened(entry);
    return text === null ? null : readPass(name, text);
  };
  const write = (name: string, pass: SpentPass): void =>
    void rows(
      'insert or replace into witness_passes (log, key, entry, spent, until) values (?, ?, ?, ?, ?)',
      ...[name, passKey(pass), sealed(passText(name, pass)), now(), pass.until.getTime()],
    );
  const stateOf = (name: string): WitnessedState | null => {
    const [row] = rows('select entry from witness_states where log = ?', name);
    const text = opened(row?.entry);
    return text === null ? null : readState(name, text);
  };
  const correct = async (name: string, passes: readonly SpentPass[]): Promise<void> => {
    storage.transactionSync(() => {
      // By the time at which it is written: it is read again by whoever knows the older text.
      for (const pass of passes) write(name, pass);
    });
    await storage.sync();
  };
  return {
    name: 'the object’s storage',
    logOf: async (place) => {
      const [row] = rows('select entry from witness_places where place = ?', place);
      const text = opened(row?.entry);
      return text === null ? null : readPlace(place, text);
    },
    bind: async (place, name) => {
      const entry = sealed(placeEntry(place, name));
      rows('insert or replace into witness_places (place, entry) values (?, ?)', place, entry);
      await storage.sync();
    },
    spend: async (name, passes) => {
      const known = storage.transactionSync(() => {
        const found: SpentPass[] = [];
        for (const pass of passes) {
          const [row] = rows('select entry from witness_passes where log = ? and key = ?', name, passKey(pass));
          const before = passIn(name, row?.entry);
          if (before !== null && !before.returned) found.push(before);
          else write(name, pass);
        }
        rows(
          `delete from witness_passes where (log, key) in (
            select log, key from witness_passes where until < ? limit ${FORGOTTEN_AT_ONCE})`,
          now(),
        );
        return found;
      });
      await storage.sync();
      return known;
    },
    correct,
    read: async (name, lastMs): Promise<Remembered> => {
      const from = Number.isFinite(lastMs) ? now() - lastMs : 0;
      const found = rows(
        `select entry from witness_passes where log = ? and spent >= ? order by spent desc limit ${MOST_READ}`,
        name,
        from,
      );
      const passes: SpentPass[] = [];
      const older: SpentPass[] = [];
      for (const { entry } of found) {
        const pass = passIn(name, entry);
        if (pass !== null) passes.push(pass);
        if (pass !== null && seals.maker(String(entry).slice(0, SEAL)) === 'older') older.push(pass);
      }
      // While both secrets are listed, so that the older one may be taken out.
      if (older.length > 0) await correct(name, older);
      return { state: stateOf(name), passes };
    },
    keep: async (state) => {
      const known = stateOf(state.log);
      if (known !== null && !isLater(state, known)) return;
      const entry = sealed(stateEntry(state));
      rows('insert or replace into witness_states (log, entry) values (?, ?)', state.log, entry);
      await storage.sync();
    },
    close: async () => undefined,
  };
}

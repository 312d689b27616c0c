import { type Kysely, sql } from 'kysely';
import { isSigningAlgorithm } from '../domain/approval/signing.ts';
import type { NewEvent } from '../domain/log/event.ts';
import type { PersonKey, PersonKeys, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { requireTaken, writeRows } from './connection/not-taken.ts';
import { writeEvents } from './log/events.ts';
import { changeSet } from './log/sealed-set.ts';
import { type Beliefs, sqlBeliefs } from './sets/beliefs.ts';
import { KEY_SET, type PersonKeyRow, personKeyText } from './sets/key-set.ts';
import { lockSet, openSet, readSet } from './sets/set-table.ts';
import type { Db, Tables } from './table/tables.ts';

/** Keys that one person may have at a time, and all that there ever were. */
const MOST_LIVE = 10;
const MOST_ROWS = 5_000;

/**
 * The `PersonKeys` port. The rows are read and judged as a set wherever one counts, and before one is changed: a row that
 * somebody else wrote is not sealed by the next change of it.
 */
export function sqlPersonKeys(
  db: Kysely<Tables>,
  seals: Seals,
  { wholeRows }: Pick<Beliefs, 'wholeRows'> = sqlBeliefs(db, seals),
): PersonKeys {
  let begun: Promise<void> | null = null;
  const opened = async (): Promise<void> => {
    begun ??= openSet(db, seals, KEY_SET);
    await begun.catch((error: unknown) => {
      begun = null;
      throw error;
    });
  };
  /** Changes one row of a set that is what a gateway left. `next` null: nothing is changed. */
  const change = async (
    id: string,
    next: (row: PersonKeyRow) => Omit<PersonKeyRow, 'seal'> | null,
    event: (row: Omit<PersonKeyRow, 'seal'>) => NewEvent | null,
  ): Promise<PersonKey | null> => {
    await opened();
    if ((await wholeRows(KEY_SET)) === null) return null;
    return db.transaction().execute(async (trx) => {
      await lockSet(trx, KEY_SET.name);
      const { rows, reading } = await readSet(trx, seals, KEY_SET);
      const before = rows.find((row) => row.id === id);
      const changed = before === undefined || reading.fault !== null ? null : next(before);
      if (before === undefined || changed === null) return null;
      const row = await rewrite(trx, seals, before, changed);
      const told = event(changed);
      if (told !== null) await writeEvents(trx, seals, [told]);
      return keyOf(row);
    });
  };
  return guarded<PersonKeys>({
    add: async (key, event) => {
      await opened();
      return db.transaction().execute(async (trx) => {
        await lockSet(trx, KEY_SET.name);
        const { rows } = await readSet(trx, seals, KEY_SET);
        if (rows.some(({ id }) => id === key.id)) return 'known';
        const live = rows.filter(({ owner, ended_at }) => owner === key.owner && ended_at === null);
        if (live.length >= MOST_LIVE || rows.length >= MOST_ROWS) return 'too_many';
        const row = rowOf(key);
        const seal = seals.seal('row', personKeyText(row));
        const added = await trx
          .insertInto('holdfast.person_keys')
          .values({ ...row, seal })
          .executeTakeFirst();
        requireTaken('person_keys', added.numInsertedOrUpdatedRows, 1);
        await changeSet(trx, seals, KEY_SET.name, { added: [personKeyText(row)] });
        await writeEvents(trx, seals, [event]);
        return 'added';
      });
    },
    whole: async () => {
      await opened();
      return (await wholeRows(KEY_SET))?.map(keyOf) ?? null;
    },
    list: async () => {
      await opened();
      return (await readSet(db, seals, KEY_SET)).rows.map(keyOf);
    },
    register: (id, { by, breakGlass, at }, event) =>
      change(
        id,
        (row) =>
          row.registered_at !== null || row.ended_at !== null
            ? null
            : { ...row, registered_at: at, registered_by: by, break_glass: breakGlass },
        () => event,
      ),
    revoke: (id, by, at, event) =>
      change(
        id,
        (row) => (row.ended_at === null ? { ...row, ended_at: at, ended_by: by, ended: 'revoked' } : null),
        () => event,
      ),
    used: async (id, counter, at, event) => {
      const key = await change(
        id,
        (row) => {
          if (row.registered_at === null || row.ended_at !== null) return null;
          return goesOn(row.counter, counter)
            ? { ...row, counter }
            : { ...row, ended_at: at, ended_by: 'holdfast', ended: 'suspended' };
        },
        (row) => (row.ended === 'suspended' ? event : null),
      );
      if (key === null) return 'gone';
      return key.ended === 'suspended' ? 'suspended' : 'taken';
    },
  });
}

/** WebAuthn, section 7.2, step 22: an authenticator that counts always counts up, and one that does not says 0. */
function goesOn(last: number, now: number): boolean {
  return last === 0 && now === 0 ? true : now > last;
}

async function rewrite(
  trx: Db,
  seals: Seals,
  before: PersonKeyRow,
  changed: Omit<PersonKeyRow, 'seal'>,
): Promise<PersonKeyRow> {
  const seal = seals.seal('row', personKeyText(changed));
  const { counter, registered_at, registered_by, break_glass, ended_at, ended_by, ended } = changed;
  const update = sql`
    update holdfast.person_keys set counter = ${counter}::bigint, registered_at = ${registered_at}::timestamptz,
      registered_by = ${registered_by}::text, break_glass = ${break_glass}::boolean, ended_at = ${ended_at}::timestamptz,
      ended_by = ${ended_by}::text, ended = ${ended}::text, seal = ${seal}::text where id = ${before.id}`;
  await writeRows(trx, 'person_keys', 1, update);
  await changeSet(trx, seals, KEY_SET.name, { added: [personKeyText(changed)], removed: [personKeyText(before)] });
  return { ...changed, seal };
}

function rowOf(key: Omit<PersonKey, 'seal'>): Omit<PersonKeyRow, 'seal'> {
  const { id, owner, name, publicKey, algorithm, origin, counter, at } = key;
  return {
    ...{ id, owner, name, public_key: publicKey, algorithm, origin, counter, at },
    ...{ registered_at: key.registeredAt, registered_by: key.registeredBy, break_glass: key.breakGlass },
    ...{ ended_at: key.endedAt, ended_by: key.endedBy, ended: key.ended },
  };
}

function keyOf(row: PersonKeyRow): PersonKey {
  const { id, owner, name, public_key: publicKey, algorithm, origin, counter, at } = row;
  // The seal covers both, and where it does not fit nothing of the row counts.
  if (!isSigningAlgorithm(algorithm)) throw new Error('a passkey has an unknown algorithm');
  const ended = row.ended === 'suspended' ? 'suspended' : row.ended === null ? null : 'revoked';
  return {
    ...{ id, owner, name, publicKey, algorithm, origin, counter, at },
    ...{ registeredAt: row.registered_at, registeredBy: row.registered_by, breakGlass: row.break_glass },
    ...{ endedAt: row.ended_at, endedBy: row.ended_by, ended, seal: row.seal ?? '' },
  };
}

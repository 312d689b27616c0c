import type { Kysely } from 'kysely';
import type { Seals, SetReadings } from '../../ports.ts';
import { SealedTables } from '../table/sealed-tables.ts';
import type { Db, Tables } from '../table/tables.ts';
import { BelievedFreezes } from './believed-freezes.ts';
import { readSet, type SetTable } from './set-table.ts';

/** Reads of a set that others change all the time, before it counts as one that is not whole. */
const MOST_ATTEMPTS = 5;

/** What all adapters of one process share, so that each believes the same: which rows a gateway wrote, and the freezes. */
export interface Beliefs {
  readonly tables: SealedTables;
  readonly freezes: BelievedFreezes;
  /**
   * All rows of this set, of one instant; null: it is not what a gateway left, or not the last that one left. Only in these
   * rows may something be found not to be there. `on`: the transaction in which it is read.
   */
  wholeRows<R extends { readonly seal: string | null }>(table: SetTable<R>, on?: Db): Promise<readonly R[] | null>;
}

/** `readings`: told of what cannot be believed; null: nobody is. */
export function sqlBeliefs(db: Kysely<Tables>, seals: Seals, readings: SetReadings | null = null): Beliefs {
  return {
    tables: new SealedTables(seals, readings),
    freezes: new BelievedFreezes(db, seals, readings),
    wholeRows: async (table, on = db) => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
        const turn = readings?.begin() ?? 0;
        const { rows, reading } = await readSet(on, seals, table);
        const judged = readings?.read(turn, reading) ?? (reading.fault === null ? 'believed' : 'refused');
        if (judged !== 'stale') return judged === 'believed' ? rows : null;
      }
      return null;
    },
  };
}

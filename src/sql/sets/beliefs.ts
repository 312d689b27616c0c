import type { Kysely } from 'kysely';
import type { Seals, SetReadings } from '../../ports.ts';
import { SealedTables } from '../table/sealed-tables.ts';
import type { Tables } from '../table/tables.ts';
import { BelievedFreezes } from './believed-freezes.ts';
import { readSet, type SetTable } from './set-table.ts';

/** What all adapters of one process share, so that each believes the same: which rows a gateway wrote, and the freezes. */
export interface Beliefs {
  readonly tables: SealedTables;
  readonly freezes: BelievedFreezes;
  /** Whether this set is what a gateway left: reads all of it. */
  isWhole<R extends { readonly seal: string | null }>(table: SetTable<R>): Promise<boolean>;
}

/** `readings`: told of what cannot be believed; null: nobody is. */
export function sqlBeliefs(db: Kysely<Tables>, seals: Seals, readings: SetReadings | null = null): Beliefs {
  return {
    tables: new SealedTables(seals, readings),
    freezes: new BelievedFreezes(db, seals, readings),
    isWhole: async (table) => {
      const turn = readings?.begin() ?? 0;
      const { reading } = await readSet(db, seals, table);
      if (reading.fault !== null && readings === null) return false;
      return readings?.read(turn, reading) !== 'refused';
    },
  };
}

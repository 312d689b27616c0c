import type { Kysely } from 'kysely';
import type { Change, Committed, Seals } from '../../ports.ts';
import type { Gathered } from '../../time/gathered.ts';
import { commitChange } from '../approval/commit.ts';
import { gatheredStatements } from '../connection/gathered-statements.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import type { Tables } from '../table/tables.ts';
import { commitGroup } from './change-group.ts';

/** Changes that one statement makes at most: some milliseconds' work. */
const MOST_CHANGES = 50;

/** Commits plain changes; those that come together by one statement. */
export function plainChanges(db: Kysely<Tables>, seals: Seals, beliefs: Beliefs): Gathered<Change, Committed> {
  return gatheredStatements({
    most: MOST_CHANGES,
    keyOf: ({ id }) => id,
    alone: (change) => commitChange(db, seals, beliefs, change),
    several: (changes) => commitGroup(db, seals, changes),
  });
}

import type { Kysely } from 'kysely';
import type { Committed, Seals } from '../../ports.ts';
import { commitMove, type Move } from '../approval/commit.ts';
import { type ALONE, gatheredStatements, orAlone } from '../connection/gathered-statements.ts';
import type { Beliefs } from '../sets/beliefs.ts';
import type { Tables } from '../table/tables.ts';
import { commitGroup } from './change-group.ts';
import { mayShare } from './may-share.ts';

/** Changes that one statement makes at most: some milliseconds' work. */
const MOST_CHANGES = 50;
/** Statements that are under way at once, so that one which waits for a row keeps nobody else waiting. */
const LANES = 2;
/** Milliseconds after which a statement is slow: a row of it is locked, or its connection is gone. */
const PATIENCE_MS = 100;

/**
 * Commits changes; those that come together by one statement, as far as they can be (decision 0074). What was not made with the others,
 * for whatever reason, is tried by itself, and told why.
 */
export function sharedChanges(db: Kysely<Tables>, seals: Seals, beliefs: Beliefs): (move: Move) => Promise<Committed> {
  const alone = (move: Move): Promise<Committed> => commitMove(db, seals, beliefs, move);
  const shared = gatheredStatements<Move, Committed | typeof ALONE>({
    most: MOST_CHANGES,
    lanes: LANES,
    patienceMs: PATIENCE_MS,
    keyOf: ({ id }) => id,
    alone,
    several: (moves) => commitGroup(db, seals, beliefs, moves),
  });
  const share = orAlone(shared, alone);
  return (move) => (mayShare(move) ? share(move) : alone(move));
}

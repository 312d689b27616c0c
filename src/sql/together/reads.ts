import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { Approval } from '../../domain/approval/approval.ts';
import type { Store } from '../../ports.ts';
import type { Gathered, GatheredEnd } from '../../time/gathered.ts';
import { Spell } from '../../time/spell.ts';
import type { CardTrust } from '../approval/card-row.ts';
import { findApproval, LOOKED, type LookedRow, lookAtApproval, lookedOf } from '../approval/read.ts';
import { gatheredStatements } from '../connection/gathered-statements.ts';
import { APPROVAL, type ApprovalRow, approvalOf } from '../table/approval-row.ts';
import type { Tables } from '../table/tables.ts';
import { FITS } from './what-fits.ts';

/** Approvals that one statement reads at most. */
const MOST_READ = 50;

type Looked = Awaited<ReturnType<Store['look']>>;

/** Reads approvals; those that are asked for at the same time by one statement. */
export function gatheredFinds(db: Kysely<Tables>, { seals }: CardTrust): Gathered<string, Approval | null> {
  return gatheredStatements({
    most: MOST_READ,
    keyOf: (id) => id,
    alone: (id) => findApproval(db, seals, id),
    several: (ids) => readGroup<ApprovalRow, Approval>(db, ids, APPROVAL, async (row) => approvalOf(seals, row)),
  });
}

/** The same, with their cards. */
export function gatheredLooks(db: Kysely<Tables>, trust: CardTrust): Gathered<string, Looked> {
  return gatheredStatements({
    most: MOST_READ,
    keyOf: (id) => id,
    alone: (id) => lookAtApproval(db, trust, id),
    several: (ids) => readGroup<LookedRow, NonNullable<Looked>>(db, ids, LOOKED, (row) => lookedOf(db, trust, row)),
  });
}

/**
 * Of calls that are long as many as may be read at once, the short ones and at least the first; null: not this one. What cannot
 * be read of one is no reason to tell the others nothing.
 */
async function readGroup<Row extends { readonly id: string }, Read>(
  db: Kysely<Tables>,
  ids: readonly string[],
  columns: RawBuilder<unknown>,
  read: (row: Row) => Promise<Read>,
): Promise<readonly (GatheredEnd<Read | null> | null)[]> {
  const found = await sql<{ tried: boolean } & (Row | { id: null })>`
    with asked as materialized (select * from unnest(${ids}::text[]) with ordinality as r(id, nth)), ${FITS}
    select f.nth is not null as tried, ${columns}
    from asked q left join fits f on f.nth = q.nth left join holdfast.approvals a on a.id = f.id
      left join holdfast.cards c on c.approval_id = a.id
    order by q.nth`.execute(db);
  const spell = new Spell();
  const ends: (GatheredEnd<Read | null> | null)[] = [];
  for (const row of found.rows) {
    if (!row.tried) ends.push(null);
    else if (row.id === null) ends.push({ answer: null });
    else ends.push(await endOf(() => read(row as Row)));
    await spell.rest();
  }
  return ends;
}

async function endOf<Answer>(work: () => Promise<Answer>): Promise<GatheredEnd<Answer>> {
  try {
    return { answer: await work() };
  } catch (fault) {
    return { fault };
  }
}

import { type Kysely, sql } from 'kysely';
import type { Erasures, MatchingApproval, Seals } from '../ports.ts';
import { guarded } from './connection/guard.ts';
import { eraseApproval } from './erasure/erase.ts';
import { keysOf, renewKeys } from './erasure/keys.ts';
import type { Tables } from './table/tables.ts';

/** The `Erasures` port. */
export function sqlErasures(db: Kysely<Tables>, seals: Seals): Erasures {
  let renewedUpTo = '';
  return guarded<Erasures>({
    keys: (approvals) => keysOf(db, seals, approvals),
    erase: (order) => eraseApproval(db, seals, order),
    renew: async (limit, wrap) => {
      const { renewed, last } = await renewKeys(db, seals, { limit, after: renewedUpTo }, wrap);
      renewedUpTo = last ?? '';
      return renewed;
    },
    matching: async (text, { before, among }) => {
      // As it stands in a JSON text.
      const inJson = JSON.stringify(text).slice(1, -1);
      const looked = await sql<MatchRow>`
        select n.id, n.server, n.tool, n.grant_name, n.state, n.created_at,
          strpos(n.trace::text, '"erased":{"by":') = 0 and (
            strpos(n.arguments::text, ${inJson}) > 0 or strpos(n.sent::text, ${inJson}) > 0 or strpos(n.trace::text, ${inJson}) > 0
            or strpos(coalesce(n.asked ->> 'text', ''), ${inJson}) > 0 or strpos(n.answers::text, ${inJson}) > 0
            or strpos(coalesce(n.stated_reason, ''), ${text}) > 0 or strpos(n.later_reasons::text, ${inJson}) > 0
            or strpos(coalesce(n.counter_of::text, ''), ${inJson}) > 0 or strpos(coalesce(n.facts::text, ''), ${inJson}) > 0
            or strpos(coalesce(n.particulars::text, ''), ${inJson}) > 0) as fits
        from (select a.* from holdfast.approvals a where ${before === null ? sql`true` : sql`a.id < ${before}`}
          order by a.id desc limit ${among}) n order by n.id desc`.execute(db);
      const found = looked.rows.filter(({ fits }) => fits).map(matchOf);
      return { found, next: looked.rows.length < among ? null : looked.rows.at(-1)!.id };
    },
  });
}

type MatchRow = Omit<MatchingApproval, 'createdAt' | 'grant'> & { grant_name: string; created_at: Date; fits: boolean };

function matchOf({ id, server, tool, grant_name: grant, state, created_at: createdAt }: MatchRow): MatchingApproval {
  return { id, server, tool, grant, state, createdAt };
}

import { type Kysely, sql } from 'kysely';
import type { Gathered } from '../../time/gathered.ts';
import { takenBack } from '../approval/room.ts';
import { gatheredStatements } from '../connection/gathered-statements.ts';
import type { Tables } from '../table/tables.ts';

/** Cards for which one statement counts at most. */
const MOST_ASKING = 50;

interface AskedCount {
  readonly grant: string;
  /** Each asks for itself: those of one grant share its count. */
  readonly nth: number;
}

/** How many approvals of the last minute grants have taken back; for those that are asked about at the same time each is counted once. */
export function takenBacks(db: Kysely<Tables>): (grant: string) => Promise<number> {
  const counts: Gathered<AskedCount, number> = gatheredStatements({
    most: MOST_ASKING,
    keyOf: ({ nth }) => String(nth),
    alone: ({ grant }) => takenBack(db, grant),
    several: async (asked) => {
      const grants = [...new Set(asked.map(({ grant }) => grant))];
      const found = await sql<{ grant_name: string; count: number }>`
        select g.grant_name, (select count(*)::int from holdfast.openings o join holdfast.approvals a on a.id = o.id
            where o.grant_name = g.grant_name and o.kind = 'approval' and o.at > clock_timestamp() - interval '1 minute'
              and a.state = 'withdrawn') as count
        from unnest(${grants}::text[]) as g(grant_name)`.execute(db);
      const of = new Map(found.rows.map(({ grant_name, count }) => [grant_name, count]));
      return asked.map(({ grant }) => ({ answer: of.get(grant)! }));
    },
  });
  let nth = 0;
  return (grant) => {
    nth += 1;
    return counts.do({ grant, nth });
  };
}

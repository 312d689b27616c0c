import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { PoolClient } from 'pg';

const MARK = '/* kept */';

/**
 * Begins a statement that every click and every held call runs, and that costs more to parse and plan than to run.
 * Postgres keeps its plan, once per connection. Name the columns of such a statement one by one: a migration that adds
 * a column while a replica of the version before still runs must not change what the statement returns.
 */
export const KEPT_PLAN: RawBuilder<unknown> = sql.raw(MARK);

/** Postgres' code for every statement after the first error of a transaction. */
const ABORTED = '25P02';

/**
 * Postgres' codes for a plan that cannot be used: something between here and Postgres hands statements to other
 * connections, or the plan is out of date (0A000). Nothing was run.
 */
export const LOST_PLAN: ReadonlySet<string> = new Set(['26000', '42P05', '0A000']);

/**
 * Makes the connections of one pool keep the plans of marked statements, under names made of their texts. Behind a
 * pooler that shares connections between statements a name is not found again. Nothing was run then: the statement is
 * sent without a name, and so are all statements from then on. Within a transaction, which that error has aborted, the
 * first error is thrown, and whoever began the transaction begins it again.
 */
export function keepPlans(): (client: PoolClient) => void {
  let lost = false;
  return (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>;
    const queryByName = (text: unknown, ...more: unknown[]): Promise<unknown> => {
      if (lost || typeof text !== 'string' || !text.trimStart().startsWith(MARK)) return query(text, ...more);
      return query({ name: nameOf(text), text, values: more[0] }).catch((error: { code?: string }) => {
        if (!LOST_PLAN.has(error.code ?? '')) throw error;
        lost = true;
        return query(text, ...more).catch((second: { code?: string }) => {
          throw second.code === ABORTED ? error : second;
        });
      });
    };
    Object.assign(client, { query: queryByName });
  };
}

/** Names by statement text. The texts are few. */
const names = new Map<string, string>();

function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `holdfast_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  names.set(text, name);
  return name;
}

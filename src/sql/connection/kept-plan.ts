import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { PoolClient } from 'pg';

const MARK = '/* kept */';

/**
 * Begins a statement that every click and every held call runs, and that costs more to parse and plan than to run. On
 * Postgres its plan is kept, once a connection. Its columns are named one by one: a migration that adds one, while a
 * replica of the version before still runs, must not change what it returns.
 */
export const KEPT_PLAN: RawBuilder<unknown> = sql.raw(MARK);

/** What Postgres says of everything after the first error of a transaction. */
const ABORTED = '25P02';

const names = new Map<string, string>();

/**
 * The plan is not where it was left, because something between here and Postgres hands statements to other connections;
 * or it is of no use any more (0A000). In either case nothing was run.
 */
export const LOST_PLAN: ReadonlySet<string> = new Set(['26000', '42P05', '0A000']);

/**
 * Has the connections of one pool keep the plans of such statements, under names made of their texts. Behind a pooler
 * that shares connections between statements a name is not found again; then nothing was run, the statement is sent
 * without one, and so are all from then on. Amid a transaction, which that has ended, it fails with what was said first:
 * whoever began the transaction begins it again.
 */
export function keepPlans(): (client: PoolClient) => void {
  let astray = false;
  return (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>;
    const naming = (text: unknown, ...more: unknown[]): Promise<unknown> => {
      if (astray || typeof text !== 'string' || !text.trimStart().startsWith(MARK)) return query(text, ...more);
      return query({ name: nameOf(text), text, values: more[0] }).catch((error: { code?: string }) => {
        if (!LOST_PLAN.has(error.code ?? '')) throw error;
        astray = true;
        return query(text, ...more).catch((again: { code?: string }) => {
          throw again.code === ABORTED ? error : again;
        });
      });
    };
    Object.assign(client, { query: naming });
  };
}

function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `holdfast_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  names.set(text, name);
  return name;
}

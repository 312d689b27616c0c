import { createHash } from 'node:crypto';
import { type RawBuilder, sql } from 'kysely';
import type { PoolClient } from 'pg';

const MARK = '/* kept */';

/**
 * Begins a statement that every click and every held call runs, and that costs more to parse and plan than to run. On
 * Postgres its plan is kept, once a connection. Its columns are named one by one: a migration that adds one, while a
 * replica of the version before still runs, must not change what it returns.
 */
export const KEPT: RawBuilder<unknown> = sql.raw(MARK);

const names = new Map<string, string>();

/** Has this connection keep the plans of such statements, under names made of their texts. */
export function keepPlans(client: PoolClient): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const naming = (text: unknown, ...more: unknown[]): unknown =>
    typeof text === 'string' && text.trimStart().startsWith(MARK)
      ? query({ name: nameOf(text), text, values: more[0] })
      : query(text, ...more);
  Object.assign(client, { query: naming });
}

function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = `holdfast_${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
  names.set(text, name);
  return name;
}

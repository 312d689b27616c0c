import type pg from 'pg';

/** What a relation takes, its free space included. */
export interface RelationOctets {
  readonly table: string;
  /** null: the table's own rows, with what is stored out of line. */
  readonly index: string | null;
  readonly octets: number;
}

/** What each table of ours and each of its indexes takes now. */
export async function relationOctets(client: pg.Client): Promise<RelationOctets[]> {
  const found = await client.query<{ table: string; index: string | null; octets: string }>(`
    select c.relname as table, null as index, pg_table_size(c.oid) - pg_relation_size(c.oid, 'fsm') - pg_relation_size(c.oid, 'vm') as octets
    from pg_class c where c.relnamespace = 'holdfast'::regnamespace and c.relkind = 'r'
    union all
    select t.relname, c.relname, pg_relation_size(c.oid)
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid
    where t.relnamespace = 'holdfast'::regnamespace`);
  return found.rows.map(({ octets, ...row }) => ({ ...row, octets: Number(octets) }));
}

/** Dead rows are gone, as autovacuum sees to it; `whole`: and every row and page is where it takes least. */
export async function clearUp(client: pg.Client, { whole }: { readonly whole: boolean }): Promise<void> {
  const tables = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'holdfast'::regnamespace and relkind = 'r'`,
  );
  for (const { name } of tables.rows) await client.query(`vacuum (analyze${whole ? ', full' : ''}) holdfast.${name}`);
}

/** What each relation grew by, divided by `count`: the largest first, without what did not grow. */
export function grownBy(
  before: readonly RelationOctets[],
  after: readonly RelationOctets[],
  count: number,
): RelationOctets[] {
  const nameOf = ({ table, index }: RelationOctets): string => `${table} ${index ?? ''}`;
  const sizes = new Map(before.map((one) => [nameOf(one), one.octets]));
  return after
    .map((one) => ({ ...one, octets: (one.octets - (sizes.get(nameOf(one)) ?? 0)) / count }))
    .filter(({ octets }) => octets > 0)
    .sort((one, other) => other.octets - one.octets);
}

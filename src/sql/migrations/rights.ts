import { type Kysely, sql } from 'kysely';
import type { Tables } from '../table/tables.ts';
import { MIGRATION_NAMES, namesIn } from './migrate.ts';

/** What a role that is no owner has to be given, and how. */
const HOW = 'as the role that owns the schema (docs/operations.md, Roles in Postgres)';

/**
 * Whether this user may change the schema: it owns it, or there is none yet and it may make one. Others run a gateway on
 * what somebody else migrates.
 */
export async function mayMigrate(db: Kysely<Tables>): Promise<boolean> {
  const found = await sql<{ may: boolean }>`
    select coalesce(
      (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'holdfast'),
      has_database_privilege(current_database(), 'create')) as may`.execute(db);
  return found.rows[0]?.may === true;
}

/** Says what to run where the schema is older than this release and this user may not change it. */
export async function schemaBehind(db: Kysely<Tables>): Promise<Error> {
  const had = await namesIn(db).catch((): string[] => []);
  const missing = MIGRATION_NAMES.filter((name) => !had.includes(name));
  const what = had.length === 0 ? 'has no schema of Holdfast that this user can see' : `lacks ${missing.join(', ')}`;
  return new Error(
    `The database ${what}, and this user may not make it. Run: holdfast migrate, then deploy/sql/gateway-rights.sql, ${HOW}.`,
  );
}

/** Says that a newer release has changed the schema; null: none has. This release works beside it. */
export async function schemaNewer(db: Kysely<Tables>): Promise<string | null> {
  const newer = (await namesIn(db)).filter((name) => !MIGRATION_NAMES.includes(name));
  return newer.length === 0
    ? null
    : `A newer release of Holdfast has changed this database (${newer.join(', ')}). This one works beside it; run the newer one everywhere soon.`;
}

/** Throws when a table of the schema cannot be read or added to by this user, which happens after a migration. */
export async function requireRights(db: Kysely<Tables>): Promise<void> {
  const found = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'holdfast' and c.relkind = 'r' and c.relname <> 'kysely_migration_lock'
      and not (has_table_privilege(c.oid, 'select')
        and (c.relname = 'kysely_migration' or has_table_privilege(c.oid, 'insert'))) order by 1`.execute(db);
  if (found.rows.length === 0) return;
  const names = found.rows.map(({ name }) => name).join(', ');
  throw new Error(
    `This database user has no rights on ${names} in the schema holdfast. Run deploy/sql/gateway-rights.sql ${HOW}.`,
  );
}

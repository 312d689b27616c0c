import { type Kysely, type RawBuilder, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import type { Tables } from '../table/tables.ts';
import { MIGRATIONS } from './all.ts';

/** Names of the migrations of this release, oldest first. */
export const MIGRATION_NAMES: readonly string[] = Object.keys(MIGRATIONS);

/**
 * Brings the schema up to date. Replicas that start at the same time wait for each other. What a newer release added is
 * left alone: a replica of the release before must be able to start beside it, and so must a roll-back. Throws the
 * database's own error.
 */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  await sql`create schema if not exists holdfast`.execute(db).catch(async (error: unknown) => {
    // Of two replicas that both find no schema one fails to create it. By then the other has.
    if (!(await exists(db, sql`to_regnamespace('holdfast')`))) throw error;
  });
  const had = await namesIn(db);
  if (had.length === 0) await refuseForeign(db);
  const provider = providerOf(had);
  const { error } = await new Migrator({ db, provider, migrationTableSchema: 'holdfast' }).migrateToLatest();
  if (error) throw error;
}

/** Throws where the schema's name is taken by something that no release of Holdfast has made. */
async function refuseForeign(db: Kysely<Tables>): Promise<void> {
  const found = await sql<{ name: string }>`
    select c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'holdfast' and c.relkind in ('r', 'v', 'p') and c.relname not like 'kysely_migration%'
    order by 1 limit 1`.execute(db);
  if (found.rows.length === 0) return;
  throw new Error(
    `The schema holdfast of this database holds ${found.rows[0]!.name} and no list of Holdfast’s migrations: somebody else ` +
      'made it, or a restore is not complete. Give Holdfast a database to itself, or rename that schema.',
  );
}

/** Postgres' errors where the table of migrations is missing: no such table, no such schema. */
const NOTHING_YET = new Set(['42P01', '3F000']);

/** Whether the database has had every migration of this release: one query, since most starts find nothing to do. */
export async function isMigrated(db: Kysely<Tables>): Promise<boolean> {
  try {
    const found = await sql<{ name: string }>`select name from holdfast.kysely_migration`.execute(db);
    const had = new Set(found.rows.map(({ name }) => name));
    return MIGRATION_NAMES.every((name) => had.has(name));
  } catch (error) {
    if (NOTHING_YET.has((error as { code?: string }).code ?? '')) return false;
    throw error;
  }
}

/** Migrations that the database has had; empty where there is no schema yet. Changes nothing. */
export async function namesIn(db: Kysely<Tables>): Promise<string[]> {
  if (!(await exists(db, sql`to_regclass('holdfast.kysely_migration')`))) return [];
  const found = await sql<{ name: string }>`select name from holdfast.kysely_migration order by name`.execute(db);
  return found.rows.map(({ name }) => name);
}

async function exists(db: Kysely<Tables>, thing: RawBuilder<unknown>): Promise<boolean> {
  const found = await sql<{ there: boolean }>`select ${thing} is not null as there`.execute(db);
  return found.rows[0]?.there === true;
}

/**
 * `had`: the migrations in the database. Kysely refuses a name that it does not know, so those of a newer release are
 * listed without statements.
 */
function providerOf(had: readonly string[]): MigrationProvider {
  const migrations: Record<string, Migration> = {};
  for (const name of had) migrations[name] = { up: async () => undefined };
  for (const [name, statements] of Object.entries(MIGRATIONS)) {
    migrations[name] = {
      async up(db) {
        // One by one: a prepared statement holds no more than one.
        for (const statement of statements) await sql.raw(statement).execute(db);
      },
    };
  }
  return { getMigrations: async () => migrations };
}

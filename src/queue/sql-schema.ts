import {
  assertSchemaCompatibility,
  LATEST_SCHEMA_VERSION,
  runMigrations,
  SchemaMigrationRequiredError,
  SchemaVersionMismatchError,
} from 'bullmq';

type MigrationClient = Parameters<typeof runMigrations>[0];

const HOW = 'as the role that owns them (docs/operations.md, Roles in Postgres)';

/**
 * Makes the queue's tables, or brings them up to date, where this user may; else checks that somebody did. Throws with
 * what to run.
 */
export async function openQueueSchema(client: MigrationClient): Promise<void> {
  const { rows } = await client.query(
    `select o.own is not null as there,
       coalesce(o.own, has_database_privilege(current_database(), 'create')) as may
     from (select (select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'bullmq') as own) o`,
  );
  const { there, may } = rows[0] as { there: boolean; may: boolean };
  if (may) {
    await runMigrations(there ? withoutMakingSchema(client) : client);
    return;
  }
  const version = await assertSchemaCompatibility(client).catch((error: unknown) => {
    // Made by a newer release than this one can use.
    if (error instanceof SchemaVersionMismatchError) throw new Error(NEWER);
    if (error instanceof SchemaMigrationRequiredError || (error as { code?: string }).code === '42501') return 0;
    throw error;
  });
  if (version >= LATEST_SCHEMA_VERSION) return;
  throw new Error(
    'The queue’s tables (schema bullmq) are missing or old, and this user may not make them. Run: holdfast migrate, then ' +
      `deploy/sql/gateway-rights.sql, ${HOW}; or set REDIS_URL.`,
  );
}

const NEWER =
  'The queue’s tables (schema bullmq) were made by a newer release that this one cannot work beside. Run the newer release.';

/** Who owns the schema but may make none in the database may not even ask for one that exists. */
function withoutMakingSchema(client: MigrationClient): MigrationClient {
  return Object.assign(Object.create(client), {
    query: (text: string, values?: unknown[]) =>
      client.query(/^\s*create schema if not exists/i.test(text) ? 'select 1' : text, values),
  });
}

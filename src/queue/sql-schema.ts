import { assertSchemaCompatibility, LATEST_SCHEMA_VERSION, runMigrations } from 'bullmq';

type MigrationClient = Parameters<typeof runMigrations>[0];

/**
 * Makes the queue's tables, or brings them up to date, where this user may; else checks that somebody did. Throws with
 * what to run.
 */
export async function openQueueSchema(client: MigrationClient): Promise<void> {
  const { rows } = await client.query(
    `select coalesce((select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'bullmq'), true)
       and has_database_privilege(current_database(), 'create') as may`,
  );
  if ((rows[0] as { may: boolean } | undefined)?.may === true) {
    await runMigrations(client);
    return;
  }
  const version = await assertSchemaCompatibility(client).catch((error: unknown) => {
    if ((error as { code?: string }).code === '42501') return 0;
    throw error;
  });
  if (version >= LATEST_SCHEMA_VERSION) return;
  throw new Error(
    'The queue’s tables (schema bullmq) are missing or old, and this user may not make them. Run: holdfast migrate, then ' +
      'deploy/sql/gateway-rights.sql, as the role that owns them (docs/operations.md, Roles in Postgres).',
  );
}

import { Kysely, PostgresDialect } from 'kysely';
import { outOfReach } from '../../main/process/out-of-reach.ts';
import { type PoolTerms, postgresPool, termsOf } from '../../sql/connection/postgres-pool.ts';
import { MIGRATION_NAMES, namesIn } from '../../sql/migrations/migrate.ts';
import type { Tables } from '../../sql/table/tables.ts';
import { type DoctorFinding, fault, isLoopback, ok, skewOf, warn } from './finding.ts';
import { frozenInDatabase } from './freezes.ts';
import { rotationFindings } from './rotation.ts';

const OLDEST_MAJOR = 14;
/** Most connections that one replica opens: its own, and without Redis those of the queue too. */
const CONNECTIONS = { redis: 10, sql: 18 } as const;

interface PostgresFacts {
  version: number;
  now: Date;
  standby: boolean;
  may_create: boolean;
  encrypted: boolean;
  max_connections: number;
  used: number;
}

/** Checks Postgres and changes nothing in it. */
export async function databaseFindings(
  url: string,
  queue: 'redis' | 'sql',
  secrets: readonly string[],
): Promise<DoctorFinding[]> {
  const about = 'database';
  let terms: PoolTerms = { pooled: false };
  try {
    terms = await termsOf({ url, name: 'holdfast doctor' });
  } catch (error) {
    return [outOfReachFinding(about, error)];
  }
  const pool = postgresPool({ url, name: 'holdfast doctor', connections: 1, terms });
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  try {
    await pool.query('select 1');
    const from = Date.now();
    const facts = (await pool.query<PostgresFacts>(QUESTION)).rows[0]!;
    const clock = skewOf(about, facts.now.getTime(), from, Date.now());
    const names = await namesIn(db);
    const schema = schemaFindings(names, facts.may_create);
    const server = serverFindings(facts, new URL(url).hostname, CONNECTIONS[queue]);
    const seals = names.includes('0030-seals') ? await rotationFindings(db, secrets) : [];
    return [...server, ...clock, ...schema, ...(await frozenInDatabase(pool)), ...seals];
  } catch (error) {
    return [outOfReachFinding(about, error)];
  } finally {
    await db.destroy();
  }
}

function outOfReachFinding(about: string, error: unknown): DoctorFinding {
  const reason = outOfReach(error);
  const code = String((error as { code?: unknown }).code ?? 'no code');
  return reason === null
    ? fault(about, `Postgres cannot be queried (${code})`, 'Check DATABASE_URL and the log of the server.')
    : fault(about, `Postgres cannot be reached: ${reason.what}`, reason.remedy);
}

const QUESTION = `
  select current_setting('server_version_num')::int as version, clock_timestamp() as now, pg_is_in_recovery() as standby,
    has_database_privilege(current_database(), 'create') as may_create,
    coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false) as encrypted,
    current_setting('max_connections')::int as max_connections, (select count(*)::int from pg_stat_activity) as used`;

function serverFindings(facts: PostgresFacts, host: string, needed: number): DoctorFinding[] {
  const about = 'database';
  const major = Math.floor(facts.version / 10_000);
  const found: DoctorFinding[] = [];
  if (major < OLDEST_MAJOR) {
    found.push(fault(about, `Postgres ${major} is too old`, `Use Postgres ${OLDEST_MAJOR} or newer.`));
  } else found.push(ok(about, `Postgres ${major} answers${facts.encrypted ? ' over TLS' : ''}`));
  if (facts.standby) {
    found.push(fault(about, 'this server is a standby: nothing can be written', 'Point DATABASE_URL at the primary.'));
  }
  if (!facts.encrypted && !isLoopback(host)) {
    found.push(warn(about, 'the connection is not encrypted', 'Add sslmode=verify-full to DATABASE_URL.'));
  }
  if (facts.max_connections - facts.used < needed) {
    const what = `${facts.used} of ${facts.max_connections} connections are in use, and one replica needs up to ${needed}`;
    found.push(warn(about, what, 'Raise max_connections, or let other programs use fewer.'));
  }
  return found;
}

const MIGRATE =
  'As the role that owns it: holdfast migrate, then deploy/sql/gateway-rights.sql (docs/operations.md, Roles in Postgres).';

function schemaFindings(applied: readonly string[], mayCreate: boolean): DoctorFinding[] {
  const about = 'schema';
  if (applied.length === 0) {
    return mayCreate
      ? [ok(about, 'there is none yet; the first start creates it')]
      : [fault(about, 'there is none, and this user may not create one', MIGRATE)];
  }
  const missing = MIGRATION_NAMES.filter((name) => !applied.includes(name));
  const newer = applied.filter((name) => !MIGRATION_NAMES.includes(name));
  const found: DoctorFinding[] = [];
  if (missing.length > 0) {
    const what = `${missing.length} migrations are pending (${missing.join(', ')})`;
    found.push(
      warn(
        about,
        what,
        mayCreate
          ? 'The next start runs them. With a large log this takes minutes: docs/operations.md, Rolling restart.'
          : MIGRATE,
      ),
    );
  }
  if (newer.length > 0) {
    const what = `a newer release has changed it (${newer.join(', ')})`;
    found.push(warn(about, what, 'This release still works with it. Run the newer one everywhere soon.'));
  }
  return found.length > 0 ? found : [ok(about, 'up to date')];
}

import pg from 'pg';
import type { Log } from '../../ports.ts';
import { joinStatements } from './joined-statements.ts';
import { forgetSilent } from './silent-clients.ts';

/** Milliseconds that connecting, and a statement, may take before Postgres counts as gone. */
const ANSWER_MS = 5_000;
/** Milliseconds after which a connection without traffic is probed. Ten probes follow, one a second. */
const KEEPALIVE_MS = 5_000;

/**
 * What our SQL and our reading of rows rely on, whatever the database and the role are set to: what a client names when it
 * connects comes before both. Poolers know these and hand them on.
 */
const ALWAYS = { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' } as const;

/** The same, as far as poolers refuse them. */
const WITHOUT_POOLER = {
  IntervalStyle: 'postgres',
  array_nulls: 'on',
  bytea_output: 'hex',
  default_transaction_deferrable: 'off',
  default_transaction_isolation: 'read committed',
  extra_float_digits: '1',
  // Compiling a statement takes a second where Postgres overestimates what it costs, and ours run for milliseconds.
  jit: 'off',
  lock_timeout: '0',
  // Functions and operators are those of Postgres, whatever lies in a schema that others put first.
  search_path: 'pg_catalog',
  // The server ends its half of a connection that fell silent, and gives its locks back.
  tcp_keepalives_count: '10',
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '1',
  transform_null_equals: 'off',
} as const;

/** What is known of what lies between here and Postgres. */
export interface PoolTerms {
  /** A pooler refuses to hand on most settings: it is not asked to. */
  readonly pooled: boolean;
  /** Nobody knows which it would refuse: only time-outs are named besides those that all hand on. */
  readonly few?: boolean;
}

export interface PostgresPoolSettings {
  readonly url: string;
  readonly name: string;
  readonly connections: number;
  readonly log?: Log;
  readonly terms?: PoolTerms;
  /** Schemas that SQL without names is looked up in. Ours names its schema, and needs none. */
  readonly searchPath?: string;
  /** `false`: statements may take any time, as those of a migration do. */
  readonly timed?: boolean;
  /** Statements of a transaction that belong together go in one message. */
  readonly joined?: boolean;
}

/**
 * A pool whose connections do not depend on others' settings, and that recovers from connections that fell silent. Add no
 * listener for errors: there is one.
 */
export function postgresPool(settings: PostgresPoolSettings): pg.Pool {
  const { url, name, connections, log, searchPath, timed = true, joined = false } = settings;
  const terms = settings.terms ?? { pooled: false };
  const parameters = {
    ...startParameters(terms, timed),
    ...(terms.pooled || !searchPath ? {} : { search_path: searchPath }),
  };
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: ANSWER_MS,
    ...(timed ? { query_timeout: ANSWER_MS + 1_000 } : {}),
    application_name: name,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_MS,
    Client: steadyClient(parameters),
  } as pg.PoolConfig);
  // A connection that breaks is replaced by the next query. Without a listener its error would end the process. The
  // pool emits those of idle connections; one that is in use, between two statements of a transaction, emits its own.
  pool.on('error', (error) => log?.warn({ code: (error as { code?: string }).code }, 'a database connection broke'));
  pool.on('connect', (client) => client.on('error', () => undefined));
  pool.on('connect', nameIsolation);
  if (joined) pool.on('connect', joinStatements);
  forgetSilent(pool);
  return pool;
}

/** Connects once to see what a pooler in between refuses. Rejects when Postgres cannot be reached. */
export async function termsOf({ url, name }: Pick<PostgresPoolSettings, 'url' | 'name'>): Promise<PoolTerms> {
  const pool = postgresPool({ url, name, connections: 1 });
  try {
    (await pool.connect()).release();
    return { pooled: false };
  } catch (error) {
    if (refusesSettings(error)) return { pooled: true };
    throw error;
  } finally {
    await pool.end();
  }
}

/** By its words, or by how poolers and servers that are no Postgres say that they know no such setting. */
function refusesSettings(error: unknown): boolean {
  const { message, code } = error as { message?: string; code?: string };
  return /startup parameter/.test(message ?? '') || ['0A000', '08P01', '22023', '42704'].includes(code ?? '');
}

function startParameters({ pooled, few = false }: PoolTerms, timed: boolean): Readonly<Record<string, string>> {
  if (pooled) return ALWAYS;
  const times = {
    statement_timeout: timed ? String(ANSWER_MS) : '0',
    ...(timed ? { idle_in_transaction_session_timeout: String(ANSWER_MS * 2) } : {}),
  };
  return few ? { ...ALWAYS, ...times } : { ...ALWAYS, ...WITHOUT_POOLER, ...times };
}

type StartupConf = Record<string, string>;

/** `pg` names few settings when it connects; this one names all that are needed. Transactions name their isolation. */
function steadyClient(parameters: Readonly<Record<string, string>>): typeof pg.Client {
  class SteadyClient extends pg.Client {
    getStartupConf(): StartupConf {
      const base = (pg.Client.prototype as unknown as { getStartupConf(): StartupConf }).getStartupConf.call(this);
      return { ...base, ...parameters };
    }
  }
  return SteadyClient;
}

/** Begins transactions in words that do not depend on a default. */
function nameIsolation(client: pg.PoolClient): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const named = (text: unknown, ...more: unknown[]): unknown =>
    query(text === 'begin' ? 'begin isolation level read committed' : text, ...more);
  Object.assign(client, { query: named });
}

import type pg from 'pg';
import type { Log } from '../../ports.ts';
import { type PoolTerms, postgresPool, termsOf } from './postgres-pool.ts';

/** What a server is set to, as a connection of ours sees it. */
interface ServerFacts {
  readonly encoding: string;
  readonly standby: boolean;
  readonly readonly: boolean;
  readonly isolation: string;
  readonly style: string;
  readonly strings: string;
  /** Milliseconds after which the server ends a statement, and a transaction in which nothing happens; 0: never. */
  readonly statement: number;
  readonly idle: number;
  /** Whether it compiles statements: on or off; null: it does not know how. */
  readonly jit: string | null;
}

/** Thrown by a start on a server on which nothing could be kept. The message says what to do. */
export class UnfitServer extends Error {}

/**
 * Looks at the server before anything is asked of it, and says in the log what others have set that cannot be overridden
 * from here. Throws `UnfitServer` when nothing could be kept there as it is.
 */
export async function lookAtServer(url: string, log: Log): Promise<{ terms: PoolTerms; sharesSessions: boolean }> {
  const terms = await termsOf({ url, name: 'holdfast' });
  const pool = postgresPool({ url, name: 'holdfast', connections: 2, terms });
  try {
    const facts = await factsOf(pool);
    const fault = unfit(facts);
    if (fault !== null) throw new UnfitServer(fault);
    const sharesSessions = await isShared(pool);
    for (const warning of unsettled(facts, sharesSessions)) log.warn({}, `Postgres: ${warning}`);
    return { terms, sharesSessions };
  } finally {
    await pool.end();
  }
}

async function factsOf(pool: pg.Pool): Promise<ServerFacts> {
  const found = await pool.query<ServerFacts>(`
    select current_setting('server_encoding') as encoding, pg_is_in_recovery() as standby,
      current_setting('transaction_read_only')::boolean as readonly,
      current_setting('default_transaction_isolation') as isolation, current_setting('DateStyle') as style,
      current_setting('standard_conforming_strings') as strings,
      (select setting::int from pg_settings where name = 'statement_timeout') as statement,
      (select setting::int from pg_settings where name = 'idle_in_transaction_session_timeout') as idle,
      (select setting from pg_settings where name = 'jit') as jit`);
  return found.rows[0]!;
}

/** Why nothing can be kept there, and what to do; null: it can. */
function unfit({ encoding, standby, readonly }: ServerFacts): string | null {
  if (encoding !== 'UTF8') {
    return (
      `The database cannot be used: its encoding is ${encoding}, and calls hold text of every kind. ` +
      'Create another with createdb -E UTF8 -T template0 and put it into DATABASE_URL.'
    );
  }
  if (standby) {
    return 'The database cannot be used: it is a read-only standby. Point DATABASE_URL at the primary, or promote it.';
  }
  if (readonly) {
    return (
      'The database cannot be used: default_transaction_read_only is on, for the server, this database or this role, ' +
      'and nothing can be written. Set it to off there (alter database … or alter role … reset default_transaction_read_only).'
    );
  }
  return null;
}

/** What we would have set ourselves, if nothing in between refused it. */
function unsettled({ isolation, style, strings, statement, idle, jit }: ServerFacts, pooled: boolean): string[] {
  const set = (name: string, value: string): string => `alter role … set ${name} = '${value}'`;
  const found: string[] = [];
  if (isolation !== 'read committed') {
    found.push(
      `a pooler keeps us from setting the isolation, which is ${isolation} by default: under load calls would be refused ` +
        `(${set('default_transaction_isolation', 'read committed')})`,
    );
  }
  if (!style.startsWith('ISO') || strings !== 'on') {
    found.push(
      'a pooler does not hand on DateStyle or standard_conforming_strings: take them out of its ignore_startup_parameters',
    );
  }
  if (pooled && (statement === 0 || idle === 0)) {
    found.push(
      'a pooler keeps us from setting time-outs, so what a lost connection has locked stays locked ' +
        `(${set('statement_timeout', '5s')}; ${set('idle_in_transaction_session_timeout', '10s')})`,
    );
  }
  if (pooled && jit === 'on') {
    found.push(
      'a pooler keeps us from switching off the compiling of statements, which takes a second where their cost is overestimated, ' +
        `as in a database that is new (${set('jit', 'off')})`,
    );
  }
  return found;
}

/** How often two connections are compared: a pooler need not give both the same session at the first try. */
const LOOKS = 4;

/**
 * Whether two connections that are open at the same time are given the same session of the server, one after the other:
 * a pooler that shares by transaction or statement. What is set in a session, and what it listens to, is lost there.
 */
async function isShared(pool: pg.Pool): Promise<boolean> {
  const clients = await Promise.all([pool.connect(), pool.connect()]);
  try {
    const seen = clients.map(() => new Set<number>());
    for (let look = 0; look < LOOKS; look += 1) {
      for (const [index, client] of clients.entries()) {
        const found = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
        seen[index]!.add(found.rows[0]!.pid);
      }
    }
    const [one, other] = seen as [Set<number>, Set<number>];
    return one.size > 1 || other.size > 1 || [...one].some((pid) => other.has(pid));
  } finally {
    for (const client of clients) client.release();
  }
}

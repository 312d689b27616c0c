/** Real Redis and Postgres for tests, each on a free port of 127.0.0.1 with its own directory; ended by process id. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { accessSync, chmodSync, chownSync, constants, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../port.ts';

export type ServerKind = 'redis' | 'postgres' | 'pgbouncer';

/** A running server, which can be killed and started again on the same port and data. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** After `kill`: starts it again on the same port and data. */
  begin(): Promise<void>;
  /** Stops answering without closing a connection. */
  freeze(): void;
  thaw(): void;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Set by the runner: a directory of Postgres' data, made and shut down, for every server to begin with a copy of. */
export const PREPARED_CLUSTER = 'HOLDFAST_TEST_CLUSTER';
/** The database in it that is migrated and empty; `postgres` has nothing. */
export const PREPARED_DATABASE = 'prepared';

/** Which servers can be started on this machine. */
export function available(): Record<ServerKind, boolean> {
  return {
    redis: binary('redis-server') !== null,
    postgres: binary('initdb') !== null && binary('postgres') !== null,
    pgbouncer: binary('pgbouncer') !== null,
  };
}

/**
 * For node:test's `skip`: why a test must be skipped, or false. With HOLDFAST_TEST_REQUIRE=all a missing server is an
 * error instead, so that nobody mistakes silence for success.
 */
export function skipWithout(kind: ServerKind): string | false {
  if (available()[kind]) return false;
  const why = `no ${kind} server installed`;
  if (process.env.HOLDFAST_TEST_REQUIRE === 'all') throw new Error(`${why}, and HOLDFAST_TEST_REQUIRE=all`);
  return why;
}

/** Redis with an append-only file, so that a restart keeps its data. `tls`: for a server that speaks only TLS. */
export async function startRedis(options: readonly string[] = [], tls?: readonly string[]): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-redis-'));
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'yes'];
  const password = options[options.indexOf('--requirepass') + 1];
  const auth = options.includes('--requirepass') ? `:${password}@` : '';
  return server({
    url: tls === undefined ? `redis://${auth}127.0.0.1:${port}/0` : `rediss://${auth}localhost:${port}/0`,
    port,
    directory,
    begin: () => {
      const secured = tls === undefined ? [] : ['--port', '0', '--tls-port', `${port}`, ...tls];
      return spawn(serverProgram('redis-server'), [...args, ...options, ...secured], { stdio: 'ignore' });
    },
  });
}

/**
 * Postgres with a superuser `postgres` that needs no password. `more` returns further settings; it is given the
 * server's directory, which by then exists and belongs to the server's user.
 */
export async function startPostgres(more: (directory: string) => readonly string[] = () => []): Promise<TestServer> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'));
  const port = await freePort();
  const user = serverUser();
  if (user !== null) chownSync(directory, user.uid, user.gid);
  const as = { cwd: directory, stdio: 'ignore' as const, ...user };
  const prepared = process.env[PREPARED_CLUSTER];
  if (prepared === undefined) initCluster(directory, as);
  // Making one takes a second of CPU, copying it a tenth of that. Owners are kept: Postgres reads only what is its own.
  else execFileSync('cp', ['-a', `${prepared}/.`, directory]);
  const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=', 'max_connections=120'];
  settings.push(...more(directory));
  const args = ['-D', directory, ...settings.flatMap((setting) => ['-c', setting])];
  return server({
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    port,
    directory,
    begin: () => spawn(serverProgram('postgres'), args, as),
    ready: () => spawnSync(serverProgram('pg_isready'), ['-q', '-h', '127.0.0.1', '-p', `${port}`]).status === 0,
  });
}

interface ProgramTerms {
  readonly cwd: string;
  readonly stdio: 'ignore';
  readonly uid?: number;
  readonly gid?: number;
}

function initCluster(directory: string, as: ProgramTerms): void {
  const terms = ['-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-sync'];
  execFileSync(serverProgram('initdb'), [...terms, '-D', directory], as);
}

/** The migrated, empty database of a server that was just started; where none is prepared, the empty one. */
export function preparedUrl({ url }: TestServer): string {
  return process.env[PREPARED_CLUSTER] === undefined ? url : databaseOf(url, PREPARED_DATABASE);
}

/** The URL of another database of the same server. */
export function databaseOf(url: string, name: string): string {
  return url.replace(/\/postgres$/, `/${name}`);
}

/**
 * Makes a cluster in `directory` that servers can begin with a copy of: `fill` gets the URL of its empty database, and
 * what it leaves there is in order when it is copied.
 */
export async function makeCluster(directory: string, fill: (url: string) => Promise<void>): Promise<void> {
  // Its user could not reach a directory below somebody's home.
  const made = mkdtempSync(join(tmpdir(), 'holdfast-cluster-'));
  const user = serverUser();
  if (user !== null) chownSync(made, user.uid, user.gid);
  const as: ProgramTerms = { cwd: made, stdio: 'ignore', ...user };
  const port = await freePort();
  const pgCtl = (...words: string[]): void =>
    void execFileSync(serverProgram('pg_ctl'), ['-w', '-D', made, ...words], as);
  try {
    initCluster(made, as);
    pgCtl('-o', `-c listen_addresses=127.0.0.1 -c port=${port} -c unix_socket_directories=`, 'start');
    try {
      await fill(`postgres://postgres@127.0.0.1:${port}/postgres`);
    } finally {
      pgCtl('-m', 'fast', 'stop');
    }
    execFileSync('cp', ['-a', made, directory]);
    chmodSync(directory, 0o700);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

interface Recipe {
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  begin(): ChildProcess;
  ready?(): boolean;
}

async function server(recipe: Recipe): Promise<TestServer> {
  let child: ChildProcess | null = null;
  const killAtExit = (): void => {
    child?.kill(recipe.ready ? 'SIGQUIT' : 'SIGKILL');
    rmSync(recipe.directory, { recursive: true, force: true });
  };
  process.once('exit', killAtExit);

  async function begin(): Promise<void> {
    child = recipe.begin();
    for (let left = 200; left > 0; left--) {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
      if (recipe.ready ? recipe.ready() : await listens(recipe.port)) return;
      await sleep(50);
    }
    throw new Error('the server does not come up');
  }

  async function kill(): Promise<void> {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill('SIGCONT');
    // Postgres' processes share memory: SIGQUIT ends them at once, but all together.
    ending.kill(recipe.ready ? 'SIGQUIT' : 'SIGKILL');
    await gone;
  }

  const running: TestServer = {
    url: recipe.url,
    port: recipe.port,
    begin,
    kill,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    stop: async () => {
      await kill();
      process.off('exit', killAtExit);
      rmSync(recipe.directory, { recursive: true, force: true });
    },
  };
  try {
    await begin();
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

async function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket.destroy() && true));
    socket.once('error', () => resolve(false));
  });
}

/** Postgres and pgbouncer refuse to run as root. */
export function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

/** The path of a program of Redis or Postgres; throws where it is not installed. */
export function serverProgram(name: string): string {
  const path = binary(name);
  if (path === null) throw new Error(`${name} is not installed`);
  return path;
}

/** Debian keeps Postgres' server programs off the PATH. */
function binary(name: string): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...(process.env.PATH ?? '').split(delimiter),
    '/usr/sbin',
    ...versions.map((v) => join(debian, v, 'bin')),
  ];
  return places.map((place) => join(place, name)).find(isProgram) ?? null;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

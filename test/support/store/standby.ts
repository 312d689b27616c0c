import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../port.ts';
import { serverProgram } from './servers.ts';

/** A streaming standby of a Postgres server, which can be promoted in the state that it has. */
export interface Standby {
  readonly url: string;
  /** From now on it receives nothing more: it falls behind. */
  fallBehind(): void;
  /** It becomes a server of its own at this port, as far as it had come. */
  promote(port: number): void;
  stop(): void;
}

/** `primary`: the port of a server that lets `postgres` replicate without a password. */
export async function startStandby(primary: number): Promise<Standby> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-standby-'));
  const data = join(folder, 'data');
  const port = await freePort();
  const root = process.getuid?.() === 0;
  if (root) execFileSync('chown', ['postgres', folder]);
  const run = (program: string, ...args: string[]): void => {
    const [command, rest] = root
      ? ['runuser', ['-u', 'postgres', '--', serverProgram(program), ...args]]
      : [serverProgram(program), args];
    execFileSync(command, rest, { stdio: 'ignore', cwd: folder });
  };
  run(
    'pg_basebackup',
    '-h',
    '127.0.0.1',
    '-p',
    `${primary}`,
    '-U',
    'postgres',
    '-D',
    data,
    '-R',
    '-X',
    'stream',
    '-c',
    'fast',
  );
  const start = (at: number): void => {
    const options = `-c listen_addresses=127.0.0.1 -c port=${at} -c unix_socket_directories= -c max_connections=120`;
    run('pg_ctl', 'start', '-w', '-D', data, '-l', join(folder, 'log'), '-o', options);
  };
  start(port);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    fallBehind: () => {
      const to = ['-h', '127.0.0.1', '-p', `${port}`, '-U', 'postgres'];
      run('psql', ...to, '-c', "alter system set primary_conninfo = ''", '-c', 'select pg_reload_conf()');
    },
    promote: (at) => {
      run('pg_ctl', 'promote', '-w', '-D', data);
      run('pg_ctl', 'stop', '-w', '-m', 'fast', '-D', data);
      start(at);
    },
    stop: () => {
      if (existsSync(join(data, 'postmaster.pid'))) run('pg_ctl', 'stop', '-w', '-m', 'immediate', '-D', data);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../port.ts';
import { eventually } from '../wait.ts';
import { serverProgram, serverUser } from './servers.ts';

/** A pooler in front of a Postgres server. */
export interface Pooler {
  /** The same database, through the pooler. */
  through(url: string): string;
  stop(): Promise<void>;
}

/** `to`: the server's port. `more`: further lines of its configuration. */
export async function startPgbouncer(
  to: number,
  mode: 'transaction' | 'session' | 'statement' = 'transaction',
  more: readonly string[] = [],
): Promise<Pooler> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-pgbouncer-'));
  const port = await freePort();
  const config = [
    '[databases]',
    `* = host=127.0.0.1 port=${to}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    `pool_mode = ${mode}`,
    ...more,
  ];
  // With any authentication, a user has to be named.
  config[1] += ' user=postgres';
  writeFileSync(join(folder, 'pgbouncer.ini'), `${config.join('\n')}\n`);
  const user = serverUser();
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const child = spawn(serverProgram('pgbouncer'), [join(folder, 'pgbouncer.ini')], { ...user, stdio: 'ignore' });
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  await eventually('pgbouncer listens', () => answers(port));
  return {
    through: (url) => {
      const other = new URL(url);
      other.port = String(port);
      return other.href;
    },
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      process.off('exit', killAtExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<true | null> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(null));
  });
}

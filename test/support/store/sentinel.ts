import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../port.ts';
import { eventually } from '../wait.ts';
import { serverProgram, startRedis, type TestServer } from './servers.ts';

/** A primary, a replica, and sentinels that put the replica in the primary's place when it is gone. */
export interface Sentinels {
  readonly primary: TestServer;
  readonly replica: TestServer;
  /** `redis+sentinel://…/main`. The first of its sentinels does not exist. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Milliseconds after which a primary that does not answer is replaced. */
const DOWN_MS = 1_000;

/** `password`: of the servers and of the sentinels. */
export async function startSentinels(password: string | null = null): Promise<Sentinels> {
  const secured = password === null ? [] : ['--requirepass', password, '--masterauth', password];
  const primary = await startRedis(secured);
  const replica = await startRedis([...secured, '--replicaof', '127.0.0.1', String(primary.port)]);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-sentinel-'));
  const ports = [await freePort(), await freePort(), await freePort()];
  const children: ChildProcess[] = [];
  const killAll = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  process.once('exit', killAll);
  for (const port of ports) {
    const path = join(folder, `${port}.conf`);
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${primary.port} 2`,
      `sentinel down-after-milliseconds main ${DOWN_MS}`,
      'sentinel failover-timeout main 4000',
      ...(password === null ? [] : [`sentinel auth-pass main ${password}`, `requirepass ${password}`]),
    ];
    writeFileSync(path, `${lines.join('\n')}\n`);
    children.push(spawn(serverProgram('redis-server'), [path, '--sentinel'], { stdio: 'ignore' }));
  }
  for (const port of ports) {
    const sentinel = new Redis({ port, ...(password === null ? {} : { password }) });
    sentinel.on('error', () => undefined);
    // They know of each other and of the replica: only then can they agree on a fail-over.
    await eventually(`the sentinel at ${port} knows the others`, async () => {
      const flat = (await sentinel.call('SENTINEL', 'MASTER', 'main')) as string[];
      const field = (name: string): number => Number(flat[flat.indexOf(name) + 1]);
      return field('num-other-sentinels') === 2 && field('num-slaves') === 1 ? true : null;
    });
    sentinel.disconnect();
  }
  const auth = password === null ? '' : `:${encodeURIComponent(password)}@`;
  const query = password === null ? '' : `?sentinelPassword=${encodeURIComponent(password)}`;
  const nobody = await freePort();
  return {
    primary,
    replica,
    url: `redis+sentinel://${auth}${[nobody, ...ports].map((port) => `127.0.0.1:${port}`).join()}/main${query}`,
    stop: async () => {
      killAll();
      process.off('exit', killAll);
      await Promise.all([primary.stop(), replica.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

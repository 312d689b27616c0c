import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';

const ROOT = new URL('../..', import.meta.url).pathname;
const text = (name: string): string => readFileSync(`${ROOT}${name}`, 'utf8');
/** Seconds that a gateway may take from SIGTERM to its end: 10 for calls under way, 3 to record them, and a margin. */
const ENOUGH = 25;

interface Service {
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
}

test('the compose file gives Redis what the queue needs, and the gateway time to end', () => {
  const { services } = parse(text('compose.yaml')) as { services: Record<string, Service> };
  const { redis, gateway } = services;
  assert.match(redis!.command!.join(' '), /--appendonly yes .*--maxmemory-policy noeviction/);
  assert.ok(Number.parseInt(gateway!.stop_grace_period!, 10) >= ENOUGH);
  assert.deepEqual(Object.keys(gateway!.depends_on!).sort(), ['postgres', 'redis']);
  assert.ok(gateway!.environment!.DATABASE_URL && gateway!.environment!.REDIS_URL);
});

test('the image runs as nobody in particular, from files that are there and that the context lets through', () => {
  const lines = text('Dockerfile').split('\n');
  const copied = lines.filter((line) => /^COPY (?!--)/.test(line)).flatMap((line) => line.split(' ').slice(1, -1));
  const context = new Set(text('.dockerignore').split('\n'));
  for (const name of copied) assert.ok(existsSync(`${ROOT}${name}`) && context.has(`!${name}`), name);
  assert.ok(lines.indexOf('USER node') > 0);
  assert.ok(text('Dockerfile').includes('ENTRYPOINT ["node", "--max-semi-space-size=16", "src/cli/cli.ts"]'));
});

test('the systemd unit gives the gateway time to end', () => {
  assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(text('deploy/holdfast.service'))![1]) >= ENOUGH);
  assert.match(text('deploy/holdfast.service'), /^KillMode=mixed$/m);
});

const systemd = spawnSync('systemd-analyze', ['--version']).status === 0;
test('systemd finds nothing wrong with the unit', { skip: systemd ? false : 'no systemd installed' }, () => {
  const { stderr } = spawnSync('systemd-analyze', ['verify', `${ROOT}deploy/holdfast.service`], { encoding: 'utf8' });
  // A missing /usr/bin/node is no fault of the unit.
  const wrong = stderr.split('\n').filter((line) => line.includes('holdfast.service') && !/not executable/.test(line));
  assert.deepEqual(wrong, []);
});

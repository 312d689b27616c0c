import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/config-file.ts';
import { parsePolicy } from '../../src/config/policy/file.ts';
import { SECRET_NAMES } from '../../src/config/secret-from.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const text = (name: string): string => readFileSync(`${ROOT}${name}`, 'utf8');
/** Seconds that a gateway may take from SIGTERM to its end: 10 for calls under way, 3 to record them, and a margin. */
const ENOUGH = 25;

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

interface Service {
  readonly image?: string;
  readonly secrets?: readonly string[];
  readonly networks?: readonly string[];
  readonly env_file?: unknown;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
}

const compose = (): Compose => parse(text('compose.yaml')) as Compose;

test('the compose file gives Redis what the queue needs, and the gateway time to end', () => {
  const { redis, gateway } = compose().services;
  assert.match(redis!.command!.join(' '), /--appendonly yes .*--maxmemory-policy noeviction/);
  assert.ok(Number.parseInt(gateway!.stop_grace_period!, 10) >= ENOUGH);
  assert.deepEqual(Object.keys(gateway!.depends_on!).sort(), ['postgres', 'redis']);
  assert.ok(gateway!.environment!.DATABASE_URL_FILE && gateway!.environment!.REDIS_URL_FILE);
});

test('P8: the compose file gives secrets as files, and none to the container in which servers are started', () => {
  const { services, secrets, networks } = compose();
  for (const [name, { environment = {}, secrets: own = [], env_file }] of Object.entries(services)) {
    assert.equal(env_file, undefined, name);
    for (const [variable, value] of Object.entries(environment)) {
      const base = variable.replace(/_FILE$/, '');
      const isSecret = (SECRET_NAMES as readonly string[]).includes(base) || /PASSWORD|TOKEN|SECRET/.test(base);
      if (!isSecret) continue;
      assert.equal(`${variable} ${value}`, `${base}_FILE /run/secrets/${base}`, name);
      assert.ok(own.includes(base), `${name} is given ${base}`);
    }
    for (const secret of own) assert.equal(secrets[secret]!.file, `./secrets/${secret}`);
  }
  const { gateway, tools, postgres, redis } = services;
  assert.deepEqual([tools!.secrets, tools!.networks, tools!.image], [undefined, ['tools'], gateway!.image]);
  assert.ok(networks.tools!.internal && networks.stores!.internal);
  assert.ok(![postgres!, redis!].some((store) => store.networks!.includes('tools')));
});

test('P8: images are named by exact version, and may be named by digest', () => {
  const { redis, postgres } = compose().services;
  for (const { image } of [redis!, postgres!]) assert.match(image!, /^\$\{\w+_IMAGE:-\w+:\d+\.\d+(\.\d+)?\}$/);
  assert.match(text('Dockerfile'), /^ARG NODE_IMAGE=node:\d+\.\d+\.\d+-slim$/m);
  assert.doesNotMatch(text('Dockerfile'), /^FROM (?!\$\{NODE_IMAGE\})/m);
});

test('P8: Redis gets its password by a file of settings, which no argument and no variable repeats', () => {
  const { redis } = compose().services;
  assert.ok(redis!.secrets!.some((secret) => redis!.command!.includes(`/run/secrets/${secret}`)));
  assert.ok(!redis!.command!.some((word) => /pass/i.test(word)));
  assert.equal(redis!.environment, undefined);
});

test('the bridge’s config is one, and lets through what the gateway let through', () => {
  const config = parseConfig(text('deploy/tools/holdfast.yaml'), { path: 'deploy/tools/holdfast.yaml', env: {} });
  assert.ok(config.ok, JSON.stringify(config));
  assert.equal(config.config.sessionChildren, 200);
  const policy = parsePolicy(text('deploy/tools/allow.yaml'), { path: 'allow.yaml' });
  assert.ok(policy.ok && policy.policy.default === 'allow');
});

test('the image runs as nobody in particular, from files that are there and that the context lets through', () => {
  const lines = text('Dockerfile').split('\n');
  const copied = lines.filter((line) => /^COPY (?!--)/.test(line)).flatMap((line) => line.split(' ').slice(1, -1));
  const context = new Set(text('.dockerignore').split('\n'));
  for (const name of copied) assert.ok(existsSync(`${ROOT}${name}`) && context.has(`!${name}`), name);
  assert.ok(lines.indexOf('USER node') > 0);
  // Whoever may not read the program cannot look into its processes.
  const closed = lines.indexOf('RUN chmod 711 /usr/local/bin/node');
  assert.ok(closed > 0 && closed < lines.indexOf('USER node'));
  assert.ok(text('Dockerfile').includes('ENTRYPOINT ["node", "--max-semi-space-size=16", "src/cli/cli.ts"]'));
});

test('the systemd unit gives the gateway time to end', () => {
  assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(text('deploy/holdfast.service'))![1]) >= ENOUGH);
  assert.match(text('deploy/holdfast.service'), /^KillMode=mixed$/m);
});

test('P8: the units hand the gateway its secrets as files, and the servers’ unit none of them', () => {
  const [gateway, tools] = [text('deploy/holdfast.service'), text('deploy/holdfast-tools@.service')];
  const pairs = [...gateway.matchAll(/^LoadCredential=(\w+):\/etc\/holdfast\/secrets\/(\w+)\nEnvironment=(\S+)$/gm)];
  assert.ok(pairs.length >= 6);
  for (const [, name, file, variable] of pairs) {
    assert.deepEqual([file, variable], [name, `${name}_FILE=%d/${name}`]);
    assert.ok((SECRET_NAMES as readonly string[]).includes(name!), name);
  }
  assert.doesNotMatch(tools, /LoadCredential|EnvironmentFile|SECRET|TOKEN/);
  for (const path of ['/etc/holdfast/secrets', '/var/lib/holdfast', '/run/credentials/holdfast.service']) {
    assert.ok(/^InaccessiblePaths=(.*)$/m.exec(tools)![1]!.split(' ').includes(`-${path}`), path);
  }
  for (const unit of [gateway, tools]) {
    assert.match(unit, /^DynamicUser=yes$/m);
    assert.ok(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1]) >= ENOUGH);
  }
});

const systemd = spawnSync('systemd-analyze', ['--version']).status === 0;
test('systemd finds nothing wrong with the unit', { skip: systemd ? false : 'no systemd installed' }, () => {
  for (const name of ['holdfast.service', 'holdfast-tools@.service']) {
    const { stderr } = spawnSync('systemd-analyze', ['verify', `${ROOT}deploy/${name}`], { encoding: 'utf8' });
    // A missing /usr/bin/node is no fault of the unit.
    const wrong = stderr.split('\n').filter((line) => line.includes('holdfast') && !/not executable/.test(line));
    assert.deepEqual(wrong, []);
  }
});

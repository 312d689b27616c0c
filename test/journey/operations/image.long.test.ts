import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../support/wait.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
/** A user who owns nothing in the image; only root can become another user. */
const NOBODY = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};

interface Locked {
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

/** Copies the packages that `npm ci --omit=dev --omit=optional` would install. */
function install(app: string): void {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (path === '' || dev || optional || devOptional) continue;
    // Nested packages have entries of their own.
    const filter = (from: string) => from === join(ROOT, path) || basename(from) !== 'node_modules';
    cpSync(join(ROOT, path), join(app, path), { recursive: true, filter });
  }
}

test('the image’s files, with its packages, its settings and nobody’s rights, start, are healthy and stop', {
  timeout: 120_000,
}, async () => {
  assert.match(DOCKERFILE, /^RUN npm ci --omit=dev --omit=optional /m);
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-image-'));
  chmodSync(folder, 0o755);
  const [app, data, config] = ['app', 'data', 'holdfast.yaml'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  try {
    const stage = DOCKERFILE.slice(DOCKERFILE.lastIndexOf('\nFROM '));
    mkdirSync(app);
    for (const [, from, to] of stage.matchAll(/^COPY (?!--)(\S+) (\S+)$/gm)) {
      cpSync(join(ROOT, from!), join(app, to === './' ? from! : to!), { recursive: true });
    }
    install(app);
    const node = join(folder, 'node');
    cpSync(process.execPath, node);
    const [, mode] = /^RUN chmod (\d+) \/usr\/local\/bin\/node$/m.exec(stage)!;
    chmodSync(node, Number.parseInt(mode!, 8));
    mkdirSync(data, { mode: 0o700 });
    if (NOBODY.uid !== undefined) chownSync(data, NOBODY.uid, NOBODY.gid);
    writeFileSync(config, 'version: "1"\nservers: {}\ngrants: []\n');

    const env = { NODE_ENV: 'production', HOLDFAST_CONFIG: config, HOLDFAST_DATA: data, HOLDFAST_LISTEN: '0.0.0.0:0' };
    for (const name of Object.keys(env)) assert.ok(stage.includes(`${name}=`), name);
    const [program, ...words] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(stage)![1]!) as string[];
    const [command] = JSON.parse(/^CMD (.*)$/m.exec(stage)![1]!) as string[];
    assert.equal(program, 'node');
    const gateway = spawn(node, [...words, command!], { cwd: app, env, ...NOBODY });
    let said = '';
    gateway.stdout.on('data', (text) => {
      said += text;
    });
    gateway.stderr.on('data', (text) => {
      said += text;
    });
    const ended = new Promise((resolve) => gateway.once('close', resolve));
    try {
      const port = await eventually('it listens', () => /listening on http:\S+:(\d+)/.exec(said)?.[1] ?? null, 60_000);
      const [, ...check] = JSON.parse(
        /HEALTHCHECK[^[]*CMD (\[.*\])$/m.exec(stage.replaceAll('\\\n', ''))![1]!,
      ) as string[];
      const here = check.map((word) => word.replace(':8787/', `:${port}/`));
      assert.equal(spawnSync(node, here, { timeout: 20_000 }).status, 0, 'the health check');
      gateway.kill('SIGTERM');
      assert.equal(await ended, 0, said);
    } finally {
      gateway.kill('SIGKILL');
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

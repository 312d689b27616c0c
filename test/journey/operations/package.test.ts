import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Packed, packed } from '../../support/package/packed.ts';

const CONFIG = `version: "1"
servers:
  calm: { url: "http://127.0.0.1:9/mcp", policy: calm.yaml }
approvers: { security: [admin] }
`;

describe('the package that npm gets', () => {
  let it: Packed;
  before(() => {
    it = packed();
  });
  after(() => it?.remove());

  function run(...words: string[]): SpawnSyncReturns<string> {
    const command = join(it.place, 'deploy/package/holdfast.js');
    const env = { PATH: process.env.PATH ?? '', HOME: it.folder };
    return spawnSync(process.execPath, [command, ...words], { cwd: it.folder, env, encoding: 'utf8', timeout: 60_000 });
  }

  test('it holds the built program, its types, the ready policies, the licence and nothing else', () => {
    const allowed =
      /^(dist\/|policies\/|deploy\/package\/holdfast\.js$|package\.json$|(README|CHANGELOG|SECURITY)\.md$|LICENSE$)/;
    assert.deepEqual(
      it.files.filter((path) => !allowed.test(path)),
      [],
    );
    for (const path of [
      'LICENSE',
      'README.md',
      'dist/src/cli/cli.js',
      'dist/src/cli/cli.d.ts',
      'policies/prometheus.json',
    ]) {
      assert.ok(it.files.includes(path), path);
    }
    const sources = it.files.filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'));
    assert.deepEqual(sources, [], 'Node does not strip types there');
  });

  test('what it imports is there: its own files, Node’s modules, and packages that it declares', () => {
    const { dependencies } = JSON.parse(readFileSync(join(it.place, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const missing: string[] = [];
    for (const path of it.files.filter((name) => name.endsWith('.js') && !name.includes('/assets/'))) {
      const text = readFileSync(join(it.place, path), 'utf8');
      for (const [, name] of text.matchAll(/^(?:import|export)\s(?:[^'"();=]*\sfrom\s)?["']([^"']+)["']/gm)) {
        const own = name!.startsWith('.');
        const packageName = name!.split('/', name!.startsWith('@') ? 2 : 1).join('/');
        const found = own
          ? existsSync(join(it.place, path, '..', name!))
          : isBuiltin(name!) || packageName in dependencies;
        if (!found) missing.push(`${path}: ${name}`);
      }
    }
    assert.deepEqual(missing, []);
  });

  test('it tells its help and its version', () => {
    const { version } = JSON.parse(readFileSync(join(it.place, 'package.json'), 'utf8')) as { version: string };
    assert.equal(run('--version').stdout.trim(), version);
    const help = run('--help');
    assert.equal(help.status, 0);
    assert.match(help.stdout, /holdfast <command>/);
  });

  test('its demo goes as it should', () => {
    const demo = run('demo');
    assert.equal(demo.status, 0, demo.stderr);
    assert.match(demo.stdout, /Everything went as it should/);
  });

  test('it starts, serves the console with its files, is healthy, and stops', { timeout: 60_000 }, async () => {
    writeFileSync(join(it.folder, 'holdfast.yaml'), CONFIG);
    writeFileSync(join(it.folder, 'calm.yaml'), 'version: "1"\ndefault: deny\n');
    const command = join(it.folder, 'node_modules/holdfast/deploy/package/holdfast.js');
    const env = {
      PATH: process.env.PATH ?? '',
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_ADMIN_TOKEN: randomBytes(24).toString('base64url'),
    };
    const gateway = spawn(process.execPath, [command, 'start'], {
      cwd: it.folder,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => gateway.once('close', resolve));
    try {
      let said = '';
      gateway.stderr.on('data', (text) => {
        said += text;
      });
      const url = await new Promise<string>((resolve, reject) => {
        gateway.stdout.on('data', (text) => {
          said += text;
          const found = /holdfast is listening on (\S+)/.exec(said);
          if (found) resolve(found[1]!);
        });
        void ended.then(() => reject(new Error(said)));
      });
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
      const page = await (await fetch(`${url}/login`)).text();
      const asset = /(?:href|src)="([^"]+\.(?:css|js))"/.exec(page)?.[1];
      assert.ok(asset !== undefined, page.slice(0, 2_000));
      assert.equal((await fetch(new URL(asset, url))).status, 200);
    } finally {
      gateway.kill('SIGTERM');
      await ended;
    }
  });

  test('an old Node is told what to do', () => {
    const command = join(it.place, 'deploy/package/holdfast.js');
    const old = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })';
    const flags = ['--import', `data:text/javascript,${encodeURIComponent(old)}`];
    const { status, stderr } = spawnSync(process.execPath, [...flags, command, 'start'], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /Node 20\.20\.2 is too old.*\n.*npx holdfast/);
  });
});

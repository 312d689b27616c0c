import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { callTool, sdkClient, textOf } from '../../support/agent/agent.ts';
import { type Packed, packed } from '../../support/package/packed.ts';
import { freePort } from '../../support/port.ts';
import { eventually } from '../../support/wait.ts';

const FILESYSTEM = new URL(
  '../../../node_modules/@modelcontextprotocol/server-filesystem/dist/index.js',
  import.meta.url,
).pathname;

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

  test('by the README’s steps: init at a terminal, a call that waits, a yes in the console', {
    timeout: 300_000,
  }, async () => {
    const place = mkdtempSync(join(tmpdir(), 'holdfast-first-'));
    mkdirSync(join(place, 'files'));
    const command = join(it.folder, 'node_modules/holdfast/deploy/package/holdfast.js');
    const words = [process.execPath, command, 'init', '--listen', `127.0.0.1:${await freePort()}`];
    const terminal = spawn('script', ['-qfec', words.join(' '), '/dev/null'], {
      cwd: place,
      env: { PATH: process.env.PATH ?? '', HOME: place, TERM: 'xterm', npm_command: 'exec' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => terminal.once('close', resolve));
    let said = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    const answer = async (question: RegExp, line: string): Promise<void> => {
      await eventually(`it asks ${question}`, () => (question.test(said) ? true : null), 60_000);
      said = '';
      terminal.stdin.write(`${line}\n`);
    };
    try {
      await answer(/The command of your MCP server[\s\S]*> $/, `${process.execPath} ${FILESYSTEM} ./files`);
      await answer(/Its name \[\w+\]: $/, 'files');
      await answer(/For which client.*\[mcp\] $/, '');
      await answer(/Run this command under your account.*\[Y\/n\] $/, '');
      const link = await eventually('a link', () => /\S+\/sign-in#[\w-]{43}/.exec(said)?.[0] ?? null, 60_000);
      assert.match(said, /Next time: npx holdfast start/);
      const { origin, hash } = new URL(link);
      const body = JSON.stringify({ link: hash.slice(1) });
      const headers = { origin, 'content-type': 'application/json' };
      const signedIn = await fetch(`${origin}/sign-in`, { method: 'POST', headers, body });
      assert.equal(signedIn.status, 200);
      const person = { ...headers, cookie: signedIn.headers.getSetCookie()[0]!.split(';')[0]! };
      const { mcpServers } = JSON.parse(readFileSync(join(place, '.holdfast/clients/mcp.json'), 'utf8'));
      const { url, headers: own } = mcpServers.files;
      const agent = await sdkClient(url, own.Authorization.slice('Bearer '.length));
      const path = join(realpathSync(place), 'files/first.txt');
      const held = callTool(agent, 'write_file', { path, content: 'approved' });
      const id = await eventually('it waits', async () => {
        const listed = await fetch(`${origin}/api/approvals?state=pending`, { headers: person });
        return ((await listed.json()) as { items: { id: string }[] }).items[0]?.id ?? null;
      });
      assert.equal(existsSync(path), false);
      const decision = JSON.stringify({ decision: 'approve' });
      const decided = await fetch(`${origin}/api/approvals/${id}/decisions`, {
        method: 'POST',
        headers: person,
        body: decision,
      });
      assert.equal(decided.status, 200);
      assert.match(textOf(await held), /Successfully wrote/);
      assert.equal(readFileSync(path, 'utf8'), 'approved');
      await agent.close();
      terminal.stdin.write('\u0003');
      await ended;
    } finally {
      terminal.kill('SIGKILL');
      await ended;
      rmSync(place, { recursive: true, force: true });
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

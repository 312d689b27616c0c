import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { newGrant } from '../../../src/config/grants.ts';
import { copyPrepared } from '../../support/store/prepared.ts';
import { eventually } from '../../support/wait.ts';

const ROOT = new URL('../../../', import.meta.url).pathname;
const ADMIN = '5fK2pQ8xVb7Lm3sRzT9wYd4nHc6J';
const POLICY = 'version: "1"\ndefault: deny\ntools:\n  drop: { action: require_approval }\n';
const DYING = `console.error('first line'); console.error('no licence for Sesame-4711'); setTimeout(() => process.exit(3), 50);`;
const WORKING = `
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  const result = method === 'initialize'
    ? { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } }
    : { content: [{ type: 'text', text: 'done' }] };
  if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result }));
});`;

describe('what a person at the terminal is told', {
  skip: process.platform === 'linux' ? false : 'needs script(1)',
}, () => {
  let folder: string;
  let script: ChildProcess;
  let said = '';
  let url: string;
  const grant = newGrant({ name: 'bot', servers: ['gone', 'dying', 'works'], owner: null, expires: null });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-told-'));
    for (const [name, text] of [
      ['p.yaml', POLICY],
      ['dying.cjs', DYING],
      ['works.cjs', WORKING],
    ] as const)
      writeFileSync(join(folder, name), text);
    const node = process.execPath;
    writeFileSync(
      join(folder, 'holdfast.yaml'),
      `version: "1"
servers:
  gone: { command: npxx, args: ["-y", some-server], policy: p.yaml }
  dying: { command: "${node}", args: ["${folder}/dying.cjs"], env: { LICENCE: Sesame-4711 }, policy: p.yaml }
  works: { command: "${node}", args: ["${folder}/works.cjs"], policy: p.yaml }
grants: [{ name: bot, token_sha256: "${grant.tokenSha256}", servers: [gone, dying, works], owner: none }]
approvers: { security: [admin] }
listen: 127.0.0.1:0
`,
    );
    copyPrepared(join(folder, 'data'));
    const words = [
      'src/cli/cli.ts',
      'start',
      '--config',
      join(folder, 'holdfast.yaml'),
      '--data',
      join(folder, 'data'),
    ];
    const command = [process.execPath, ...words].map((word) => `'${word}'`).join(' ');
    script = spawn('script', ['-qfec', `echo $$ > '${folder}/pid'; exec ${command}`, '/dev/null'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, HOME: folder, TERM: 'xterm', NO_COLOR: '1', HOLDFAST_ADMIN_TOKEN: ADMIN },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    script.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text));
    url = await hears(/is listening on (\S+)/, 60_000);
  });
  after(() => {
    script?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const hears = (words: RegExp, ms = 20_000): Promise<string> =>
    eventually(`it says ${words}`, async () => words.exec(said.replaceAll('\r', ''))?.slice(-1)[0] ?? null, ms);
  let session = '';
  async function post(server: string, body: object): Promise<Response> {
    const headers = {
      authorization: `Bearer ${grant.token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...(session === '' ? {} : { 'mcp-session-id': session }),
    };
    return fetch(`${url}/mcp/${server}`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    });
  }
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 't', version: '1' } };
  const initialize = { id: 1, method: 'initialize', params };
  const cli = (...words: string[]) =>
    spawnSync(process.execPath, ['src/cli/cli.ts', ...words], {
      cwd: ROOT,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: folder, HOLDFAST_ADMIN_TOKEN: ADMIN, HOLDFAST_PUBLIC_URL: url },
    });

  test('a command that does not exist is named at the start, and when it is asked for', async () => {
    await hears(/WARNING: servers\.gone cannot be started: there is no program npxx\. Install it/);
    const { error } = (await (await post('gone', initialize)).json()) as { error: { message: string } };
    assert.match(
      error.message,
      /gone cannot be reached \(the server's program could not be started \(ENOENT\)\); nothing/,
    );
    await hears(/server gone could not be started \(ENOENT\): npxx -y some-server\. .*Install the program/);
  });

  test('a server that dies is told with command, exit code and last words, without what its env has', async () => {
    const answered = await (await post('dying', initialize)).text();
    assert.match(
      answered,
      /dying ended the connection before it had begun a session .*Nothing was called, so it is safe/,
    );
    await hears(
      /server dying ended before it answered, with exit code 3: .*dying\.cjs\. Its last output: no licence for …/,
    );
    assert.match(said, /Run holdfast doctor for details, or run the command by hand/);
    assert.ok(!said.includes('Sesame'), said);
  });

  test('a call that waits is named with where to decide, and approve says what became of it', async () => {
    const opened = await post('works', initialize);
    await opened.text();
    session = opened.headers.get('mcp-session-id')!;
    await (await post('works', { method: 'notifications/initialized' })).text();
    const call = { id: 2, method: 'tools/call', params: { name: 'drop', arguments: {} } };
    const waiting = post('works', call).then((answer) => answer.text());
    const id = await hears(
      /bot is waiting for approval of works\.drop\. Decide in the console, or with: holdfast approvals approve (\w+)/,
    );
    const { stdout, stderr, status } = cli('approvals', 'approve', id, '--yes');
    assert.equal(status, 0, stderr);
    assert.match(stdout, new RegExp(`^${id} is now \\w+\\.\\nIt has run\\.\\n$`));
    assert.match(await waiting, /done/);
    await hears(new RegExp(`works\\.drop for bot ran \\(${id}\\)`));
  });

  test('approve says that nothing has run where its agent is gone, and waits as long as it is told', async () => {
    const gone = new AbortController();
    const headers = {
      authorization: `Bearer ${grant.token}`,
      accept: 'application/json',
      'content-type': 'application/json',
      'mcp-session-id': session,
    };
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 3,
      method: 'tools/call',
      params: { name: 'drop', arguments: { n: 1 } },
    });
    const asked = fetch(`${url}/mcp/works`, { method: 'POST', headers, body, signal: gone.signal }).catch(
      () => undefined,
    );
    const id = await eventually('it waits', async () => {
      const { items } = JSON.parse(cli('approvals', 'list', '--state', 'pending', '--json').stdout) as {
        items: { id: string }[];
      };
      return items[0]?.id ?? null;
    });
    gone.abort();
    await asked;
    const { stdout } = cli('approvals', 'approve', id, '--yes', '--wait', '1');
    assert.match(
      stdout,
      /It has not run yet, because its agent is not waiting\. It runs when the agent makes the same call again/,
    );
    assert.equal(cli('approvals', 'approve', id, '--yes', '--wait', 'long').status, 2);
  });

  test('SIGHUP reads the files again while the terminal is there, and ends the gateway once it has gone', async () => {
    const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
    process.kill(pid, 'SIGHUP');
    await hears(/config and policies were read again/);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    // The terminal closes.
    script.kill('SIGKILL');
    await eventually(
      'it has ended',
      async () => {
        try {
          process.kill(pid, 0);
          return null;
        } catch {
          return true;
        }
      },
      30_000,
    );
  });
});

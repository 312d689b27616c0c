import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { runCommandLine } from '../../../src/cli/command-line.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { fromDisk } from '../../../src/main/process/from-disk.ts';
import { secretsOnDisk } from '../../../src/main/process/secret-file.ts';
import { Printed } from '../../../src/text/printed.ts';
import { callTool, textOf } from '../../support/agent/agent.ts';
import { freePort } from '../../support/port.ts';
import { copyPrepared } from '../../support/store/prepared.ts';
import { keptTerminal } from '../../support/terminal.ts';
import { shiftingUpstream } from '../../support/upstream/shifting.ts';
import { eventually } from '../../support/wait.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const FILESYSTEM = join(ROOT, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');
const EVERYTHING = join(ROOT, 'node_modules/@modelcontextprotocol/server-everything/dist/index.js');
const BRIDGE = join(ROOT, 'node_modules/mcp-remote/dist/proxy.js');
const NODE = process.execPath;
const SECRET = 'geheim-4711';

let home: string;
let cwd: string;
let listen: string;

beforeEach(async () => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-init-')));
  cwd = join(home, 'work');
  mkdirSync(join(cwd, 'files'), { recursive: true });
  listen = `127.0.0.1:${await freePort()}`;
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** Runs `init` in the folder. `answers`: what a person types; absent: nobody is there. */
async function init(words: readonly string[], more: { answers?: string[]; env?: Record<string, string> } = {}) {
  const env = { HOME: home, PATH: process.env.PATH ?? '', ...more.env };
  const { terminal, out, err } = keptTerminal({ env, cwd });
  const asked: string[] = [];
  const answers = [...(more.answers ?? [])];
  const ask = async (question: string): Promise<string | null> => {
    asked.push(question);
    return more.answers === undefined ? null : (answers.shift() ?? null);
  };
  const person = { askLine: (question: Printed) => ask(Printed.textOf(question)), askSecret: ask };
  const code = await runCommandLine(['init', '--listen', listen, '--no-start', ...words], { ...terminal, ...person });
  return { code, out: out(), err: err(), asked };
}

const scripted = (from: string, ...more: string[]) => init(['--from', from, '--yes', ...more]);

function put(path: string, text: string | object): string {
  const whole = join(home, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, typeof text === 'string' ? text : JSON.stringify(text, null, 2));
  return whole;
}

const read = (path: string): string => readFileSync(path, 'utf8');
const modeOf = (path: string): number => statSync(path).mode & 0o777;
const files = { command: NODE, args: [FILESYSTEM, './files'], env: { API_KEY: SECRET } };

function loaded(env: Record<string, string> = {}) {
  const sources = { env: { PATH: '/', ...env }, readFile: fromDisk, readSecret: secretsOnDisk(undefined) };
  return loadConfig({ ...sources, configPath: join(cwd, 'holdfast.yaml') });
}

/** Every file below, but for the private folder. */
function openFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && !each.parentPath.includes('.holdfast'))
    .map((each) => join(each.parentPath, each.name));
}

describe('init with the file of each client', () => {
  /** Where the client's file is, what is in it, and what it has afterwards for `files`; `$URL` and `$TOKEN` stand for themselves. */
  const CLIENTS = {
    'Claude Desktop': {
      path: '.config/Claude/claude_desktop_config.json',
      before: { globalShortcut: 'x', mcpServers: { files } },
      after: {
        command: 'npx',
        args: ['-y', 'mcp-remote@0.15.1', '$URL', '--header', 'Authorization:${AUTH_HEADER}'],
        env: { AUTH_HEADER: 'Bearer $TOKEN' },
      },
    },
    'Claude Code, of a project': {
      path: 'work/.mcp.json',
      before: { mcpServers: { files: { type: 'stdio', ...files } } },
      after: { type: 'http', url: '$URL', headers: { Authorization: 'Bearer $TOKEN' } },
    },
    'Claude Code, of a user': {
      path: '.claude.json',
      before: { numStartups: 7, mcpServers: { files }, projects: { '/elsewhere': { mcpServers: { x: files } } } },
      after: { type: 'http', url: '$URL', headers: { Authorization: 'Bearer $TOKEN' } },
    },
    Cursor: {
      path: '.cursor/mcp.json',
      before: { mcpServers: { files } },
      after: { url: '$URL', headers: { Authorization: 'Bearer $TOKEN' } },
    },
    'VS Code': {
      path: 'work/.vscode/mcp.json',
      before: `{
  // What this project needs.
  "inputs": [],
  "servers": {
    "files": ${JSON.stringify({ type: 'stdio', ...files, args: [FILESYSTEM, '${workspaceFolder}/files'] })}, // ours
  },
}
`,
      after: { type: 'http', url: '$URL', headers: { Authorization: 'Bearer $TOKEN' } },
    },
    Windsurf: {
      path: '.codeium/windsurf/mcp_config.json',
      before: { mcpServers: { files: { ...files, disabledTools: ['read_file'] } } },
      after: { serverUrl: '$URL', headers: { Authorization: 'Bearer $TOKEN' }, disabledTools: ['read_file'] },
    },
    'a plain file': {
      path: 'work/servers.json',
      before: { mcpServers: { files } },
      after: { type: 'http', url: '$URL', headers: { Authorization: 'Bearer $TOKEN' } },
    },
  } as const;

  for (const [title, { path, before, after }] of Object.entries(CLIENTS)) {
    test(`${title}: its own form, secrets in files of their own, and everything back as it was`, async () => {
      const file = put(path, before);
      const original = read(file);
      const { code, out, err } = await scripted(file, '--write');
      assert.equal(code, 0, out + err);
      const config = read(join(cwd, 'holdfast.yaml'));
      const token = /Bearer (hf_[\w-]{43})/.exec(read(file))![1]!;
      const text = read(file);
      const plain = text.replace(/^\s*\/\/.*$|\/\/ ours/gm, '').replace(/,(\s*[}\]])/g, '$1');
      const servers = JSON.parse(plain)[title === 'VS Code' ? 'servers' : 'mcpServers'];
      const expected = JSON.stringify(after)
        .replaceAll('$URL', `http://${listen}/mcp/files`)
        .replaceAll('$TOKEN', token);
      assert.deepEqual(servers.files, JSON.parse(expected));
      if (typeof before === 'string') assert.match(text, /\/\/ What this project needs\.[\s\S]*\/\/ ours/);
      // P8
      for (const each of openFiles(cwd)) assert.ok(!read(each).includes(SECRET), each);
      assert.ok(!config.includes(token));
      assert.equal(modeOf(file), 0o600);
      assert.equal(modeOf(join(cwd, '.holdfast')), 0o700);
      const kept = readdirSync(join(cwd, '.holdfast'), { recursive: true, withFileTypes: true });
      for (const each of kept.filter((one) => one.isFile()))
        assert.equal(modeOf(join(each.parentPath, each.name)), 0o600);
      assert.equal(read(join(cwd, '.holdfast/secrets/SERVER_FILES_API_KEY')), SECRET);
      const start = await loaded();
      assert.ok(start.ok, JSON.stringify(start));
      const { upstream } = start.config.servers.get('files')!;
      assert.ok(upstream.kind === 'stdio' && upstream.env.API_KEY === SECRET);
      assert.equal(start.policies.get('files')!.exact.get('write_file')!.action, 'require_approval');
      assert.ok(start.secrets.adminToken !== null);
      assert.match(out, /read the console's token, just\s+as you can, and approve its own calls/);
      const undone = await init(['--undo']);
      assert.equal(undone.code, 0, undone.err);
      assert.equal(read(file), original);
    });
  }

  test('without --write only a copy is made, for its owner alone', async () => {
    const file = put('work/.mcp.json', { mcpServers: { files } });
    const original = read(file);
    const { code, out } = await scripted(file);
    assert.equal(code, 0);
    assert.equal(read(file), original);
    const copy = join(cwd, '.holdfast/clients/claude-code.json');
    assert.match(out, /The file for Claude Code: .*claude-code\.json/);
    assert.match(read(copy), /"type": "http"/);
    assert.equal(modeOf(copy), 0o600);
  });

  test('a client’s name finds its file; one without a file is told where it would be', async () => {
    put('.cursor/mcp.json', { mcpServers: { files } });
    assert.equal((await scripted('cursor')).code, 0);
    assert.match((await scripted('windsurf')).err, /Windsurf has no configuration file here: .*mcp_config\.json/);
    assert.match((await init(['--from', 'cursor', '--client', 'emacs'])).err, /takes .*cursor/);
  });
});

describe('what init asks', () => {
  test('each command is shown, secrets by name, and run only after a yes; a no leaves it', async () => {
    const mark = join(home, 'was-run');
    const spy = put('spy.sh', `#!/bin/sh\ntouch ${mark}\n`);
    put('work/.mcp.json', { mcpServers: { spy: { command: '/bin/sh', args: [spy, '--token', SECRET] }, files } });
    const { code, out, asked } = await init(['--from', '.mcp.json'], { answers: ['n', 'y', 'n'] });
    assert.equal(code, 0, out);
    assert.match(out, /spy: runs \/bin\/sh \S+spy\.sh --token \$\{SERVER_SPY_TOKEN\}/);
    assert.match(asked[0]!, /^Run this command under your account .*\[Y\/n\] $/);
    assert.equal(existsSync(mark), false);
    assert.match(out, /Left unchanged:\n {2}spy: you said no/);
    assert.doesNotMatch(out, new RegExp(SECRET));
    assert.match(asked[2]!, /Replace .*\.mcp\.json now\? A backup is kept\./);
    assert.match(read(join(cwd, '.mcp.json')), /server-filesystem/, 'a no to the last question leaves the file');
  });

  test('where nobody can be asked, nothing is run and nothing is written', async () => {
    put('work/.mcp.json', { mcpServers: { files } });
    const { code, err } = await init(['--from', '.mcp.json']);
    assert.equal(code, 2);
    assert.match(err, /nobody can be asked here/);
    assert.deepEqual(readdirSync(cwd).sort(), ['.mcp.json', 'files']);
  });

  test('without a file, a server is typed in', async () => {
    const line = `${NODE} "${FILESYSTEM}" ./files`;
    const { code, out, err } = await init([], { answers: [line, '', 'emacs', '', 'y'] });
    assert.equal(code, 0, out + err);
    assert.match(
      read(join(cwd, '.holdfast/clients/mcp.json')),
      /"mcpServers": \{\n {4}"filesystem": \{\n {6}"type": "http"/,
    );
    assert.ok((await loaded()).ok);
  });

  test('clients with servers are offered', async () => {
    put('.cursor/mcp.json', { mcpServers: { files } });
    put('.config/Claude/claude_desktop_config.json', { mcpServers: { a: files, b: files } });
    put('.codeium/windsurf/mcp_config.json', '{ broken');
    const { code, out } = await init([], { answers: ['2', 'y', 'y'] });
    assert.equal(code, 0, out);
    assert.match(out, /1 {2}Claude Desktop: .* \(2\)\n {2}2 {2}Cursor: .* \(1\)\n {2}0 /);
    assert.match(read(join(home, '.cursor/mcp.json')), /hf_/);
  });

  test('inputs of VS Code are asked for, without showing them; nothing typed leaves the server', async () => {
    const inputs = [
      { id: 'key', type: 'promptString', description: 'The key of the thing', password: true },
      { id: 'place', type: 'promptString', default: './files' },
    ];
    const env = { KEY: '${input:key}' };
    put('work/.vscode/mcp.json', {
      inputs,
      servers: {
        files: { command: NODE, args: [FILESYSTEM, '${input:place}'], env },
        more: { command: 'x', env: { A: '${input:no}' } },
      },
    });
    const { code, out, asked } = await init(['--from', 'vscode', '--write'], { answers: ['', SECRET, 'y', ''] });
    assert.equal(code, 0, out);
    assert.match(out, /files needs: The key of the thing/);
    assert.match(asked.join('\n'), /\[\.\/files\]/);
    assert.match(out, /more: needs \$\{input:no\}/);
    assert.equal(read(join(cwd, '.holdfast/secrets/SERVER_FILES_KEY')), SECRET);
    const { inputs: stay, servers } = JSON.parse(read(join(cwd, '.vscode/mcp.json')));
    assert.deepEqual(stay, inputs);
    assert.deepEqual(servers.more, { command: 'x', env: { A: '${input:no}' } });
    const scriptedRun = await init(['--from', 'vscode', '--yes']);
    assert.match(scriptedRun.out, /more: needs \$\{input:no\}, which nobody was asked for here/);
  });
});

describe('bad and odd files', () => {
  test('what cannot be read is told, with its place, and nothing is written', async () => {
    const cases: [string, string | Buffer, RegExp][] = [
      [
        'broken.json',
        '{\n  "mcpServers": {\n',
        /broken\.json:3:1: needs a name in double quotes here\. Nothing was changed/,
      ],
      ['empty.json', '', /empty\.json:1:1: ends too early/],
      ['list.json', '[]', /is not a JSON object/],
      ['bytes.json', Buffer.from([0xff, 0xfe, 0x00]), /is not UTF-8 text/],
      ['huge.json', Buffer.alloc(33 * 1024 * 1024, 0x20), /is longer than 33554432 bytes/],
      ['twice.json', '{"mcpServers":{"a":{},"a":{}}}', /has the name "a" twice/],
    ];
    for (const [name, text, why] of cases) {
      writeFileSync(join(cwd, name), text);
      const { code, err } = await scripted(name);
      assert.equal(code, 1, name);
      assert.match(err, why);
    }
    assert.match((await scripted('none.json')).err, /none\.json does not exist/);
    assert.match((await scripted('files')).err, /is not a file/);
    assert.equal(existsSync(join(cwd, 'holdfast.yaml')), false);
    assert.equal(existsSync(join(cwd, '.holdfast')), false);
  });

  test('servers that cannot go behind Holdfast stay, and those that can go', async () => {
    const upstream = await shiftingUpstream(put('tools.json', [{ name: 'look', inputSchema: { type: 'object' } }]));
    try {
      const url = `${upstream.url}/mcp`;
      const file = put(
        'work/.mcp.json',
        `{"mcpServers":{"__proto__":{"url":${JSON.stringify(url)}},"a b":{"type":"http","url":${JSON.stringify(url)}},"A-B":{"url":${JSON.stringify(url)}},
          "old":{"type":"sse","url":"https://x.example/sse"},"off":{"command":"x","disabled":true},"none":{},"gone":{"command":"/no/such/program"}}}`,
      );
      const before = JSON.parse(read(file)).mcpServers;
      const { code, out } = await scripted(file, '--write');
      assert.equal(code, 0, out);
      const start = await loaded();
      assert.ok(start.ok);
      assert.deepEqual([...start.config.servers.keys()], ['proto__', 'a-b', 'A-B-2']);
      const after = JSON.parse(read(file)).mcpServers;
      assert.deepEqual(Object.keys(after), Object.keys(before), 'no server is lost');
      for (const name of ['old', 'off', 'none', 'gone']) assert.deepEqual(after[name], before[name], name);
      assert.equal(Object.getOwnPropertyDescriptor(after, '__proto__')!.value.url, `http://${listen}/mcp/proto__`);
      assert.equal(after['A-B'].url, `http://${listen}/mcp/A-B-2`);
      assert.match(out, /old: speaks SSE/);
      assert.match(out, /off: is switched off/);
      assert.match(out, /gone: did not list its tools: .*ENOENT/);
    } finally {
      await upstream.close();
    }
  });

  test('init twice: what is behind Holdfast stays; a new server joins the same grant', async () => {
    const file = put('work/.mcp.json', { mcpServers: { files } });
    assert.equal((await scripted(file, '--write')).code, 0);
    const [config, client] = [read(join(cwd, 'holdfast.yaml')), read(file)];
    const again = await scripted(file, '--write');
    assert.equal(again.code, 0);
    assert.match(again.out, /already behind Holdfast\. Nothing was changed/);
    assert.equal(read(join(cwd, 'holdfast.yaml')), config);
    assert.equal(read(file), client);
    const servers = { ...JSON.parse(client).mcpServers, more: { command: NODE, args: [EVERYTHING] } };
    writeFileSync(file, JSON.stringify({ mcpServers: servers }, null, 2));
    const third = await scripted(file, '--write');
    assert.equal(third.code, 0, third.out + third.err);
    const start = await loaded();
    assert.ok(start.ok);
    assert.deepEqual(
      start.config.grants.map((grant) => [grant.name, grant.servers]),
      [['claude-code', ['files', 'more']]],
    );
    assert.equal(
      JSON.parse(read(file)).mcpServers.more.headers.Authorization,
      JSON.parse(client).mcpServers.files.headers.Authorization,
    );
  });

  test('a second client with the same server shares it; with another secret it does not', async () => {
    assert.equal((await scripted(put('.cursor/mcp.json', { mcpServers: { files } }))).code, 0);
    assert.equal((await scripted(put('.codeium/windsurf/mcp_config.json', { mcpServers: { files } }))).code, 0);
    const other = { ...files, env: { API_KEY: 'another' } };
    assert.equal(
      (await scripted(put('.config/Claude/claude_desktop_config.json', { mcpServers: { files: other } }))).code,
      0,
    );
    const start = await loaded();
    assert.ok(start.ok);
    assert.deepEqual([...start.config.servers.keys()], ['files', 'files-2']);
    assert.deepEqual(
      start.config.grants.map(({ name, servers }) => [name, servers]),
      [
        ['cursor', ['files']],
        ['windsurf', ['files']],
        ['claude-desktop', ['files-2']],
      ],
    );
    const second = start.config.servers.get('files-2')!.upstream;
    assert.ok(second.kind === 'stdio' && second.env.API_KEY === 'another');
  });

  test('a config with faults, or one that changes meanwhile, is left alone', async () => {
    writeFileSync(join(cwd, 'holdfast.yaml'), 'version: "1"\nsevers: {}\n');
    const { code, err } = await scripted(put('work/.mcp.json', { mcpServers: { files } }));
    assert.equal(code, 1);
    assert.match(err, /has faults, so nothing is added to it:[\s\S]*severs/);
    assert.equal(existsSync(join(cwd, '.holdfast')), false);
  });

  test('undo leaves a file that was changed since, unless it is forced; then nothing of it is lost', async () => {
    const file = put('.claude.json', { numStartups: 1, mcpServers: { files } });
    await scripted(file, '--write');
    const changed = read(file).replace('"numStartups": 1', '"numStartups": 2');
    writeFileSync(file, changed);
    const refused = await init(['--undo']);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /is left unchanged: it was changed since then\..*--force/);
    assert.equal(read(file), changed);
    const forced = await init(['--undo', '--force']);
    assert.equal(forced.code, 0);
    assert.deepEqual(JSON.parse(read(file)), { numStartups: 2, mcpServers: { files } });
    const [kept] = readdirSync(join(cwd, '.holdfast/clients')).filter((name) => name.includes('changed'));
    assert.equal(read(join(cwd, '.holdfast/clients', kept!)), changed);
    assert.equal((await init(['--undo'])).code, 1);
    assert.match((await init(['--undo'])).err, /Nothing to undo/);
  });

  test('where the servers themselves were changed since, a forced undo brings the whole file back', async () => {
    const file = put('work/.mcp.json', { mcpServers: { files } });
    const original = read(file);
    await scripted(file, '--write');
    writeFileSync(file, '{ not even JSON');
    const forced = await init(['--undo', '--force']);
    assert.equal(forced.code, 0, forced.err);
    assert.match(forced.out, /The content of .* until now: /);
    assert.equal(read(file), original);
  });

  test('a link to the file stays a link', async () => {
    const real = put('dotfiles/cursor.json', { mcpServers: { files } });
    mkdirSync(join(home, '.cursor'));
    symlinkSync(real, join(home, '.cursor/mcp.json'));
    assert.equal((await scripted('cursor', '--write')).code, 0);
    assert.match(read(real), /hf_/);
    assert.equal(realpathSync(join(home, '.cursor/mcp.json')), real);
  });
});

describe('what init has set up', () => {
  let gateway: ChildProcess | null = null;
  afterEach(async () => {
    if (gateway === null) return;
    const ended = new Promise((resolve) => gateway!.once('close', resolve));
    gateway.kill('SIGTERM');
    await ended;
    gateway = null;
  });

  test('Claude Desktop reaches its servers by mcp-remote, and a call that is asked about waits for a yes', async () => {
    const place = join(cwd, 'files');
    const file = put('.config/Claude/claude_desktop_config.json', {
      mcpServers: {
        files: { command: NODE, args: [FILESYSTEM, place] },
        everything: { command: NODE, args: [EVERYTHING] },
      },
    });
    const made = await scripted(file, '--write');
    assert.equal(made.code, 0, made.out + made.err);
    copyPrepared(join(cwd, '.holdfast'));
    gateway = spawn(NODE, [join(ROOT, 'src/cli/cli.ts'), 'start'], {
      cwd,
      env: { PATH: process.env.PATH ?? '', HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [gateway.stdout!, gateway.stderr!]) stream.on('data', (text) => (said += text));
    await eventually('it listens', () => (/is listening on/.test(said) ? true : null), 60_000);
    assert.doesNotMatch(said, /sign-in/, 'a link is for a terminal');
    const { command, args, env } = JSON.parse(read(file)).mcpServers.files;
    assert.deepEqual([command, ...args.slice(0, 2)], ['npx', '-y', 'mcp-remote@0.15.1']);
    // What npx would run, from here.
    const transport = new StdioClientTransport({
      command: NODE,
      args: [BRIDGE, ...args.slice(2)],
      env: { PATH: process.env.PATH ?? '', HOME: home, ...env },
      stderr: 'ignore',
    });
    const client = new Client({ name: 'claude-ai', version: '1' });
    await client.connect(transport);
    try {
      assert.ok((await client.listTools()).tools.some(({ name }) => name === 'write_file'));
      const answer = callTool(client, 'write_file', { path: join(place, 'a.txt'), content: 'by approval' });
      const bearer = { authorization: `Bearer ${read(join(cwd, '.holdfast/secrets/HOLDFAST_ADMIN_TOKEN'))}` };
      const id = await eventually('it waits', async () => {
        const listed = await fetch(`http://${listen}/api/approvals?state=pending`, { headers: bearer });
        return ((await listed.json()) as { items: { id: string }[] }).items[0]?.id ?? null;
      });
      assert.equal(existsSync(join(place, 'a.txt')), false);
      const decided = await fetch(`http://${listen}/api/approvals/${id}/decisions`, {
        method: 'POST',
        headers: { ...bearer, 'content-type': 'application/json' },
        body: JSON.stringify({ decision: 'approve' }),
      });
      assert.equal(decided.status, 200, await decided.text());
      assert.match(textOf(await answer), /Successfully wrote/);
      assert.equal(read(join(place, 'a.txt')), 'by approval');
    } finally {
      await client.close();
    }
  });
});

describe('init in a folder, and with a file, of somebody else’s making', () => {
  const DEFAULT = '# as it comes\n';

  /** What a repository may hold, whose `.holdfast` was committed. */
  function planted(): string {
    const profile = put('.profile', DEFAULT);
    const evil = put('work/.holdfast/clients/x.before.json', '{"mcpServers":{}}');
    put('work/.holdfast/.gitignore', '!*\n');
    put('work/.holdfast/secrets/HOLDFAST_ADMIN_TOKEN', 'known-to-whoever-made-this-0123456789');
    const written = hash('sha256', DEFAULT);
    put('work/.holdfast/clients/replaced.json', [{ file: profile, backup: evil, copy: evil, written }]);
    return profile;
  }

  test('undo does not believe a list that came with the folder', async () => {
    const profile = planted();
    const { code, err } = await init(['--undo']);
    assert.equal(code, 1);
    assert.match(err, /\.holdfast was not made by init on this machine/);
    assert.ok(err.includes(profile), err);
    assert.equal(read(profile), DEFAULT);
  });

  test('a token that came with the folder is used only when somebody says so', async () => {
    planted();
    const file = put('work/.mcp.json', { mcpServers: { files: { command: NODE, args: [FILESYSTEM, './files'] } } });
    const { code, out, err } = await scripted(file);
    assert.equal(code, 1, out + err);
    assert.match(out, /was not made by init on this machine.*whoever made it may know them/);
    assert.match(err, /Nothing was changed\. Move .*\.holdfast away/);
    assert.ok(!existsSync(join(cwd, 'holdfast.yaml')));
    const said = await init(['--from', file], { answers: ['y', 'y', 'n'] });
    assert.equal(said.code, 0, said.out + said.err);
    // From then on it is ours.
    assert.equal((await scripted(file)).code, 0);
  });

  test('a copy of a folder that init made is asked about, the folder itself is not', async () => {
    const file = put('work/.mcp.json', { mcpServers: { files: { command: NODE, args: [FILESYSTEM, './files'] } } });
    assert.equal((await scripted(file)).code, 0);
    assert.equal((await scripted(file)).code, 0);
    cpSync(join(cwd, '.holdfast'), join(cwd, 'copy'), { recursive: true });
    rmSync(join(cwd, '.holdfast'), { recursive: true });
    cpSync(join(cwd, 'copy'), join(cwd, '.holdfast'), { recursive: true });
    assert.equal((await scripted(file)).code, 1);
  });

  test('a data directory alone is no reason to ask', async () => {
    put('work/.holdfast/checkpoints.jsonl', '');
    const file = put('work/.mcp.json', { mcpServers: { files: { command: NODE, args: [FILESYSTEM, './files'] } } });
    assert.equal((await scripted(file)).code, 0);
  });

  test('no server gets a variable of Holdfast’s own, and what else it is given from here is shown', async () => {
    const key = put('.ssh/id', 'PRIVATE');
    const at = { type: 'http', url: 'http://127.0.0.1:9/mcp' };
    const file = put('work/.vscode/mcp.json', {
      servers: {
        token: { ...at, headers: { 'X-A': '${env:HOLDFAST_ADMIN_TOKEN}' } },
        secret: { command: NODE, args: ['${env:Holdfast_Secret}'] },
        given: { ...at, headers: { 'X-B': '${env:CLOUD_KEY}', 'X-C': `\${file:${key}}` } },
      },
    });
    const env = { HOLDFAST_ADMIN_TOKEN: 'a-token-of-the-gateway-0123456789', Holdfast_Secret: 's', CLOUD_KEY: 'cloud' };
    const { out } = await init(['--from', file], { env, answers: ['n'] });
    assert.match(out, /token: headers\.X-A names HOLDFAST_ADMIN_TOKEN, which is Holdfast's own/);
    assert.match(out, /secret: args\[0\] names Holdfast_Secret, which is Holdfast's own/);
    assert.match(
      out,
      /given: is at .*\n.*\n {2}is given from your environment: CLOUD_KEY\n {2}is given from files: .*\.ssh\/id\n/,
    );
  });
});

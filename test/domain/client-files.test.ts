import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { INIT_CLIENTS } from '../../src/cli/table/options.ts';
import {
  CLIENT_FORMS,
  CLIENT_NAMES,
  type ClientName,
  clientByFile,
  clientPlaces,
  projectOf,
} from '../../src/config/client/clients.ts';
import { readJsonText } from '../../src/config/client/json-text.ts';
import { listedServers } from '../../src/config/client/listed-servers.ts';
import { secretVariableFor, serverNameFor } from '../../src/config/client/server-names.ts';
import { takeServer, wordsOfLine } from '../../src/config/client/take-server.ts';
import { BRIDGE, throughHoldfast, withReplaced } from '../../src/config/client/through-holdfast.ts';
import { parseConfig } from '../../src/config/config-file.ts';
import { extendedConfig } from '../../src/config/extended.ts';
import type { Json } from '../../src/domain/json/json.ts';

const HOLDFAST_TOKEN = `hf_${'Ab1-'.repeat(11).slice(0, 43)}`;
const WAY = { url: 'http://127.0.0.1:8787/mcp/files', token: HOLDFAST_TOKEN };

function taken(client: ClientName, value: Json, more: Partial<Parameters<typeof takeServer>[2]> = {}) {
  const result = takeServer('files', value, {
    form: CLIENT_FORMS[client],
    env: { SET: 'from-environment' },
    home: '/home/mira',
    project: '/code/project',
    answers: new Map(),
    isFile: (path) => path === '/opt/My Server/run',
    readText: (path) => (path === '/code/project/.env' ? 'A=1\nB="two ${C}"\n' : null),
    taken: new Set(),
    own: ['http://127.0.0.1:8787'],
    ...more,
  });
  return result.kind === 'taken' ? { ...result, secrets: Object.fromEntries(result.secrets) } : result;
}

const root = (text: string) => {
  const read = readJsonText(text);
  assert.ok(read.ok, JSON.stringify(read));
  return read.root;
};

describe('JSON as clients write it', () => {
  test('comments, commas at the end and a byte order mark are read', () => {
    assert.deepEqual(
      JSON.stringify(root('\ufeff{ // a\n "a": [1, /* b */ "x//y",], "b": {"c": null,}, }').value),
      '{"a":[1,"x//y"],"b":{"c":null}}',
    );
  });

  test('what is broken is told with its place', () => {
    const faults: Record<string, string> = {
      '{': '1:2 needs a name in double quotes here',
      '': '1:1 ends too early',
      '{"a" 1}': '1:6 needs a colon here',
      '{"a":1\n"b":2}': '2:1 needs a comma or } here',
      '{"a":01}': '1:6 has no value here',
      '{"a":1}}': '1:8 has something after its end',
      '{"a":1,"a":2}': '1:8 has the name "a" twice',
      '/* a': '1:1 has a comment without an end',
      "{'a':1}": '1:2 needs a name in double quotes here',
      '{"a":"\n"}': '1:6 has no value here',
      '{"a":"\\q"}': '1:6 has an escape that JSON does not know',
      '{"a":undefined}': '1:6 has no value here',
    };
    for (const [text, expected] of Object.entries(faults)) {
      const read = readJsonText(text);
      assert.equal(read.ok ? 'ok' : `${read.line}:${read.column} ${read.why}`, expected, text);
    }
    assert.equal(readJsonText('['.repeat(100_000)).ok, false, 'however deep it is');
  });

  test('__proto__ and constructor are names like any other', () => {
    const found = listedServers(
      root('{"mcpServers":{"__proto__":{"command":"a"},"constructor":{"command":"b"}}}'),
      CLIENT_FORMS.mcp,
      '/',
    );
    assert.ok(found.ok);
    assert.deepEqual(
      found.servers.map(({ name }) => name),
      ['__proto__', 'constructor'],
    );
    assert.equal(({} as { command?: string }).command, undefined);
    assert.deepEqual(taken('mcp', root('{"command":"a","env":{"__proto__":"x"}}').value), {
      kind: 'taken',
      entry: {
        command: 'a',
        args: [],
        env: Object.fromEntries([['__proto__', '${SERVER_FILES_PROTO}']]),
        cwd: '/code/project',
      },
      secrets: { SERVER_FILES_PROTO: 'x' },
      environment: [],
      files: [],
    });
  });
});

test('the command line offers every client that there is', () => {
  assert.deepEqual(INIT_CLIENTS, CLIENT_NAMES);
});

describe('names', () => {
  test('a name becomes one that a URL and a file can have, and is nobody else’s', () => {
    const names = ['My Server!', 'my-server', 'github.com/x', '__proto__', '数', 'é', `${'a'.repeat(80)}`, 'con'];
    const known: string[] = [];
    for (const name of names) known.push(serverNameFor(name, known));
    assert.deepEqual(known, [
      'My-Server',
      'my-server-2',
      'github-com-x',
      'proto__',
      'server',
      'e',
      'a'.repeat(64),
      'con',
    ]);
    assert.equal(serverNameFor('a'.repeat(70), known).length, 64);
    assert.ok(known.every((name) => /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name)));
  });

  test('P8: no server’s secret can take the place of one of Holdfast’s own variables', () => {
    for (const [server, secret] of [
      ['holdfast', 'ADMIN_TOKEN'],
      ['slack', 'BOT_TOKEN'],
      ['database', 'URL'],
      ['', 'x'],
    ] as const) {
      assert.match(secretVariableFor(server, secret, []), /^SERVER_/);
    }
    assert.equal(secretVariableFor('a', 'B', ['SERVER_A_B']), 'SERVER_A_B_2');
  });

  test('whose file it is, is told by its name', () => {
    const files: Record<string, ClientName> = {
      '/x/claude_desktop_config.json': 'claude-desktop',
      '/x/.mcp.json': 'claude-code',
      '/home/mira/.claude.json': 'claude-code',
      '/x/.cursor/mcp.json': 'cursor',
      '/x/.vscode/mcp.json': 'vscode',
      '/home/mira/.codeium/windsurf/mcp_config.json': 'windsurf',
      'C:\\Users\\mira\\AppData\\Roaming\\Claude\\claude_desktop_config.json': 'claude-desktop',
      '/x/other.json': 'mcp',
    };
    for (const [path, client] of Object.entries(files)) assert.equal(clientByFile(path, {}), client, path);
    assert.equal(clientByFile('/x/mcp.json', { servers: {} }), 'vscode');
    assert.equal(projectOf('/home/mira/.cursor/mcp.json', '/home/mira'), null);
    assert.equal(projectOf('/code/p/.cursor/mcp.json', '/home/mira'), '/code/p');
    assert.equal(projectOf('/code/p/.mcp.json', '/home/mira'), '/code/p');
  });

  test('the files of each client are looked for where its documentation says', () => {
    const places = (platform: string) =>
      clientPlaces({ platform, home: '/h', appData: platform === 'win32' ? 'C:/R' : null, cwd: '/p' }).map(
        ({ path }) => path,
      );
    assert.ok(places('darwin').includes('/h/Library/Application Support/Claude/claude_desktop_config.json'));
    assert.ok(places('win32').includes('C:/R/Claude/claude_desktop_config.json'));
    assert.ok(places('linux').includes('/h/.config/Code/User/mcp.json'));
    for (const path of ['/p/.mcp.json', '/p/.vscode/mcp.json', '/p/.cursor/mcp.json', '/h/.claude.json']) {
      assert.ok(places('linux').includes(path), path);
    }
    for (const path of ['/h/.codeium/windsurf/mcp_config.json', '/h/.codeium/mcp_config.json']) {
      assert.ok(places('linux').includes(path), path);
    }
  });
});

describe('what a client’s file says becomes a server of Holdfast', () => {
  test('a command with arguments and variables; each variable is a secret', () => {
    const value = {
      command: 'npx',
      args: ['-y', 'a-server', '--root', './files'],
      env: { TOKEN: 'geheim', EMPTY: '', N: 3 },
    };
    assert.deepEqual(taken('claude-desktop', value, { project: null }), {
      kind: 'taken',
      entry: {
        command: 'npx',
        args: ['-y', 'a-server', '--root', './files'],
        env: { TOKEN: '${SERVER_FILES_TOKEN}', EMPTY: '', N: '${SERVER_FILES_N}' },
        cwd: null,
      },
      secrets: { SERVER_FILES_TOKEN: 'geheim', SERVER_FILES_N: '3' },
      environment: [],
      files: [],
    });
  });

  test('a URL with headers; the kind of credential stays in the open', () => {
    const value = {
      type: 'http',
      url: 'https://x.example/mcp',
      headers: { Authorization: 'Bearer geheim', 'X-A': 'b' },
    };
    assert.deepEqual(taken('vscode', value), {
      kind: 'taken',
      entry: {
        url: 'https://x.example/mcp',
        headers: Object.assign(Object.create(null), {
          Authorization: 'Bearer ${SERVER_FILES_AUTHORIZATION}',
          'X-A': '${SERVER_FILES_X_A}',
        }),
      },
      secrets: { SERVER_FILES_AUTHORIZATION: 'geheim', SERVER_FILES_X_A: 'b' },
      environment: [],
      files: [],
    });
  });

  test('an address or an argument that may be a credential is a secret', () => {
    const secretsOf = (value: Json) => {
      const result = taken('cursor', value);
      return result.kind === 'taken' ? Object.values(result.secrets) : result;
    };
    const key = 'sk-abcdefghij0123456789';
    assert.deepEqual(secretsOf({ url: 'https://x.example/mcp?key=1' }), ['https://x.example/mcp?key=1']);
    assert.deepEqual(secretsOf({ url: 'https://x.example/s/NzY0YjE5OTAtZ2VoZWlt/mcp' }), [
      'https://x.example/s/NzY0YjE5OTAtZ2VoZWlt/mcp',
    ]);
    assert.deepEqual(secretsOf({ serverUrl: 'https://x.example/mcp' }), []);
    assert.deepEqual(secretsOf({ command: 'a', args: ['--api-key', 'x', '--port', '3'] }), ['x']);
    assert.deepEqual(secretsOf({ command: 'a', args: ['--token=x', key] }), ['--token=x', key]);
    assert.deepEqual(secretsOf({ command: 'docker', args: ['run', '-e', 'PLAIN=x', '-e', 'NAME'] }), ['PLAIN=x']);
    assert.deepEqual(secretsOf({ command: 'a', args: ['postgres://u:p@h/d'] }), ['postgres://u:p@h/d']);
    assert.deepEqual(
      secretsOf({ command: 'npx', args: ['mcp-remote', 'https://x/mcp', '--header', 'Authorization: Bearer x'] }),
      ['Authorization: Bearer x'],
    );
    assert.deepEqual(
      secretsOf({ command: 'npx', args: ['-y', '@modelcontextprotocol/server-filesystem@2026.8.31', '/srv/data'] }),
      [],
    );
  });

  test('what each client fills in is filled in, and nothing else', () => {
    const env = (client: ClientName, text: string, more = {}) => {
      const result = taken(client, { command: 'a', env: { X: text } }, more);
      return result.kind === 'taken' && 'env' in result.entry
        ? [result.entry.env.X, ...Object.values(result.secrets), ...result.environment]
        : result;
    };
    assert.deepEqual(env('cursor', '${env:SET}'), ['${SET}', 'SET']);
    assert.deepEqual(env('vscode', 'Bearer ${env:SET}'), ['Bearer ${SET}', 'SET']);
    assert.deepEqual(env('windsurf', 'pre-${env:SET}'), ['${SERVER_FILES_X}${SET}', 'pre-', 'SET']);
    assert.deepEqual(env('claude-code', '${SET}'), ['${SET}', 'SET']);
    assert.deepEqual(env('claude-code', '${UNSET:-standard}'), ['${SERVER_FILES_X}', 'standard']);
    assert.deepEqual(env('claude-code', '${UNSET}'), { kind: 'needs', needs: [{ key: 'env:UNSET', secret: true }] });
    assert.deepEqual(env('claude-code', '${UNSET}', { answers: new Map([['env:UNSET', 'said']]) }), [
      '${SERVER_FILES_X}',
      'said',
    ]);
    assert.deepEqual(env('claude-desktop', '${SET}'), ['${SERVER_FILES_X}', '${SET}']);
    assert.deepEqual(env('cursor', '${SET}'), ['${SERVER_FILES_X}', '${SET}']);
    assert.deepEqual(env('vscode', '${input:key}'), { kind: 'needs', needs: [{ key: 'input:key', secret: true }] });
    assert.deepEqual(env('vscode', '${workspaceFolder}/a'), ['${SERVER_FILES_X}', '/code/project/a']);
    assert.deepEqual(env('vscode', '${command:x.y}'), {
      kind: 'left',
      why: 'env.X has ${command:x.y}, which only VS Code can fill in',
    });
    assert.deepEqual(env('vscode', '${workspaceFolder}', { project: null }), {
      kind: 'left',
      why: 'env.X has ${workspaceFolder}, and the file belongs to no project',
    });
    assert.deepEqual(env('windsurf', '${file:/run/none}'), {
      kind: 'left',
      why: 'env.X names the file /run/none, which cannot be read',
    });
  });

  test('a ${NAME} that its program fills in stays one, in arguments too', () => {
    const bridge = {
      command: 'npx',
      args: ['mcp-remote', 'https://x/mcp', '--header', 'A:${KEY}'],
      env: { KEY: 'geheim' },
    };
    for (const client of ['claude-desktop', 'claude-code', 'cursor'] as const) {
      const result = taken(client, bridge);
      assert.ok(result.kind === 'taken', client);
      assert.deepEqual(Object.values(result.secrets), ['A:${KEY}', 'geheim'], client);
    }
    const open = taken('claude-desktop', { command: 'a', args: ['${KEY}'] });
    assert.ok(open.kind === 'taken' && 'args' in open.entry);
    assert.deepEqual(open.entry.args, ['$${KEY}']);
  });

  test('an envFile is read, as it is, and env comes before it', () => {
    const result = taken('cursor', { command: 'a', envFile: '${workspaceFolder}/.env', env: { A: 'own' } });
    assert.ok(result.kind === 'taken' && 'env' in result.entry);
    assert.deepEqual(
      Object.entries(result.entry.env).map(([name, text]) => [name, result.secrets[text.slice(2, -1)]]),
      [
        ['A', 'own'],
        ['B', 'two ${C}'],
      ],
    );
    assert.deepEqual(taken('cursor', { command: 'a', envFile: 'none.env' }), {
      kind: 'left',
      why: 'has the envFile /code/project/none.env, which cannot be read',
    });
  });

  test('a line is taken apart where there are no arguments', () => {
    const result = taken('cursor', { command: 'npx -y "a b" c' });
    assert.ok(result.kind === 'taken' && 'command' in result.entry);
    assert.deepEqual([result.entry.command, ...result.entry.args], ['npx', '-y', 'a b', 'c']);
    const program = taken('cursor', { command: '/opt/My Server/run' });
    assert.ok(program.kind === 'taken' && 'command' in program.entry);
    assert.deepEqual([program.entry.command, ...program.entry.args], ['/opt/My Server/run']);
    const text = extendedConfig(null, {
      servers: [{ name: 'a', entry: program.entry, policy: 'p.yaml' }],
      grant: { name: 'a', tokenSha256: `${'1'.repeat(63)}a`, servers: ['a'] },
      secrets: 's',
      listen: null,
    });
    assert.ok(parseConfig(text, { path: 'holdfast.yaml', env: {} }).ok, text);
    assert.deepEqual(wordsOfLine(`a 'b c' d"e f"`), ['a', 'b c', 'de f']);
  });

  test('what cannot be taken over stays, with the reason', () => {
    const reasons: [Json, RegExp][] = [
      [[], /not an object/],
      [{}, /neither a command nor a URL/],
      [{ command: ' ' }, /neither a command nor a URL/],
      [{ command: 'a', url: 'http://x/mcp' }, /both a command and a URL/],
      [{ command: 'a', disabled: true }, /switched off in VS Code/],
      [{ type: 'sse', url: 'https://x/sse' }, /speaks SSE/],
      [{ type: 'ws', url: 'wss://x' }, /has the type ws/],
      [{ url: 'unix:///tmp/x.sock' }, /not http or https/],
      [{ url: 'https://u:p@x/mcp' }, /a name or a password in its URL/],
      [{ url: 'https://x/mcp', headers: { 'a b': 'c' } }, /no name of one/],
      [{ url: 'https://x/mcp', headers: { A: '1', a: '2' } }, /header a twice/],
      [{ url: 'https://x/mcp', headers: { A: 'x\ny' } }, /no header can carry/],
      [{ command: 'a', args: 'b' }, /no list of texts/],
      [{ command: 'a', args: [{}] }, /no list of texts/],
      [{ command: 'a', env: [] }, /env that is not an object/],
      [{ command: 'a', env: { X: {} } }, /env\.X that is no text/],
      [{ command: 'a', env: { X: 'y'.repeat(65_537) } }, /longer than 65536 bytes/],
      [{ command: 'a', cwd: 3 }, /cwd that is no text/],
    ];
    for (const [value, why] of reasons) {
      const result = taken('vscode', value);
      assert.ok(result.kind === 'left', JSON.stringify(value));
      assert.match(result.why, why);
    }
  });

  test('what leads through Holdfast already is known, in every client’s form', () => {
    for (const client of Object.values(CLIENT_FORMS)) {
      const entry = throughHoldfast(client, { command: 'a' }, WAY);
      assert.equal(taken(client.name, entry).kind, 'holdfast', client.name);
      assert.equal(
        taken(client.name, throughHoldfast(client, {}, { ...WAY, url: 'https://far.example/mcp/x' })).kind,
        'holdfast',
      );
    }
    assert.equal(taken('cursor', { url: 'http://127.0.0.1:8787/mcp/files' }).kind, 'holdfast');
    assert.equal(
      taken('cursor', {
        url: 'https://x/mcp',
        headers: { Authorization: 'Bearer hf_ofAnotherServiceWith34Characters00' },
      }).kind,
      'taken',
    );
  });
});

describe('what a client gets', () => {
  const forms: Record<ClientName, Json> = {
    'claude-desktop': {
      command: 'npx',
      args: ['-y', BRIDGE, WAY.url, '--header', 'Authorization:${AUTH_HEADER}'],
      env: { AUTH_HEADER: `Bearer ${HOLDFAST_TOKEN}` },
    },
    'claude-code': { type: 'http', url: WAY.url, headers: { Authorization: `Bearer ${HOLDFAST_TOKEN}` } },
    cursor: { url: WAY.url, headers: { Authorization: `Bearer ${HOLDFAST_TOKEN}` } },
    vscode: { type: 'http', url: WAY.url, headers: { Authorization: `Bearer ${HOLDFAST_TOKEN}` } },
    windsurf: { serverUrl: WAY.url, headers: { Authorization: `Bearer ${HOLDFAST_TOKEN}` } },
    mcp: { type: 'http', url: WAY.url, headers: { Authorization: `Bearer ${HOLDFAST_TOKEN}` } },
  };
  for (const [client, expected] of Object.entries(forms)) {
    test(`${client}: its own form, and its own settings stay`, () => {
      const form = CLIENT_FORMS[client as ClientName];
      const before = { type: 'stdio', command: 'a', args: [], env: {}, disabledTools: ['x'], alwaysAllow: [] };
      assert.deepEqual(JSON.parse(JSON.stringify(throughHoldfast(form, before, WAY))), {
        ...(expected as object),
        disabledTools: ['x'],
        alwaysAllow: [],
      });
    });
  }

  test('the rest of the file stays as it is: comments, order, indentation, line breaks', () => {
    const text =
      '{\r\n\t// mine\r\n\t"servers": {\r\n\t\t"a": { "command": "x" }, // why\r\n\t\t"b": {"url": "u"},\r\n\t},\r\n\t"inputs": []\r\n}\r\n';
    const found = listedServers(root(text), CLIENT_FORMS.vscode, '/');
    assert.ok(found.ok);
    const made = withReplaced(text, [{ node: found.servers[0]!.node, value: { url: 'n', headers: {} } }]);
    assert.equal(
      made,
      '{\r\n\t// mine\r\n\t"servers": {\r\n\t\t"a": {\r\n\t\t\t"url": "n",\r\n\t\t\t"headers": {}\r\n\t\t}, // why\r\n\t\t"b": {"url": "u"},\r\n\t},\r\n\t"inputs": []\r\n}\r\n',
    );
  });

  test('~/.claude.json: the user’s servers and those of this folder; other projects are named', () => {
    const text = JSON.stringify({
      numStartups: 3,
      mcpServers: { a: { command: 'x' } },
      projects: {
        '/p': { mcpServers: { b: { command: 'y' } } },
        '/q': { mcpServers: { c: {} } },
        '/r': { mcpServers: {} },
      },
    });
    const found = listedServers(root(text), CLIENT_FORMS['claude-code'], '/p');
    assert.ok(found.ok);
    assert.deepEqual(
      found.servers.map(({ name, project }) => [name, project]),
      [
        ['a', null],
        ['b', '/p'],
      ],
    );
    assert.deepEqual(found.otherProjects, ['/q']);
    assert.deepEqual(listedServers(root('{"mcpServers":[]}'), CLIENT_FORMS.mcp, '/'), {
      ok: false,
      why: 'has mcpServers that is not an object',
    });
    assert.deepEqual(listedServers(root('[]'), CLIENT_FORMS.mcp, '/'), { ok: false, why: 'is not a JSON object' });
  });
});

describe('holdfast.yaml', () => {
  const grant = { name: 'cursor', tokenSha256: `${'1'.repeat(30)}e${'2'.repeat(33)}`, servers: ['a'] };
  const entry = { command: 'npx', args: ['-y', 'yes', '1.0', '# no', '$${X}'], env: { A: '${S}' }, cwd: '/p' };

  test('a new one loads, and says what was meant', () => {
    const text = extendedConfig(null, {
      servers: [{ name: 'a', entry, policy: 'p.yaml' }],
      grant,
      secrets: '.holdfast/secrets',
      listen: null,
    });
    const parsed = parseConfig(text, { path: '/p/holdfast.yaml', env: { S: 'value' } });
    assert.ok(parsed.ok, JSON.stringify(parsed));
    const { servers, approvers, grants, file } = parsed.config;
    assert.deepEqual(servers.get('a')!.upstream, {
      kind: 'stdio',
      command: ['npx', '-y', 'yes', '1.0', '# no', '${X}'],
      env: Object.assign(Object.create(null), { A: 'value' }),
      cwd: '/p',
      runAs: null,
      sandbox: null,
    });
    assert.deepEqual([...approvers.keys()], ['security']);
    assert.equal(grants[0]!.tokenSha256, grant.tokenSha256);
    assert.equal(file.secrets, '/p/.holdfast/secrets');
  });

  test('one that is there keeps its comments; its grant gets what it lacks', () => {
    const before = `# mine\nversion: "1"\nservers: # here\n  b: { url: "http://127.0.0.1:9/mcp", policy: b.yaml } # why\ngrants:\n  - name: cursor\n    token_sha256: "${grant.tokenSha256}"\n    servers: [b]\n    owner: none\napprovers: { security: [U0MIRA] }\n`;
    const text = extendedConfig(before, {
      servers: [{ name: 'a', entry, policy: 'p.yaml' }],
      grant,
      secrets: 's',
      listen: null,
    });
    for (const comment of ['# mine', '# here', '# why']) assert.ok(text.includes(comment), comment);
    assert.match(text, /servers: \[b, a\]/);
    assert.match(text, /U0MIRA/);
    assert.doesNotMatch(text, /admin/);
    assert.ok(parseConfig(text, { path: 'holdfast.yaml', env: null }).ok);
  });
});

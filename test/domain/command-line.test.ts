import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, describe, test } from 'node:test';
import { keptTerminal } from '../support/terminal.ts';

/** Every module that is loaded from here on. */
const loaded: string[] = [];
registerHooks({
  load: (url, context, next) => {
    loaded.push(url);
    return next(url, context);
  },
});
const { runCommandLine } = await import('../../src/cli/command-line.ts');
const { COMMANDS } = await import('../../src/cli/commands.ts');
const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
type Entry = (typeof COMMANDS)[number];

async function holdfast(words: readonly string[], env: Record<string, string> = {}) {
  const { terminal, out, err } = keptTerminal({ env });
  const code = await runCommandLine(words, terminal);
  return { code, out: out(), err: err() };
}

function pathsUnder(entries: readonly Entry[], path: readonly string[] = []): string[][] {
  return entries.flatMap(({ name, commands }) => [[...path, name], ...pathsUnder(commands, [...path, name])]);
}

const PATHS = pathsUnder(COMMANDS);

function isHelpOf(path: readonly string[], { code, out, err }: Awaited<ReturnType<typeof holdfast>>): void {
  assert.deepEqual([code, err], [0, '']);
  assert.ok(out.startsWith(`Usage: ${['holdfast', ...path].join(' ')} `), out);
  for (const line of out.split('\n')) assert.ok(line.length <= 80, `wider than 80: ${line}`);
}

describe('help', () => {
  test('every command that users know is in the table', () => {
    const known = [
      'start, demo, init, init slack, doctor, doctor slack, grant, grant new, scan',
      'policy, policy check, policy explain, policy test, policy schema',
      'approvals, approvals list, approvals show, approvals approve, approvals deny, approvals take-back, freeze, thaw',
      'audit, audit list, audit tail, audit export, audit verify, audit key, store, store accept, migrate, backup',
    ];
    assert.deepEqual(
      PATHS.map((path) => path.join(' ')),
      known.join(', ').split(', '),
    );
  });

  for (const path of PATHS) {
    test(`holdfast ${path.join(' ')} has it, and loads nothing for it`, async () => {
      isHelpOf(path, await holdfast([...path, '--help']));
      isHelpOf(path, await holdfast([...path, '-h']));
      isHelpOf(path, await holdfast(['help', ...path]));
      const rooms = loaded.flatMap((url) => /\/src\/(\w+)\//.exec(url)?.[1] ?? []);
      assert.deepEqual([...new Set(rooms)].sort(), ['cli']);
    });
  }

  test('the overview names every command, and is what no words at all print', async () => {
    for (const words of [[], ['help'], ['--help'], ['-h']]) {
      const overview = await holdfast(words);
      isHelpOf([], overview);
      for (const { name, commands } of COMMANDS) {
        const line = overview.out.split('\n').find((each) => each.startsWith(`  ${name}`)) ?? '';
        for (const inner of commands) assert.match(line, new RegExp(`\\b${inner.name}\\b`));
      }
    }
  });

  test('an option that a command needs is in its usage line', async () => {
    const { out } = await holdfast(['grant', 'new', '--help']);
    assert.match(out, /^Usage: holdfast grant new --name <name> --server <server> \[options\]$/m);
  });

  test('--version prints the version', async () => {
    assert.deepEqual(await holdfast(['--version']), { code: 0, out: `${manifest.version}\n`, err: '' });
  });
});

const MISUSE: Record<string, { words: string; says: RegExp; of?: string }> = {
  'an unknown command': { words: 'frobnicate', says: /unknown command 'frobnicate'$/m },
  'a misspelt command': { words: 'scna', says: /unknown command 'scna'\n\(Did you mean scan\?\)/ },
  'a misspelt command with help': { words: 'scna --help', says: /Did you mean scan\?/ },
  'help for an unknown command': { words: 'help frobnicate', says: /unknown command 'frobnicate'/ },
  'an option where a command belongs': { words: '--json', says: /unknown option '--json'/ },
  'a group without a command': {
    words: 'approvals',
    of: 'approvals',
    says: /say what to do: list, show, approve, deny or take-back/,
  },
  'a group with options only': { words: 'audit --json', of: 'audit', says: /say what to do: list, tail/ },
  'a group of one without a command': { words: 'init', of: 'init', says: /say what to do: slack/ },
  'a misspelt command of a group': { words: 'audit lsit', of: 'audit', says: /Did you mean list\?/ },
  'a misspelt option': {
    words: 'policy check --confg x',
    of: 'policy check',
    says: /unknown option '--confg'\n\(Did you mean --config\?\)/,
  },
  'an option of another command': {
    words: 'audit export --grant bot',
    of: 'audit export',
    says: /unknown option '--grant'/,
  },
  'an option of another command, before the name': {
    words: 'audit --grant bot export',
    of: 'audit export',
    says: /unknown option '--grant'/,
  },
  'an option without its value': {
    words: 'start --listen',
    of: 'start',
    says: /'--listen <host:port>' argument missing/,
  },
  'an option in the place of a value': {
    words: 'approvals list --url --json',
    of: 'approvals list',
    says: /'--url <url>' argument missing/,
  },
  'help in the place of a value': {
    words: 'start --data --help',
    of: 'start',
    says: /'--data <dir>' argument missing/,
  },
  'arguments that are no JSON': {
    words: 'policy explain --policy p.yaml --tool t --args {role}',
    of: 'policy explain',
    says: /--args: not JSON: a key is missing$/m,
  },
  'a value for a flag': { words: 'scan --json=yes', of: 'scan', says: /unknown option '--json=yes'/ },
  'a missing operand': { words: 'backup', of: 'backup', says: /missing required argument 'target'/ },
  'an operand too many': { words: 'demo twice', of: 'demo', says: /too many arguments/ },
  'an operand too many for a group with a command of its own': {
    words: 'doctor slakc',
    of: 'doctor',
    says: /too many arguments/,
  },
  'a missing option': { words: 'grant new --server s', of: 'grant new', says: /'--name <name>' not specified/ },
  'a missing list': { words: 'grant new --name n', of: 'grant new', says: /'--server <server>' not specified/ },
  'options that exclude each other': {
    words: 'audit verify --database --export x',
    of: 'audit verify',
    says: /cannot be used with/,
  },
  'a value that a command refuses': {
    words: 'grant new --name bot --server s --owner sam',
    of: 'grant new',
    says: /--owner takes a Slack id/,
  },
  'no admin token': { words: 'approvals show x', of: 'approvals show', says: /Set HOLDFAST_ADMIN_TOKEN/ },
  ...Object.fromEntries(
    [
      'approvals list',
      'approvals show x',
      'approvals approve x',
      'approvals deny x',
      'audit list',
      'audit tail',
      'audit export',
      'audit key --url http://x',
    ].map((words) => [
      `a token on the command line of ${words}`,
      {
        words: `${words} --token s3cret`,
        of: words.split(' ').slice(0, 2).join(' '),
        says: /--token is not taken: .*--token-file/,
      },
    ]),
  ),
  'a limit that is no number': { words: 'audit list --limit ten', of: 'audit list', says: /--limit is a whole number/ },
};

describe('misuse ends with 2, and stderr says what is wrong and how it is right', () => {
  const ADMIN = { HOLDFAST_ADMIN_TOKEN: 'token' };
  for (const [name, { words, says, of }] of Object.entries(MISUSE)) {
    test(name, async () => {
      const { code, out, err } = await holdfast(words.split(' '), name === 'no admin token' ? {} : ADMIN);
      assert.deepEqual([code, out], [2, '']);
      const path = of === undefined ? 'holdfast' : `holdfast ${of}`;
      assert.ok(err.startsWith(`${path}: `), err);
      assert.match(err, says);
      assert.match(err, new RegExp(`\n\nUsage: ${path} .*\nHelp:  ${path} --help\n$`));
    });
  }
});

describe('options', () => {
  const bot = ['--name', 'bot', '--server', 'one', '--server=two'];

  test('may stand before and after the name of a command in a group', async () => {
    for (const words of [
      ['grant', 'new', ...bot],
      ['grant', ...bot, 'new'],
      ['grant', '--server', 'one', 'new', '--server', 'two', '--name=bot'],
    ]) {
      const { code, out, err } = await holdfast(words);
      assert.equal(code, 0, err);
      assert.match(out, /name: bot\n[\s\S]*servers: \[one, two\]\n {4}owner: none/);
    }
  });

  test('count once, the last time they are given', async () => {
    const { out } = await holdfast(['grant', 'new', ...bot, '--owner', 'U0SAM', '--owner', 'U0ALEX']);
    assert.match(out, /owner: U0ALEX/);
  });

  test('may have a value that looks like an option, after an equals sign', async () => {
    const { code, err } = await holdfast(['policy', 'check', '--config=--json']);
    assert.deepEqual([code, /^--json: cannot be read/.test(err)], [1, true], err);
  });
});

describe('the admin token', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-token-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const commands = [
    'approvals list',
    'approvals show x',
    'approvals deny x',
    'approvals approve x --fingerprint f',
    'audit list',
    'audit export',
    'audit key --url http://x',
  ];

  for (const words of commands) {
    test(`P8: ${words} takes it from a file, the environment, or a file that the environment names`, async (t) => {
      const sent: (string | null)[] = [];
      t.mock.method(globalThis, 'fetch', async (_: unknown, init: RequestInit) => {
        sent.push(new Headers(init.headers).get('authorization'));
        return Response.json({ error: 'x', reason: 'y' }, { status: 401 });
      });
      const path = file('token', 'from-a-file\n');
      await holdfast([...words.split(' '), '--token-file', path], { HOLDFAST_ADMIN_TOKEN: 'from-the-environment' });
      await holdfast(words.split(' '), { HOLDFAST_ADMIN_TOKEN: 'from-the-environment' });
      await holdfast(words.split(' '), { HOLDFAST_ADMIN_TOKEN_FILE: path });
      assert.deepEqual(sent, ['Bearer from-a-file', 'Bearer from-the-environment', 'Bearer from-a-file']);
    });
  }

  test('a file that cannot be used is told, and nothing is asked', async () => {
    for (const [path, says] of [
      [join(folder, 'none'), /--token-file names .*none, which cannot be read/],
      [file('empty', '\n'), /--token-file names .*empty, which is empty/],
    ] as const) {
      const { code, err } = await holdfast(['approvals', 'list', '--token-file', path]);
      assert.deepEqual([code, says.test(err)], [1, true], err);
    }
  });

  test('P8: typed at a terminal, it is not shown', async () => {
    const { askSecret } = await import('../../src/main/process/ask-secret.ts');
    const input = Object.assign(new PassThrough(), {
      isTTY: true,
      modes: [] as boolean[],
      setRawMode(on: boolean) {
        this.modes.push(on);
      },
    });
    const said: string[] = [];
    const tty = process.stderr.isTTY;
    process.stderr.isTTY = true;
    try {
      const answer = askSecret('Admin token: ', input as never, (text) => said.push(text));
      input.write('s3cx\u007frét');
      input.write('\r');
      assert.equal(await answer, 's3crét');
      assert.deepEqual(input.modes, [true, false]);
      assert.equal(said.join(''), 'Admin token: \n');
      const given = askSecret('Admin token: ', input as never, () => undefined);
      input.write('abc\u0003');
      await assert.rejects(given, /No token was given/);
      assert.deepEqual(input.modes, [true, false, true, false]);
    } finally {
      process.stderr.isTTY = tty;
    }
  });
});

test('a failure ends with 1 and is told in one line', async () => {
  const env = { HOLDFAST_ADMIN_TOKEN: 'token' };
  const { code, out, err } = await holdfast(['approvals', 'list', '--url', 'http://127.0.0.1:9/'], env);
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /^holdfast: http:\/\/127\.0\.0\.1:9 does not answer\..*\n$/);
});

describe('JSON for programs', () => {
  const nasty = 'a\u009b31m\u202eb\u2066c\u200bd\u{e0041}\u007fé"\\\n👩‍💻';
  const env = { HOLDFAST_ADMIN_TOKEN: 'admin' };
  for (const [words, body] of [
    [['approvals', 'list'], { items: [{ tool: nasty, [nasty]: 1 }], next: null }],
    [['approvals', 'show', 'apr_1'], { tool: nasty, [nasty]: 1 }],
    [['approvals', 'approve', 'apr_1'], { state: nasty, [nasty]: 1 }],
    [['audit', 'list'], { items: [{ tool: nasty, [nasty]: 1 }], next: null }],
  ] as const) {
    test(`${words.join(' ')} --json: nothing moves the cursor, hides or reorders text, and it parses to the same`, async (t) => {
      t.mock.method(globalThis, 'fetch', async () => Response.json(body));
      const { code, out } = await holdfast([...words, '--json'], env);
      assert.equal(code, 0);
      assert.doesNotMatch(out, /[\x7f-\x9f\u200b\u202e\u2066\u{e0041}]/u);
      assert.match(out, /a\\u009b31m\\u202eb\\u2066c\\u200bd\\udb40\\udc41\\u007fé/);
      const items: unknown = JSON.parse(out);
      const [given] = 'items' in body ? body.items : [body];
      assert.deepEqual(Array.isArray(items) ? items[0] : items, given);
    });
  }
});

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

async function holdfast(words: readonly string[], env: Record<string, string> = {}, columns?: number) {
  const { terminal, out, err } = keptTerminal({ env });
  const code = await runCommandLine(words, columns === undefined ? terminal : { ...terminal, columns });
  return { code, out: out(), err: err() };
}

function pathsUnder(entries: readonly Entry[], path: readonly string[] = []): string[][] {
  return entries.flatMap(({ name, commands }) => [[...path, name], ...pathsUnder(commands, [...path, name])]);
}

const PATHS = pathsUnder(COMMANDS);

function isHelpOf(path: readonly string[], { code, out, err }: Awaited<ReturnType<typeof holdfast>>, width = 80): void {
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, new RegExp(`^Usage: ${['holdfast', ...path].join(' ')}\\s`));
  for (const line of out.split('\n')) assert.ok(line.length <= width, `wider than ${width}: ${line}`);
}

describe('help', () => {
  test('every command that users know is in the table', () => {
    const known = [
      'start, demo, init, init slack, doctor, doctor slack, grant, grant list, grant new, grant revoke, scan',
      'policy, policy check, policy explain, policy test, policy replay, policy suggest, policy schema',
      'approvals, approvals list, approvals show, approvals approve, approvals deny, approvals take-back',
      'allowances, allowances list, allowances revoke, denials, denials list, denials revoke, freeze, thaw',
      'audit, audit list, audit tail, audit export, audit evidence, audit erase, audit verify, audit key, oversight, store, store accept, migrate, backup',
      'completion',
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
      for (const [columns, width] of [
        [60, 60],
        [20, 60],
        [72, 72],
        [200, 80],
      ] as const) {
        isHelpOf(path, await holdfast([...path, '--help'], {}, columns), width);
      }
      const rooms = loaded.flatMap((url) => /\/src\/(\w+)\//.exec(url)?.[1] ?? []);
      assert.deepEqual(new Set(rooms), new Set(['cli', 'text']));
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
  'a group of one without a command': { words: 'store', of: 'store', says: /say what to do: accept/ },
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
    says: /too many arguments.*\n\(Did you mean slack\?\)/,
  },
  'a state that there is not': {
    words: 'approvals list --state pendnig',
    of: 'approvals list',
    says: /option '--state <states>' takes all, open, pending, .*, not "pendnig"\n\(Did you mean pending\?\)/,
  },
  'a state that there is not, among others': {
    words: 'approvals list --state approved,denyed',
    of: 'approvals list',
    says: /not "denyed"\n\(Did you mean denied\?\)/,
  },
  'a shell that there is not': {
    words: 'completion fihs',
    of: 'completion',
    says: /<shell> takes bash, zsh, fish, not "fihs"\n\(Did you mean fish\?\)/,
  },
  'a time that is none': {
    words: 'audit list --since yesterday',
    of: 'audit list',
    says: /--since is a time ago such as 5m/,
  },
  'an address that is none': {
    words: 'approvals list --url localhost:8787',
    of: 'approvals list',
    says: /--url is an http/,
  },
  'a yes that nobody can be asked for': {
    words: 'approvals approve x --url http://127.0.0.1:9',
    of: 'approvals approve',
    says: /not approved.*give --yes, or the --fingerprint/,
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
  'no admin token': {
    words: 'approvals show x',
    of: 'approvals show',
    says: /Set HOLDFAST_TOKEN .*HOLDFAST_ADMIN_TOKEN/,
  },
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
        says: /--token is not accepted: .*--token-file/,
      },
    ]),
  ),
  'a limit of nothing': { words: 'approvals list --limit 0', of: 'approvals list', says: /--limit is a whole number/ },
  'a limit that is no number': { words: 'audit list --limit ten', of: 'audit list', says: /--limit is a whole number/ },
};

describe('misuse ends with 2, and stderr says what is wrong and how it is right', () => {
  const ADMIN = { HOLDFAST_ADMIN_TOKEN: 'token' };
  for (const [name, { words, says, of }] of Object.entries(MISUSE)) {
    test(name, async (t) => {
      t.mock.method(globalThis, 'fetch', async () => Response.json({ id: 'x', state: 'pending', arguments: {} }));
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

    test(`P8: ${words} sends a person's own token in place of the admin token`, async (t) => {
      const sent: (string | null)[] = [];
      t.mock.method(globalThis, 'fetch', async (_: unknown, init: RequestInit) => {
        sent.push(new Headers(init.headers).get('authorization'));
        return Response.json({ error: 'x', reason: 'y' }, { status: 401 });
      });
      const [own, other] = [file('own', 'hfp_own\n'), file('other', 'other\n')];
      const admin = { HOLDFAST_ADMIN_TOKEN: 'admin' };
      await holdfast(words.split(' '), { ...admin, HOLDFAST_TOKEN: 'hfp_mine' });
      await holdfast(words.split(' '), { HOLDFAST_ADMIN_TOKEN_FILE: other, HOLDFAST_TOKEN_FILE: own });
      await holdfast([...words.split(' '), '--token-file', other], { ...admin, HOLDFAST_TOKEN: 'hfp_mine' });
      await holdfast(words.split(' '), { ...admin, HOLDFAST_TOKEN: '' });
      assert.deepEqual(sent, ['Bearer hfp_mine', 'Bearer hfp_own', 'Bearer other', 'Bearer admin']);
      const broken = await holdfast(words.split(' '), { ...admin, HOLDFAST_TOKEN_FILE: join(folder, 'none') });
      assert.deepEqual([broken.code, /HOLDFAST_TOKEN_FILE names/.test(broken.err)], [1, true], broken.err);
      assert.equal(sent.length, 4, 'the admin token does not step in');
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
    [['approvals', 'approve', 'apr_1', '--fingerprint', 'f'], { state: nasty, [nasty]: 1 }],
    [['audit', 'list'], { items: [{ tool: nasty, [nasty]: 1 }], next: null }],
  ] as const) {
    test(`${words.join(' ')} --json: nothing moves the cursor, hides or reorders text, and it parses to the same`, async (t) => {
      t.mock.method(globalThis, 'fetch', async () => Response.json(body));
      const { code, out } = await holdfast([...words, '--json'], env);
      assert.equal(code, 0);
      assert.doesNotMatch(out, /[\x7f-\x9f\u200b\u202e\u2066\u{e0041}]/u);
      assert.match(out, /a\\u009b31m\\u202eb\\u2066c\\u200bd\\udb40\\udc41\\u007fé/);
      assert.deepEqual(JSON.parse(out), body);
    });
  }
});

describe('where the gateway is', () => {
  for (const [env, asked] of [
    [{}, 'http://127.0.0.1:8787'],
    [{ HOLDFAST_LISTEN: '127.0.0.1:9001' }, 'http://127.0.0.1:9001'],
    [{ HOLDFAST_LISTEN: '0.0.0.0:9001' }, 'http://127.0.0.1:9001'],
    [{ HOLDFAST_LISTEN: '[::]:9001' }, 'http://[::1]:9001'],
    [{ HOLDFAST_LISTEN: '[::1]:9001' }, 'http://[::1]:9001'],
    [{ HOLDFAST_LISTEN: 'gateway:9001', HOLDFAST_PUBLIC_URL: 'https://h.example/' }, 'https://h.example'],
  ] as const) {
    test(`${JSON.stringify(env)} means ${asked}`, async (t) => {
      const urls: string[] = [];
      t.mock.method(globalThis, 'fetch', async (url: string) => {
        urls.push(url);
        return Response.json({ items: [], next: null });
      });
      const { code } = await holdfast(['approvals', 'list'], { HOLDFAST_ADMIN_TOKEN: 't', ...env });
      assert.equal(code, 0);
      assert.ok(urls[0]?.startsWith(`${asked}/api/approvals?`), urls[0]);
      await holdfast(['approvals', 'list', '--url', 'http://h:1'], { HOLDFAST_ADMIN_TOKEN: 't', ...env });
      assert.ok(urls[1]?.startsWith('http://h:1/api/'), urls[1]);
    });
  }
});

describe('lists', () => {
  const ADMIN = { HOLDFAST_ADMIN_TOKEN: 't' };
  const approval = (n: number) => ({
    id: `ap_${n}`,
    state: 'pending',
    server: 's',
    tool: 't',
    grant: 'bot',
    arguments: { n, text: 'x'.repeat(300) },
    createdAt: new Date(Date.now() - 180_000).toISOString(),
    expiresAt: new Date(Date.now() + 600_500).toISOString(),
    decisions: [],
  });
  /** An API with so many approvals, as the real one pages them. */
  function pagesOf(total: number, urls: URL[]) {
    return async (address: string) => {
      const url = new URL(address);
      urls.push(url);
      const from = Number(url.searchParams.get('after')?.slice(3) ?? 0);
      const to = Math.min(total, from + Number(url.searchParams.get('limit')));
      const items = Array.from({ length: to - from }, (_, i) => approval(from + i + 1));
      return Response.json({ items, next: to < total ? `ap_${to}` : null });
    };
  }

  test('stop at --limit with a word where there are more, and with none where there are not', async (t) => {
    const urls: URL[] = [];
    t.mock.method(globalThis, 'fetch', pagesOf(450, urls));
    const some = await holdfast(['approvals', 'list', '--limit', '300'], ADMIN);
    assert.equal(some.out.trim().split('\n').length, 301);
    assert.equal(some.err, 'There are more than these 300. Use --limit N, or --after ap_300\n');
    const all = await holdfast(['approvals', 'list', '--limit', '450'], ADMIN);
    assert.deepEqual([all.out.trim().split('\n').length, all.err], [451, '']);
    const rest = await holdfast(['approvals', 'list', '--after', 'ap_449', '--json'], ADMIN);
    assert.deepEqual(
      JSON.parse(rest.out).items.map(({ id }: { id: string }) => id),
      ['ap_450'],
    );
    const json = await holdfast(['approvals', 'list', '--limit', '3', '--json'], ADMIN);
    assert.deepEqual([JSON.parse(json.out).next, json.err], ['ap_3', '']);
  });

  test('show what is open unless another state is asked for', async (t) => {
    const urls: URL[] = [];
    t.mock.method(globalThis, 'fetch', pagesOf(0, urls));
    const none = await holdfast(['approvals', 'list'], ADMIN);
    assert.match(none.out, /^No open approvals/);
    await holdfast(['approvals', 'list', '--state', 'all'], ADMIN);
    await holdfast(['approvals', 'list', '--state', 'denied,expired'], ADMIN);
    const states = urls.map((url) => url.searchParams.get('state'));
    assert.deepEqual(states, ['pending,approved,dispatched', null, 'denied,expired']);
  });

  test('have a header, age and arguments, and fit the screen', async (t) => {
    t.mock.method(globalThis, 'fetch', pagesOf(2, []));
    const plain = await holdfast(['approvals', 'list'], ADMIN);
    assert.match(
      plain.out,
      /^ID +STATE +CALL +AGENT +AGE +LEFT +ARGUMENTS\nap_1 +pending +s\.t +bot +3m +10m +\{"n":1,/,
    );
    for (const columns of [200, 80, 60, 40, 20]) {
      const { out } = await holdfast(['approvals', 'list'], ADMIN, columns);
      for (const line of out.split('\n')) assert.ok(line.length <= Math.max(columns, 40), `${columns}: ${line}`);
      assert.match(out, /"n":1/);
    }
  });

  test('know their states and times as the API does', async (t) => {
    const { STATES } = await import('../../src/domain/approval/approval.ts');
    const { STATE_NAMES } = await import('../../src/cli/table/options.ts');
    assert.deepEqual([...STATE_NAMES].sort(), [...STATES].sort());
    const urls: URL[] = [];
    t.mock.method(globalThis, 'fetch', async (url: string) => {
      urls.push(new URL(url));
      return Response.json({ items: [], next: null });
    });
    for (const since of ['5m', '2026-11-22', '2026-11-22T10:00', '2026-11-22T10:00:30+01:00']) {
      await holdfast(['audit', 'list', '--since', since], ADMIN);
    }
    const [ago, ...exact] = urls.map((url) => url.searchParams.get('since'));
    assert.ok(Math.abs(Date.now() - 300_000 - Date.parse(ago!)) < 5_000, ago!);
    assert.deepEqual(exact, ['2026-11-22T00:00:00.000Z', '2026-11-22T10:00:00.000Z', '2026-11-22T09:00:30.000Z']);
  });
});

test('colour is for screens that show it, and never in JSON', async (t) => {
  t.mock.method(globalThis, 'fetch', async () =>
    Response.json({ items: [{ id: 'ap_1', state: 'pending', server: 's', tool: 't', grant: 'g' }], next: null }),
  );
  const said = async (words: string[], colour: boolean) => {
    const { terminal, out } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: 't' } });
    await runCommandLine(words, { ...terminal, colour });
    return out();
  };
  assert.match(await said(['approvals', 'list'], true), /\u001b\[33mpending\u001b\[0m/);
  assert.doesNotMatch(await said(['approvals', 'list'], false), /\u001b/);
  assert.doesNotMatch(await said(['approvals', 'list', '--json'], true), /\u001b/);
});

test('a command that only prints ends once nobody reads it any more', async (t) => {
  t.mock.method(globalThis, 'fetch', async () => Response.json({ items: [], next: '1' }));
  const { terminal, err } = keptTerminal({ env: { HOLDFAST_ADMIN_TOKEN: 't' } });
  const readerGone = new Promise<void>((resolve) => void setImmediate(resolve));
  let stop = false;
  t.mock.method(globalThis, 'fetch', async () => {
    await new Promise((resolve) => void setImmediate(resolve));
    if (stop) throw new Error('stopped by the test');
    return Response.json({ items: [], next: '1' });
  });
  assert.equal(await runCommandLine(['audit', 'tail'], { ...terminal, readerGone }), 0);
  stop = true;
  assert.equal(err(), '');
});

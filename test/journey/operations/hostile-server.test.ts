import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Agent, callTool, sdkClient, textOf } from '../../support/agent/agent.ts';
import { type GatewayProcess, type House, openHouse } from '../../support/gateway/program.ts';
import { canConfine } from '../../support/installed.ts';
import { RAW_CHILD } from '../../support/stdio/world.ts';
import { eventually } from '../../support/wait.ts';

const HOSTILE = join(import.meta.dirname, '../../support/stdio/hostile-child.py');
const POLICY = 'version: "1"\ndefault: allow\n';
const OTHERS_TOKEN = 'the-token-of-another-server';
const SECRET = 'a-secret-that-derives-every-key-0123456789';

/** What the child got; see hostile-child.py. */
interface Loot {
  readonly user: [number, number, number[]];
  readonly [what: string]: unknown;
}

const skip = canConfine() ? false : 'needs root on Linux with bubblewrap and Python';
describe('a server that attacks the gateway which started it', { skip }, () => {
  let house: House;
  let gateway: GatewayProcess;
  let folder: string;
  const loot: Record<string, Loot> = {};
  const others: number[] = [];

  before(async () => {
    // Where every user may look, as a server's program and its files are.
    folder = mkdtempSync(join(tmpdir(), 'hostile-'));
    chmodSync(folder, 0o755);
    copyFileSync(HOSTILE, join(folder, 'server.py'));
    for (const name of ['written', 'read']) {
      mkdirSync(join(folder, name));
      chmodSync(join(folder, name), 0o777);
    }
    writeFileSync(join(folder, 'admin-token'), 'not the real one', { mode: 0o600 });
    const at = (more: string) => `command: [/usr/bin/python3, "${folder}/server.py"]${more}`;
    const paths = `paths: ["${folder}:ro", "${folder}/written", "${folder}/read:ro"]`;
    house = await openHouse({
      servers: {
        none: { at: at(''), policy: POLICY },
        user: { at: at(', run_as: nobody'), policy: POLICY },
        box: { at: at(`, sandbox: { bubblewrap: { ${paths} } }`), policy: POLICY },
        net: { at: at(`, sandbox: { bubblewrap: { network: true, ${paths} } }`), policy: POLICY },
        both: { at: at(`, run_as: nobody, sandbox: { bubblewrap: { ${paths} } }`), policy: POLICY },
        other: {
          at: `command: ["${process.execPath}", "${RAW_CHILD}"], env: { TOKEN: "$\{OTHERS_TOKEN}" }`,
          policy: POLICY,
        },
      },
      env: { HOLDFAST_SECRET: SECRET, OTHERS_TOKEN, SSL_CERT_FILE: '/etc/ssl/certs/ca-certificates.crt' },
    });
    gateway = await house.start();
    await Agent.open(`${gateway.url}/mcp/other`, house.tokens.agent!);
    others.push(...pidsIn(gateway.log));
    const needles = {
      admin: house.adminToken,
      bot: house.slack.botToken,
      signing: house.slack.signingSecret,
      secret: SECRET,
      other: OTHERS_TOKEN,
    };
    const terms = {
      needles: Object.fromEntries(Object.entries(needles).map(([name, text]) => [name, [...text].reverse().join('')])),
      gateway: gateway.pid,
      others,
      data: join(house.folder, 'data'),
      secret_file: join(folder, 'admin-token'),
      config: join(house.folder, 'holdfast.yaml'),
      policy: join(house.folder, 'none.yaml'),
      url: gateway.url,
      listed: [join(folder, 'written'), join(folder, 'read')],
    };
    for (const name of ['none', 'user', 'box', 'net', 'both']) {
      const client = await sdkClient(`${gateway.url}/mcp/${name}`, house.tokens.agent!);
      // Outside a sandbox that would be done to this machine.
      const boxed = !['none', 'user'].includes(name);
      const answer = textOf(await callTool(client, 'attack', { ...terms, escape: boxed }));
      assert.ok(answer.startsWith('{'), `${name}: ${answer}`);
      loot[name] = JSON.parse(answer);
      if (name === 'both') {
        assertNothingInProc(gateway.pid, Object.values(needles));
      }
      await client.close();
    }
  });
  after(async () => {
    await house?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test('P8: in no form does the environment or the command line of the gateway hold a secret', () => {
    for (const [name, { environ, cmdline, own_environment: own }] of Object.entries(loot)) {
      const found = environ as { gateway: unknown; anybody: string[] };
      assert.deepEqual([found.anybody, cmdline, own], [[], [], []], name);
    }
    assert.deepEqual((loot.none!.environ as { gateway: unknown }).gateway, [], 'it could be read, and held nothing');
  });

  test('a server without user and sandbox reaches everything, as the start, doctor and the console say', async () => {
    const found = loot.none!;
    assert.ok((found.memory as string[]).includes('admin'));
    assert.equal(found.api_with_what_was_stolen, 200);
    assert.deepEqual((found.environ as { others: unknown }).others, ['other']);
    assert.equal(found.ptrace, 'attached');
    assert.equal(found.data_write, 'written');
    for (const name of ['none', 'other']) assert.match(gateway.log, new RegExp(`WARNING: servers\\.${name} runs as`));
    for (const name of ['user', 'box', 'net', 'both']) {
      assert.doesNotMatch(gateway.log, new RegExp(`WARNING: servers\\.${name} `));
    }
  });

  test('P8: a server with a user of its own reads nothing of the gateway, its memory, its files, other servers', () => {
    const found = loot.user!;
    assert.deepEqual(found.user, [65534, 65534, [65534]]);
    assert.deepEqual([found.memory, found.memory_of_others], ['EACCES', ['EACCES']]);
    assert.deepEqual([found.ptrace, found.process_vm_readv, found.descriptors], ['EPERM', 'EPERM', 'EACCES']);
    assert.deepEqual(found.environ, { gateway: 'EACCES', anybody: [], others: [] });
    assert.deepEqual([found.data, found.data_secret, found.data_write], ['EACCES', 'EACCES', 'EACCES']);
    assert.deepEqual([found.secret_file, found.config, found.policy_write], ['EACCES', 'EACCES', 'EACCES']);
    assert.deepEqual([found.shadow, found.system_write, found.sysctl_write], ['EACCES', 'EACCES', 'EACCES']);
    assert.deepEqual([found.signal, found.become_root, found.api], ['EPERM', 'EPERM', 401]);
    assert.deepEqual(found.own_descriptors, []);
  });

  for (const name of ['box', 'net', 'both']) {
    test(`P8: a server in a sandbox sees itself, the system and what is listed (${name})`, () => {
      const found = loot[name]!;
      assert.equal(found.sees_gateway, false);
      assert.ok((found.processes as number) <= 2, 'bubblewrap and what it waits for');
      assert.deepEqual([found.memory, found.ptrace, found.process_vm_readv], ['ENOENT', 'ESRCH', 'ESRCH']);
      assert.equal(found.signal, 'ESRCH');
      assert.deepEqual([found.data, found.data_secret, found.config], ['ENOENT', 'ENOENT', 'ENOENT']);
      assert.deepEqual([found.policy_write, found.shadow], ['ENOENT', 'ENOENT']);
      assert.equal(found.system_write, 'EROFS');
      assert.deepEqual(found.escape, [], 'nor does it help to be root of namespaces of its own');
      assert.equal(found.sysctl_write, name === 'both' ? 'EACCES' : 'EROFS', 'root’s own rights would suffice');
      assert.deepEqual(found.listed, { [join(folder, 'written')]: 'written', [join(folder, 'read')]: 'EROFS' });
      assert.deepEqual(found.own_descriptors, []);
      assert.deepEqual([found.home, found.cwd], ['/tmp', '/tmp']);
      // A path of certificates is no secret, and inside it leads to what every sandbox has.
      const inherited = [
        'HOME',
        'LANG',
        'LC_ALL',
        'LC_CTYPE',
        'LOGNAME',
        'PATH',
        'PWD',
        'SHELL',
        'SSL_CERT_FILE',
        'TZ',
        'USER',
      ];
      assert.deepEqual(
        (found.environment as string[]).filter((each) => !inherited.includes(each)),
        [],
      );
    });
  }

  test('P8: without network a sandbox reaches no port of the machine; with it, the API wants a token', () => {
    assert.deepEqual([loot.box!.api, loot.both!.api], ['ECONNREFUSED', 'ECONNREFUSED']);
    assert.equal(loot.net!.api, 401);
  });

  test('P8: with both, the sandbox has its user, who cannot become another', () => {
    assert.deepEqual(loot.both!.user, [65534, 65534, [65534]]);
    assert.equal(loot.both!.become_root, 'EPERM');
    assert.equal(loot.both!.secret_file, 'EACCES', 'seen, and not read');
  });

  test('P8: a reload that cannot confine a server is not taken', async () => {
    const path = join(house.folder, 'holdfast.yaml');
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replace('run_as: nobody', 'run_as: no-such-user'));
    await eventually('it is refused', () => /there is no user no-such-user/.test(gateway.log) || null);
    writeFileSync(path, text);
    const client = await sdkClient(`${gateway.url}/mcp/user`, house.tokens.agent!);
    assert.equal((await client.listTools()).tools.length, 1, 'as before');
    await client.close();
  });

  test('the overview names the servers without user and sandbox, and no other', async () => {
    const login = await fetch(`${gateway.url}/login`, {
      method: 'POST',
      redirect: 'manual',
      headers: { origin: gateway.url, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token: house.adminToken }),
    });
    const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0]!;
    const page = await (await fetch(`${gateway.url}/overview`, { headers: { cookie } })).text();
    const alert = /role="alert">(.*?)<\/section>/s.exec(page)?.[1] ?? page.slice(0, 500);
    assert.match(alert, /<b>none<\/b>, <b>other<\/b>: each runs/);
    assert.doesNotMatch(alert, /<b>(user|box|net|both)<\/b>/);
  });

  /** The gateway and whatever it started: no secret on a command line, none in its own environment. */
  function assertNothingInProc(root: number, needles: readonly string[]): void {
    const tree = descendantsOf(root);
    assert.ok(tree.length >= 4, `there are children: ${tree}`);
    for (const pid of [root, ...tree]) {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      assert.ok(!needles.some((needle) => line.includes(needle)), line);
      const environ = readFileSync(`/proc/${pid}/environ`, 'utf8');
      const allowed = others.includes(pid) ? [OTHERS_TOKEN] : [];
      assert.deepEqual(
        needles.filter((needle) => environ.includes(needle)),
        allowed,
        line,
      );
    }
  }
});

const pidsIn = (log: string): number[] =>
  [...log.matchAll(/"pid":(\d+),"msg":"stdio server: started"/g)].map(([, pid]) => Number(pid));

function descendantsOf(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      parents.set(
        Number(name),
        Number(
          stat
            .slice(stat.lastIndexOf(')') + 1)
            .trim()
            .split(' ')[1],
        ),
      );
    } catch {
      // It has ended meanwhile.
    }
  }
  const under = (pid: number): boolean => {
    const parent = parents.get(pid) ?? 0;
    return parent === root || (parent > 1 && under(parent));
  };
  return [...parents.keys()].filter(under);
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { StdioUpstream } from '../../../src/config/config.ts';
import { parseConfig } from '../../../src/config/config-file.ts';
import { faultText } from '../../../src/config/document/fault.ts';
import { bubblewrapWords, NotConfined } from '../../../src/main/confine/bubblewrap.ts';
import { confinementFaults, confinementText } from '../../../src/main/confine/check.ts';
import { confinedProgram } from '../../../src/main/confine/confine.ts';
import type { Guarded } from '../../../src/main/confine/guarded.ts';
import { canConfine } from '../../support/installed.ts';
import { eventually } from '../../support/wait.ts';

const skip = canConfine() ? false : 'needs root on Linux with bubblewrap and Python';
const HOSTILE = join(import.meta.dirname, '../../support/stdio/hostile-child.py');

describe('confined stdio servers', { skip }, () => {
  let folder: string;
  let guarded: Guarded;

  before(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'confined-')));
    chmodSync(folder, 0o755);
    for (const name of ['data', 'app', 'app/policies', 'etc']) mkdirSync(join(folder, name));
    chmodSync(join(folder, 'data'), 0o700);
    copyFileSync(HOSTILE, join(folder, 'server.py'));
    for (const name of ['data/secret', 'etc/token', 'etc/holdfast.yaml']) {
      writeFileSync(join(folder, name), 'secret', { mode: 0o600 });
    }
    writeFileSync(join(folder, 'app/policies/p.yaml'), 'policy');
    guarded = {
      folders: [join(folder, 'data')],
      secrets: [join(folder, 'etc/token')],
      config: join(folder, 'etc/holdfast.yaml'),
      unwritten: ['etc/token', 'etc/holdfast.yaml', 'app/policies/p.yaml'].map((name) => join(folder, name)),
    };
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const server = (more: Partial<StdioUpstream>, command: [string, ...string[]] = ['true']): StdioUpstream => {
    return { kind: 'stdio', command, env: {}, cwd: null, runAs: null, sandbox: null, ...more };
  };
  const box = (...paths: string[]): Partial<StdioUpstream> => ({
    sandbox: {
      network: false,
      paths: paths.map((text) => ({ path: join(folder, text.replace(/:ro$/, '')), writable: !text.endsWith(':ro') })),
    },
  });
  const shell = (more: Partial<StdioUpstream>, script: string): string => {
    const { command, env, cwd } = confinedProgram(server(more, ['sh', '-c', script]), guarded, process.env);
    const { stdout, stderr } = spawnSync(command[0]!, command.slice(1), { env, cwd, encoding: 'utf8' });
    return (stdout + stderr).trim();
  };
  const faults = async (servers: Record<string, StdioUpstream>): Promise<string[]> => {
    const config = {
      servers: new Map(Object.entries(servers).map(([name, upstream]) => [name, { name, upstream, policyPath: 'p' }])),
    };
    return (await confinementFaults(config as never, guarded, process.env)).map(confinementText);
  };

  test('P8: a user without privilege makes the same sandbox by himself, and gets nothing out of it', () => {
    const terms = { sandbox: box('server.py:ro').sandbox!, cwd: null, guarded, isRoot: false, capabilities: [] };
    const attack = {
      ...{ needles: { other: 'x' }, gateway: process.pid, others: [], data: join(folder, 'data'), listed: [] },
      ...{ secret_file: join(folder, 'etc/token'), config: join(folder, 'etc/holdfast.yaml') },
      ...{ policy: join(folder, 'app/policies/p.yaml'), url: 'http://127.0.0.1:9', escape: true },
    };
    const words = [
      ...['--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', '--bounding-set=-all', '--'],
      ...bubblewrapWords('/usr/bin/bwrap', terms),
      ...['/usr/bin/python3', join(folder, 'server.py'), JSON.stringify(attack)],
    ];
    const { stdout, stderr } = spawnSync('setpriv', words, {
      cwd: '/',
      encoding: 'utf8',
      env: { PATH: '/usr/bin:/bin' },
    });
    assert.ok(stdout.startsWith('{'), stderr);
    const loot = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual([loot.sees_gateway, loot.memory, loot.ptrace, loot.data], [false, 'ENOENT', 'ESRCH', 'ENOENT']);
    assert.deepEqual(loot.escape, []);
    // Python adds LC_CTYPE by itself; there is no other user to become.
    assert.deepEqual([loot.become_root, loot.environment], ['EINVAL', ['LC_CTYPE', 'PATH', 'PWD']]);
    assert.deepEqual([loot.secret_file, loot.system_write, loot.sysctl_write], ['ENOENT', 'EROFS', 'EACCES']);
  });

  test('P8: what is listed for writing may hold nothing that is guarded; what is listed for reading hides it', () => {
    for (const [path, why] of [
      ['data', /lies in .*data, which no server may see/],
      ['', /data lies in it, and the server could replace it; list it as .*:ro/],
      ['app', /p\.yaml lies in it, and the server could replace it/],
      ['etc/token:ro', /may hold secrets of the gateway/],
      ['missing', /does not exist/],
      ['../../proc:ro', /it is the system itself/],
      ['../..:ro', /it is the system itself/],
    ] as const) {
      assert.throws(() => confinedProgram(server(box(path)), guarded, process.env), why, path);
    }
    assert.match(
      shell(box(':ro'), `ls -A ${folder}/data; cat ${folder}/etc/*; cat ${folder}/app/policies/p.yaml`),
      /^policy/,
    );
    assert.doesNotMatch(shell(box(':ro'), `ls -A ${folder}/data; cat ${folder}/etc/*`), /secret/);
  });

  test('a command inherits where certificates are, as far as it can read them there', () => {
    const [open, closed] = [join(folder, 'ca.pem'), join(folder, 'closed')];
    writeFileSync(open, 'certificates', { mode: 0o644 });
    mkdirSync(closed, { mode: 0o700 });
    writeFileSync(join(closed, 'ca.pem'), 'certificates', { mode: 0o644 });
    const inherits = (
      more: Partial<StdioUpstream>,
      own: Record<string, string>,
    ): Record<string, string | undefined> => {
      const { env } = confinedProgram(server(more), guarded, { PATH: process.env.PATH, ...own });
      return Object.fromEntries(Object.entries(env).filter(([name]) => /CERT|BUNDLE/.test(name)));
    };
    const system = '/etc/ssl/certs/ca-certificates.crt';
    for (const [form, more, path, given] of [
      ['as the gateway', {}, open, true],
      ['as the gateway, not there', {}, join(folder, 'none.pem'), false],
      ['as a user', { runAs: 'nobody' }, open, true],
      ['as a user who may not enter the folder', { runAs: 'nobody' }, join(closed, 'ca.pem'), false],
      ['as a user who may not read the file', { runAs: 'nobody' }, join(folder, 'data/secret'), false],
      ['in a sandbox', box(), open, false],
      ['in a sandbox, of the system', box(), system, true],
      ['in a sandbox, listed', box('ca.pem:ro'), open, true],
      ['in a sandbox, guarded', box(':ro'), join(folder, 'data/secret'), false],
      ['in a sandbox as a user, listed', { ...box('ca.pem:ro'), runAs: 'nobody' }, open, true],
    ] as const) {
      for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE']) {
        assert.deepEqual(inherits(more, { [name]: path }), given ? { [name]: path } : {}, `${name} ${form}`);
      }
    }
    const places = `/etc/ssl/certs:${folder}`;
    assert.deepEqual(inherits({}, { SSL_CERT_DIR: places }), { SSL_CERT_DIR: places });
    assert.deepEqual(inherits(box(), { SSL_CERT_DIR: places }), {}, 'one of them is not seen');
    assert.deepEqual(inherits({ env: { SSL_CERT_FILE: '/mine' } }, { SSL_CERT_FILE: open }), {
      SSL_CERT_FILE: '/mine',
    });
    const read = { NODE_EXTRA_CA_CERTS: open, PATH: process.env.PATH };
    const { command, env } = confinedProgram(
      server(box('ca.pem:ro'), ['sh', '-c', 'cat $NODE_EXTRA_CA_CERTS']),
      guarded,
      read,
    );
    assert.equal(spawnSync(command[0]!, command.slice(1), { env, encoding: 'utf8' }).stdout, 'certificates');
  });

  test('P8: a path that becomes a link to the data directory is refused at the next start', () => {
    mkdirSync(join(folder, 'moving'));
    assert.equal(shell(box('moving'), `ls -A ${folder}/moving`), '');
    rmSync(join(folder, 'moving'), { recursive: true });
    symlinkSync(join(folder, 'data'), join(folder, 'moving'));
    assert.throws(() => shell(box('moving'), 'true'), NotConfined);
    rmSync(join(folder, 'moving'));
  });

  test('P8: what cannot be done is said for every server, and nothing falls back', async () => {
    mkdirSync(join(folder, 'app/deep'), { recursive: true });
    const found = await faults({
      nobody_knows: server({ runAs: 'no-such-user-here' }),
      root: server({ runAs: 'root' }),
      missing: server(box(), ['/opt/not/there']),
      unseen: server(box(), [join(folder, 'server.py')]),
      held: server(box('app/deep')),
      holder: server(box('app/policies/../deep/..:ro')),
      good: server({ ...box('server.py:ro'), runAs: 'nobody' }, ['/usr/bin/python3']),
    });
    const said = (name: string): string => found.filter((line) => line.startsWith(`servers.${name}:`)).join('\n');
    assert.match(said('nobody_knows'), /there is no user no-such-user-here/);
    assert.match(said('root'), /root is root, from whom nothing can be kept/);
    assert.match(said('missing'), /there is no program \/opt\/not\/there in its sandbox: list its folder under paths/);
    assert.match(said('unseen'), /there is no program .*server\.py in its sandbox/);
    assert.deepEqual([said('held'), said('holder'), said('good')], ['', '', '']);
    const nested = await faults({ a: server(box('app/deep')), b: server(box('app/deep/..', 'app/deep')) });
    assert.match(nested.join('\n'), /could replace it/);
  });

  test('P8: a user for whom the data directory is open is refused', async () => {
    chmodSync(join(folder, 'data'), 0o755);
    const found = await faults({ s: server({ runAs: 'nobody' }) });
    chmodSync(join(folder, 'data'), 0o700);
    assert.match(found.join('\n'), /servers\.s: it could enter .*data: chmod 700/);
    assert.deepEqual(await faults({ s: server({ runAs: 'nobody' }) }), []);
  });

  test('a confined child that ignores every signal ends with a gateway that is killed', async () => {
    const stubborn = `import os,signal,time\nsignal.signal(15, signal.SIG_IGN)\nprint("up", flush=True)\nwhile True: time.sleep(1)`;
    const mark = join(folder, 'stubborn');
    const programs = [{ runAs: 'nobody' }, box(), { ...box(), runAs: 'nobody' }].map((more) =>
      confinedProgram(server(more, ['/usr/bin/python3', '-c', stubborn, mark]), guarded, process.env),
    );
    const script = `import { startChild } from '${import.meta.dirname}/../../../src/mcp/stdio/child.ts';
      for (const program of ${JSON.stringify(programs)}) await new Promise((up) => startChild(program, up));
      process.kill(process.pid, 'SIGKILL');`;
    const { signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.equal(signal, 'SIGKILL');
    const alive = (): string[] =>
      readdirSync('/proc').filter((pid) => {
        try {
          return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`${mark}\0`);
        } catch {
          return false;
        }
      });
    await eventually('none is left', async () => alive().length === 0 || null);
  });

  for (const [bwrap, said] of [
    ['/dev/null', /the program bwrap is missing: install bubblewrap/],
    ['/bin/false', /it cannot be confined here: ended with 1\. .*a sandbox needs root, or namespaces/],
  ] as const) {
    test(`P8: a gateway without a bubblewrap that works refuses (${bwrap})`, () => {
      const script = `import { confinementFaults } from '${import.meta.dirname}/../../../src/main/confine/check.ts';
        const sandbox = { network: false, paths: [] };
        const upstream = { kind: 'stdio', command: ['true'], env: {}, cwd: null, runAs: null, sandbox };
        const servers = new Map([['s', { name: 's', upstream, policyPath: 'p' }]]);
        const guarded = { folders: [], secrets: [], config: '/none', unwritten: [] };
        console.log((await confinementFaults({ servers }, guarded, { PATH: '/usr/bin:/bin' }))[0].what);`;
      const inNamespace = `mount --bind ${bwrap} /usr/bin/bwrap && exec "$@"`;
      const words = ['-m', 'sh', '-c', inNamespace, 'sh', process.execPath, '--input-type=module', '-e', script];
      const { stdout, stderr } = spawnSync('unshare', words, { encoding: 'utf8' });
      assert.match(stdout, said, stderr);
    });
  }

  test('P8: a gateway that may not change user refuses', () => {
    const script = `import { confinementFaults } from '${import.meta.dirname}/../../../src/main/confine/check.ts';
      const upstream = { kind: 'stdio', command: ['true'], env: {}, cwd: null, runAs: 'daemon', sandbox: null };
      const servers = new Map([['s', { name: 's', upstream, policyPath: 'p' }]]);
      const guarded = { folders: [], secrets: [], config: '/none', unwritten: [] };
      process.setgroups([]); process.setgid(65534); process.setuid(65534);
      console.log((await confinementFaults({ servers }, guarded, { PATH: '/usr/bin:/bin' }))[0].what);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
    assert.match(
      stdout,
      /it cannot be confined here: .*(not permitted|setresuid|setgroups).*run_as needs a gateway that is root/is,
      stderr,
    );
  });
});

test('the keys of a sandbox are checked, each with its path', () => {
  const parse = (server: string): string => {
    const parsed = parseConfig(`version: "1"\nservers: { s: { ${server}, policy: p } }\n`, { path: 'h.yaml', env: {} });
    return parsed.ok
      ? JSON.stringify(parsed.config.servers.get('s')!.upstream)
      : parsed.faults.map(faultText).join('\n');
  };
  assert.match(parse('command: [x], sandbox: { bubblewrap: { net: true } }'), /servers\.s\.sandbox\.bubblewrap\.net: /);
  assert.match(parse('command: [x], sandbox: { firejail: {} }'), /servers\.s\.sandbox\.(firejail|bubblewrap): /);
  assert.match(parse('command: [x], sandbox: yes'), /servers\.s\.sandbox: is "?yes"? .*none, bubblewrap/);
  assert.match(parse('command: [x], run_as: "a b"'), /servers\.s\.run_as: .*the name of a user/);
  assert.match(parse('url: "http://x/", run_as: nobody'), /servers\.s\.run_as: has no meaning with url/);
  assert.match(parse('url: "http://x/", sandbox: none'), /servers\.s\.sandbox: has no meaning with url/);
  assert.match(parse('command: [x], sandbox: none'), /"runAs":null,"sandbox":null/);
  assert.match(
    parse('command: [x], sandbox: { bubblewrap: { network: true, paths: [a, "/b:ro"] } }'),
    /"sandbox":\{"network":true,"paths":\[\{"path":"a","writable":true\},\{"path":"\/b","writable":false\}\]\}/,
  );
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { canConfine } from '../../support/installed.ts';
import { eventually } from '../../support/wait.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const TOKEN = 'a-token-that-nobody-may-find-anywhere';
const UPSTREAM = 'what-the-upstream-is-called-with';
const linux = process.platform === 'linux' ? false : 'there is no /proc here';

describe('the environment of a running Holdfast', { skip: linux }, () => {
  let folder: string;
  let config: string;
  let env: Record<string, string>;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'own-environment-'));
    config = join(folder, 'holdfast.yaml');
    // What it is started with writes down what it finds above itself.
    const look = `tr '\\\\0' '\\\\n' < /proc/$PPID/environ > ${folder}/found; cat /proc/$PPID/cmdline >> ${folder}/found; cat`;
    writeFileSync(
      config,
      `version: "1"\nservers:\n  looking: { command: [sh, -c, "${look}"], env: { T: "$\{UPSTREAM}" }, policy: p.yaml }\n`,
    );
    writeFileSync(join(folder, 'p.yaml'), 'version: "1"\ndefault: allow\n');
    env = {
      PATH: process.env.PATH!,
      HOME: folder,
      HOLDFAST_LISTEN: '127.0.0.1:0',
      HOLDFAST_DATA: join(folder, 'data'),
      HOLDFAST_ADMIN_TOKEN: TOKEN,
      UPSTREAM,
    };
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const readable = (pid: number): string => readFileSync(`/proc/${pid}/environ`, 'utf8');
  const free = (text: string): void => {
    for (const secret of [TOKEN, UPSTREAM]) assert.ok(!text.includes(secret), text);
  };
  const words = (command: string): string[] => [join(ROOT, 'src/cli/cli.ts'), command, '--config', config];

  for (const command of ['doctor', 'scan']) {
    test(`P8: a server that ${command} starts finds no secret in the process above it`, () => {
      const more = command === 'scan' ? ['--timeout', '2s'] : [];
      const ran = spawnSync(process.execPath, [...words(command), ...more], { env, encoding: 'utf8', cwd: folder });
      assert.equal(ran.status, 1, `${ran.stdout}${ran.stderr}`);
      const found = readFileSync(join(folder, 'found'), 'utf8');
      assert.match(found, new RegExp(`cli\\.ts.*${command}`));
      free(found);
      rmSync(join(folder, 'found'));
    });
  }

  test('doctor names the processes above in whose environment secrets can be read, and the server without confinement', () => {
    const script = `"${process.execPath}" "${words('doctor').join('" "')}" --json; true`;
    const { stdout } = spawnSync('sh', ['-c', script], { env, encoding: 'utf8', cwd: folder });
    const { findings } = JSON.parse(stdout) as { findings: { about: string; what: string; remedy: string }[] };
    const above = findings.filter(({ about }) => about === 'environment');
    assert.equal(above.length, 1, stdout);
    assert.match(above[0]!.what, /^process \d+ \(sh\) holds HOLDFAST_ADMIN_TOKEN, UPSTREAM, where every process/);
    assert.match(above[0]!.remedy, /HOLDFAST_ADMIN_TOKEN_FILE, UPSTREAM_FILE/);
    assert.ok(
      findings.some(({ about, what }) => about === 'server looking' && /without a sandbox/.test(what)),
      stdout,
    );
    free(stdout);
  });

  test('P8: a start keeps its id, its exit code and its signals, and its environment holds no secret', async () => {
    const gateway = new Started(process.execPath, words('start'), env);
    await gateway.listens();
    free(readable(gateway.pid));
    free(readFileSync(`/proc/${gateway.pid}/cmdline`, 'utf8'));
    assert.match(gateway.said, /WARNING: servers\.looking runs as the gateway’s own user without a sandbox/);
    assert.equal(await gateway.stop('SIGTERM'), 0);
    const failing = new Started(process.execPath, [...words('start').slice(0, 2), '--config', '/not/there'], env);
    assert.equal(await failing.ended, 1);
    assert.match(failing.said, /\/not\/there: cannot be read/);
    assert.deepEqual(
      readdirSync('/dev/shm').filter((name) => name.startsWith('holdfast')),
      [],
    );
  });

  test('P8: a mark that somebody else set hands nothing over, and takes nothing away', async () => {
    writeFileSync(join(folder, 'forged'), JSON.stringify({ HOLDFAST_ADMIN_TOKEN: 'forged' }));
    const gateway = new Started(
      'sh',
      ['-c', `exec "${process.execPath}" "${words('start').join('" "')}" < forged`],
      {
        ...env,
        HOLDFAST_HANDED_OVER: '0',
      },
      folder,
    );
    const url = await gateway.listens();
    free(readable(gateway.pid));
    const answers = await Promise.all(
      [TOKEN, 'forged'].map((token) =>
        fetch(`${url}/api/approvals`, { headers: { authorization: `Bearer ${token}` } }),
      ),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 401],
    );
    assert.equal(await gateway.stop('SIGINT'), 0);
  });

  test('P8: under npm it is the same, and the start says that npm’s own environment still holds them', async () => {
    const gateway = new Started('npm', ['start', '--silent', '--', '--config', config], env, ROOT);
    await gateway.listens();
    const pid = await eventually('it logs', () => Number(/"pid":(\d+)/.exec(gateway.said)?.[1]) || null);
    free(readable(pid));
    assert.match(gateway.said, /WARNING: environment: HOLDFAST_ADMIN_TOKEN, UPSTREAM can be read in process \d+ \(npm/);
    // Not npm, whose shell may keep a signal to itself.
    process.kill(pid, 'SIGTERM');
    assert.equal(await gateway.ended, 0);
  });

  const namespaces = canConfine() ? false : 'needs root on Linux';
  test('P8: as the first process of a container it is the same', { skip: namespaces }, async () => {
    const container = ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, ...words('start')];
    const gateway = new Started('unshare', container, env);
    await gateway.listens();
    const [inner] = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, 'utf8').trim().split(' ');
    free(readable(Number(inner)));
    assert.match(readFileSync(`/proc/${inner}/status`, 'utf8'), /^NSpid:\s+\d+\s+1$/m);
    process.kill(Number(inner), 'SIGTERM');
    assert.equal(await gateway.ended, 0);
  });
});

/** A process with what it said. */
class Started {
  readonly child: ChildProcess;
  said = '';
  readonly ended: Promise<number | null>;

  constructor(program: string, words: readonly string[], env: Record<string, string>, cwd = '/') {
    this.child = spawn(program, words, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.said += text;
      });
    }
    this.ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
  }

  get pid(): number {
    return this.child.pid!;
  }

  listens(): Promise<string> {
    return eventually(
      'it listens',
      () => {
        if (this.child.exitCode !== null) throw new Error(this.said);
        return /listening on (\S+)/.exec(this.said)?.[1] ?? null;
      },
      60_000,
    );
  }

  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal);
    return this.ended;
  }
}
